//! What one load-balancer instance knows of its backends: state, weight, load, limits.
//!
//! Load is what this instance has sent and not seen answered. With a `view_age` the algorithms do not
//! see it as it is but as it was at the last multiple of that age, which is how a balancer behaves
//! that reads loads from elsewhere: everybody stampedes to the one that was idle (Mitzenmacher, "How
//! useful is old information?", TPDS 2000; Brooker 2012).
//!
//! A backend that comes up may start slowly: its weight grows from `min_share` to the whole as
//! (t / window)^(1 / aggression), Envoy's rule; aggression 1 is the linear ramp of nginx and HAProxy.

use super::backend_set::BackendSet;
use crate::base::{SimDuration, SimTime, ZoneId};

/// Whether a backend gets requests.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum State {
    /// Yes.
    #[default]
    Up,
    /// No: failed its checks, or was ejected.
    Down,
    /// Only those that stick to it; what it has is finished.
    Draining,
    /// It is no longer in the set; its place may be used again.
    Removed,
}

/// One backend as the balancer was told of it.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Member {
    /// Its share relative to others; at least zero.
    pub weight: f64,
    /// The tier: zero is used first.
    pub tier: u8,
    /// Where it is.
    pub zone: ZoneId,
    /// Requests (or connections) that it may have at once; none: unlimited.
    pub max_in_flight: Option<u32>,
    /// Its identity for consistent hashing: stays when others come and go.
    pub name: u64,
}

impl Member {
    /// A backend of this weight and identity, of the first tier, without a limit.
    #[must_use]
    pub const fn new(weight: f64, name: u64) -> Self {
        Self { weight, tier: 0, zone: ZoneId(0), max_in_flight: None, name }
    }
}

/// How the weight of a backend that came up grows.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct SlowStart {
    /// Until it has its whole weight.
    pub window: SimDuration,
    /// Steepness at the beginning; 1 is linear.
    pub aggression: f64,
    /// The share of the weight to begin with. Envoy's default is 10 %.
    pub min_share: f64,
}

impl SlowStart {
    fn share(&self, age: SimDuration) -> f64 {
        if age >= self.window || self.window.is_zero() {
            return 1.0;
        }
        let progress = age.as_secs_f64() / self.window.as_secs_f64();
        let share = if self.aggression == 1.0 {
            progress
        } else {
            libm::pow(progress, 1.0 / self.aggression.max(1e-3))
        };
        share.clamp(self.min_share.clamp(1e-6, 1.0), 1.0)
    }
}

/// All backends of one view.
#[derive(Clone, Debug)]
pub(super) struct Backends {
    pub(super) members: Vec<Member>,
    state: Vec<State>,
    in_flight: Vec<u32>,
    /// Loads at the last refresh, with a `view_age`.
    seen: Vec<u32>,
    /// Present weights: what is configured (or 1) times the share of a slow start.
    weights: Vec<f64>,
    weigh: bool,
    slow_start: Option<SlowStart>,
    warming: Vec<(usize, SimTime)>,
    view_age: Option<SimDuration>,
    refreshed: u64,
    /// Backends at their limit.
    full: usize,
    /// Those that are up.
    pub(super) up: BackendSet,
}

impl Backends {
    pub(super) fn new(
        members: Vec<Member>,
        weigh: bool,
        slow_start: Option<SlowStart>,
        view_age: Option<SimDuration>,
    ) -> Self {
        let n = members.len();
        let full = members.iter().filter(|m| m.max_in_flight == Some(0)).count();
        let mut backends = Self {
            weights: vec![1.0; n],
            members,
            state: vec![State::Up; n],
            in_flight: vec![0; n],
            seen: vec![0; n],
            weigh,
            slow_start,
            warming: Vec::new(),
            view_age: view_age.filter(|age| !age.is_zero()),
            refreshed: 0,
            full,
            up: (0..n).collect(),
        };
        (0..n).for_each(|i| backends.weights[i] = backends.base_weight(i));
        backends
    }

    fn base_weight(&self, i: usize) -> f64 {
        if self.weigh { self.members[i].weight.max(0.0) } else { 1.0 }
    }

    pub(super) fn len(&self) -> usize {
        self.members.len()
    }

    pub(super) fn state(&self, i: usize) -> State {
        self.state.get(i).copied().unwrap_or(State::Removed)
    }

    pub(super) fn in_flight(&self, i: usize) -> u32 {
        self.in_flight[i]
    }

    /// The load as the algorithms see it.
    #[inline]
    pub(super) fn load(&self, i: usize) -> u32 {
        if self.view_age.is_some() { self.seen[i] } else { self.in_flight[i] }
    }

    #[inline]
    pub(super) fn weight(&self, i: usize) -> f64 {
        self.weights[i]
    }

    /// Whether some backend is at its limit.
    #[inline]
    pub(super) fn any_full(&self) -> bool {
        self.full > 0
    }

    #[inline]
    pub(super) fn is_full(&self, i: usize) -> bool {
        self.members[i].max_in_flight.is_some_and(|max| self.in_flight[i] >= max)
    }

    /// Whether loads are seen at once.
    pub(super) fn is_current(&self) -> bool {
        self.view_age.is_none()
    }

    /// Counts one more request at `i`.
    #[inline]
    pub(super) fn take(&mut self, i: usize) {
        self.in_flight[i] += 1;
        self.full += usize::from(self.members[i].max_in_flight == Some(self.in_flight[i]));
    }

    /// Counts one request less; without effect if `i` has none.
    #[inline]
    pub(super) fn give_back(&mut self, i: usize) {
        if self.in_flight.get(i).is_none_or(|load| *load == 0) {
            return;
        }
        self.full -= usize::from(self.members[i].max_in_flight == Some(self.in_flight[i]));
        self.in_flight[i] -= 1;
    }

    /// Changes the state; a backend that comes up starts slowly if that is set. Whether anything changed.
    pub(super) fn set_state(&mut self, i: usize, state: State, now: SimTime) -> bool {
        if i >= self.len() || self.state[i] == state {
            return false;
        }
        self.state[i] = state;
        self.warming.retain(|(warm, _)| *warm != i);
        self.weights[i] = self.base_weight(i);
        if state == State::Up {
            self.up.insert(i);
            if let Some(slow) = self.slow_start {
                self.warming.push((i, now));
                self.weights[i] *= slow.share(SimDuration::ZERO);
            }
        } else {
            self.up.remove(i);
        }
        true
    }

    /// Adds a backend that is down, at the place of one that was removed if there is one with nothing
    /// in flight.
    pub(super) fn add(&mut self, member: Member) -> usize {
        let free = (0..self.len()).find(|i| self.state[*i] == State::Removed && self.in_flight[*i] == 0);
        let i = free.unwrap_or(self.len());
        if free.is_some() {
            self.full -= usize::from(self.is_full(i));
            self.members[i] = member;
        } else {
            self.members.push(member);
            self.state.push(State::Down);
            self.in_flight.push(0);
            self.seen.push(0);
            self.weights.push(0.0);
        }
        self.state[i] = State::Down;
        self.full += usize::from(self.is_full(i));
        self.seen[i] = 0;
        self.weights[i] = self.base_weight(i);
        i
    }

    /// Sets another configured weight.
    pub(super) fn reweigh(&mut self, i: usize, weight: f64) {
        if let Some(member) = self.members.get_mut(i) {
            member.weight = weight;
            self.weights[i] = self.base_weight(i);
        }
    }

    /// Lets time pass: weights of those that warm up, and the loads seen. Whether weights, and whether
    /// loads, are others than before. Costs nothing unless something warms or the view is old.
    #[inline]
    pub(super) fn advance(&mut self, now: SimTime) -> (bool, bool) {
        (!self.warming.is_empty() && self.warm(now), self.view_age.is_some() && self.refresh(now))
    }

    fn warm(&mut self, now: SimTime) -> bool {
        let Some(slow) = self.slow_start else { return false };
        let mut changed = false;
        for at in (0..self.warming.len()).rev() {
            let (i, since) = self.warming[at];
            let weight = self.base_weight(i) * slow.share(now.since(since));
            changed |= weight != self.weights[i];
            self.weights[i] = weight;
            if now.since(since) >= slow.window {
                self.warming.swap_remove(at);
            }
        }
        changed
    }

    fn refresh(&mut self, now: SimTime) -> bool {
        let Some(age) = self.view_age else { return false };
        let period = now.as_nanos() / age.as_nanos() + 1;
        if period == self.refreshed {
            return false;
        }
        self.refreshed = period;
        self.seen.clone_from(&self.in_flight);
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const START: SimTime = SimTime::ZERO;

    fn secs(s: f64) -> SimTime {
        SimTime::from_secs_f64(s)
    }

    #[test]
    fn slow_start_is_linear_or_as_steep_as_it_is_told() {
        let slow = SlowStart { window: SimDuration::from_secs(60), aggression: 1.0, min_share: 0.1 };
        for (age, share) in [(0, 0.1), (3, 0.1), (30, 0.5), (60, 1.0), (100, 1.0)] {
            assert!((slow.share(SimDuration::from_secs(age)) - share).abs() < 1e-12, "{age} s");
        }
        let steep = SlowStart { aggression: 2.0, ..slow };
        assert!((steep.share(SimDuration::from_secs(15)) - 0.5).abs() < 1e-12); // sqrt(1/4)
    }

    #[test]
    fn limits_are_counted() {
        let member = Member { max_in_flight: Some(2), ..Member::new(1.0, 0) };
        let mut backends = Backends::new(vec![member; 2], false, None, None);
        backends.take(0);
        assert!(!backends.any_full());
        backends.take(0);
        assert!(backends.any_full() && backends.is_full(0) && !backends.is_full(1));
        backends.give_back(0);
        backends.give_back(1); // nothing there: no effect
        assert!(!backends.any_full());
        assert_eq!((backends.in_flight(0), backends.in_flight(1)), (1, 0));
    }

    #[test]
    fn an_old_view_shows_what_was() {
        let mut backends =
            Backends::new(vec![Member::new(1.0, 0)], false, None, Some(SimDuration::from_secs(1)));
        assert_eq!(backends.advance(START), (false, true));
        backends.take(0);
        assert_eq!((backends.advance(secs(0.9)), backends.load(0)), ((false, false), 0));
        assert_eq!((backends.advance(secs(1.0)), backends.load(0)), ((false, true), 1));
    }

    #[test]
    fn places_of_removed_backends_are_used_again_once_they_are_idle() {
        let mut backends = Backends::new(vec![Member::new(1.0, 0), Member::new(1.0, 1)], false, None, None);
        backends.take(1);
        backends.set_state(1, State::Removed, START);
        assert_eq!(backends.add(Member::new(1.0, 2)), 2);
        backends.give_back(1);
        assert_eq!(backends.add(Member::new(1.0, 3)), 1);
        assert_eq!(backends.state(1), State::Down);
    }
}
