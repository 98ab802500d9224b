//! How fast an error budget is spent, and when an alert on it fires.
//!
//! A target of 99.9 % leaves 0.1 % of the answers to be bad. The burn rate over a window is the share of bad
//! answers in it / that budget. An alert needs a rate over a long window, so that it is about something, and
//! over a short one, so that it ends when the trouble does: 14.4 over 1 h and 5 min, 6 over 6 h and 30 min,
//! 1 over 3 d and 6 h (Google, The Site Reliability Workbook, chapter 5, as retold in the sources of the
//! domain notes).
//!
//! Rules: an answer counts when it comes, as a monitor sees it, and whatever is no good answer is bad. A run
//! is shorter than these windows: what lies before its start (or the end of its warm-up) is taken to be
//! requests at the rate of the first minute, all of them good. So an outage of a service that was well fires
//! when it would in practice: all requests failing, after 14.4 x 0.1 % x 60 min = 52 s.

use super::recorder::ReplicationRecord;
use super::value::MetricValue;
use crate::base::SimTime;

/// An alert: burn rate, long and short window in seconds.
pub const ALERTS: [(f64, f64, f64); 3] =
    [(14.4, 3_600.0, 300.0), (6.0, 6.0 * 3_600.0, 1_800.0), (1.0, 72.0 * 3_600.0, 6.0 * 3_600.0)];

/// For how long the first rate of a run is looked at, in seconds.
const FIRST: f64 = 60.0;

/// Answers by the time they came: at the end of each row the time, and how many there were until then.
struct Answers {
    /// Seconds from the start, answers, bad ones.
    points: Vec<(f64, f64, f64)>,
    /// Answers per second before the start.
    before: f64,
}

impl Answers {
    fn of(record: &ReplicationRecord, (from, to): (SimTime, SimTime)) -> Self {
        let mut points = vec![(0.0, 0.0, 0.0)];
        let (mut all, mut bad) = (0.0, 0.0);
        for row in record.rows_in(from, to) {
            all += row.events.finished as f64;
            bad += (row.events.finished - row.events.good) as f64;
            points.push((row.end.since(from).as_secs_f64(), all, bad));
        }
        let first = points.iter().find(|(at, ..)| *at >= FIRST).or(points.last()).copied();
        let before = first.filter(|(at, ..)| *at > 0.0).map_or(0.0, |(at, all, _)| all / at);
        Self { points, before }
    }

    /// Answers and bad ones until `at`; before the start a count below zero.
    fn until(&self, at: f64) -> (f64, f64) {
        if at <= 0.0 {
            return (at * self.before, 0.0);
        }
        let after = self.points.partition_point(|(t, ..)| *t < at);
        let (Some(low), Some(high)) = (self.points.get(after.wrapping_sub(1)), self.points.get(after)) else {
            return self.points.last().map_or((0.0, 0.0), |(_, all, bad)| (*all, *bad));
        };
        let part = (at - low.0) / (high.0 - low.0);
        (low.1 + part * (high.1 - low.1), low.2 + part * (high.2 - low.2))
    }

    /// The share of bad answers over a window that ends with a point.
    fn share(&self, &(at, all, bad): &(f64, f64, f64), window: f64) -> f64 {
        let (all_before, bad_before) = self.until(at - window);
        if all > all_before { (bad - bad_before) / (all - all_before) } else { 0.0 }
    }
}

/// The largest burn rate of `budget` over any window of so many seconds in `[from, to)`.
#[must_use]
pub fn burn_rate(
    record: &ReplicationRecord,
    span: (SimTime, SimTime),
    budget: f64,
    window: f64,
) -> MetricValue {
    let answers = Answers::of(record, span);
    if answers.points.last().is_none_or(|(_, all, _)| *all == 0.0) {
        return MetricValue::Absent;
    }
    let shares = answers.points[1..].iter().map(|point| answers.share(point, window));
    MetricValue::from_f64(shares.fold(0.0, f64::max) / budget)
}

/// When an alert first fires, in seconds of simulated time.
#[must_use]
pub fn fires_at(
    record: &ReplicationRecord,
    span: (SimTime, SimTime),
    budget: f64,
    (rate, long, short): (f64, f64, f64),
) -> Option<f64> {
    let answers = Answers::of(record, span);
    let fires = |point: &&(f64, f64, f64)| {
        [long, short].iter().all(|window| answers.share(point, *window) / budget >= rate)
    };
    answers.points[1..].iter().find(fires).map(|(at, ..)| span.0.as_secs_f64() + at)
}

/// When the first alert fires.
#[must_use]
pub fn alert_at(record: &ReplicationRecord, span: (SimTime, SimTime), budget: f64) -> MetricValue {
    let first = ALERTS.iter().filter_map(|alert| fires_at(record, span, budget, *alert)).reduce(f64::min);
    first.map_or(MetricValue::Never, MetricValue::Number)
}

/// The share of a budget of 30 days that is spent in `[from, to)`, at the rate of its first minute.
#[must_use]
pub fn spent(record: &ReplicationRecord, span: (SimTime, SimTime), budget: f64) -> Option<f64> {
    let answers = Answers::of(record, span);
    let (_, _, bad) = answers.points.last()?;
    let allowed = answers.before * 30.0 * 86_400.0 * budget;
    (allowed > 0.0).then(|| bad / allowed)
}
