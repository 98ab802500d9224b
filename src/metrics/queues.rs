//! What became of the messages of a queue, and how old the oldest one that waits is.

use super::value::MetricValue;
use crate::base::SimTime;
use crate::engine::Fate;

/// Counts of one queue in one stretch of time.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct QueueEvents {
    counts: [u64; Fate::COUNT],
    /// Jobs that are done as far as their clients can see.
    pub completed: u64,
    /// Integral of the age of the oldest message that waits, in nanoseconds squared.
    pub aged: f64,
    /// The largest such age, in nanoseconds.
    pub oldest: f64,
    /// The age at the end of the stretch, in nanoseconds.
    pub last: f64,
}

impl QueueEvents {
    /// How many messages met this.
    #[must_use]
    pub const fn count(&self, fate: Fate) -> u64 {
        self.counts[fate as usize]
    }

    /// Adds a later stretch.
    pub fn add(&mut self, other: &Self) {
        for (mine, theirs) in self.counts.iter_mut().zip(other.counts) {
            *mine += theirs;
        }
        self.completed += other.completed;
        self.aged += other.aged;
        self.oldest = self.oldest.max(other.oldest);
        self.last = other.last;
    }
}

/// The present state of one queue, as it is recorded.
#[derive(Clone, Copy, Debug, Default)]
struct Track {
    events: QueueEvents,
    since: Option<SimTime>,
    /// Until when the integral goes.
    until: SimTime,
    /// The first instant from the end of the spike on at which nobody waited.
    emptied: Option<SimTime>,
    /// Whether somebody waited when the spike ended.
    waited: Option<bool>,
}

impl Track {
    fn advance(&mut self, now: SimTime) {
        if let Some(since) = self.since {
            let age = |at: SimTime| at.since(since).as_nanos() as f64;
            let (from, to) = (age(self.until), age(now));
            self.events.aged += 0.5 * (to * to - from * from);
            self.events.oldest = self.events.oldest.max(to);
            self.events.last = to;
        } else {
            self.events.last = 0.0;
        }
        self.until = now;
    }
}

/// The queues of a model, by component; empty where there is none.
#[derive(Clone, Debug, Default)]
pub(super) struct QueueRecorder {
    tracks: Vec<Track>,
    spike_end: Option<SimTime>,
}

impl QueueRecorder {
    pub(super) fn new(queues: usize, spike_end: Option<SimTime>) -> Self {
        Self { tracks: vec![Track::default(); queues], spike_end }
    }

    pub(super) fn met(&mut self, queue: usize, fate: Fate) {
        if let Some(track) = self.tracks.get_mut(queue) {
            track.events.counts[fate as usize] += 1;
        }
    }

    pub(super) fn completed(&mut self, queue: usize) {
        if let Some(track) = self.tracks.get_mut(queue) {
            track.events.completed += 1;
        }
    }

    pub(super) fn oldest(&mut self, queue: usize, since: Option<SimTime>, now: SimTime) {
        let spike_end = self.spike_end;
        let Some(track) = self.tracks.get_mut(queue) else { return };
        track.advance(now);
        if let Some(end) = spike_end.filter(|end| now >= *end && track.emptied.is_none()) {
            // The first change from the end of the spike on tells whether somebody waited then.
            let waited = *track.waited.get_or_insert(track.since.is_some());
            if !waited {
                track.emptied = Some(end);
            } else if since.is_none() {
                track.emptied = Some(now);
            }
        }
        track.since = since;
    }

    /// What happened until `now`; counting begins anew.
    pub(super) fn cut(&mut self, now: SimTime) -> Vec<QueueEvents> {
        let cut = |track: &mut Track| {
            track.advance(now);
            std::mem::take(&mut track.events)
        };
        self.tracks.iter_mut().map(cut).collect()
    }

    /// By queue: when nobody waited first from the end of the spike on.
    pub(super) fn emptied(&self) -> Vec<MetricValue> {
        let Some(end) = self.spike_end else { return Vec::new() };
        let value = |track: &Track| match (track.emptied, track.since) {
            (Some(at), _) => MetricValue::Number(at.since(end).as_secs_f64()),
            (None, None) => MetricValue::Number(0.0),
            (None, Some(_)) => MetricValue::Never,
        };
        self.tracks.iter().map(value).collect()
    }
}
