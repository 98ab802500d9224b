//! Adaptive concurrency: a bound on requests in flight that is found from their response times.
//!
//! A request that finds the bound reached is turned away at once (Envoy: 503). Whoever enters gets a
//! [`Ticket`]; when it leaves, its time and how many were inside when it came move the bound, as in
//! Netflix's concurrency-limits and Envoy's adaptive concurrency filter. Each answer is one sample:
//! Netflix's optional windowing of samples is not modelled.

mod aimd;
mod envoy_gradient;
mod gradient2;
mod vegas;

pub use aimd::Aimd;
pub use envoy_gradient::{EnvoyGradient, GradientSettings};
pub use gradient2::Gradient2;
pub use vegas::Vegas;

use crate::base::random::Draws;
use crate::base::{SimDuration, SimTime};

/// Proof of having entered.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Ticket {
    /// When.
    pub entered: SimTime,
    /// How many were inside then, this one among them.
    pub inside: u32,
}

/// How a request ended, for the bound.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Ending {
    /// Served: its time counts.
    Served,
    /// Timed out or turned away further on: a sign of overload.
    Dropped,
    /// Failed quickly, or cancelled: says nothing about the load.
    Ignored,
}

/// One served or dropped request as the rules see it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
struct Sample {
    entered: SimTime,
    took: SimDuration,
    inside: u32,
    dropped: bool,
}

/// The rule that moves the bound.
#[derive(Clone, PartialEq, Debug)]
pub enum Rule {
    /// Additive increase, multiplicative decrease.
    Aimd(Aimd),
    /// TCP Vegas: the queue estimated from the least response time.
    Vegas(Vegas),
    /// The ratio of long-term to present response time.
    Gradient2(Gradient2),
    /// The ratio of a measured least response time to present ones.
    EnvoyGradient(EnvoyGradient),
}

/// A bound and who is inside.
#[derive(Clone, PartialEq, Debug)]
pub struct AdaptiveConcurrency {
    rule: Rule,
    inside: u32,
}

impl AdaptiveConcurrency {
    /// Nobody inside yet.
    #[must_use]
    pub const fn new(rule: Rule) -> Self {
        Self { rule, inside: 0 }
    }

    /// The bound as of the last event.
    #[must_use]
    pub fn limit(&self) -> u32 {
        match &self.rule {
            Rule::Aimd(rule) => rule.limit(),
            Rule::Vegas(rule) => rule.limit(),
            Rule::Gradient2(rule) => rule.limit(),
            Rule::EnvoyGradient(rule) => rule.limit(),
        }
    }

    /// How many are inside.
    #[must_use]
    pub const fn inside(&self) -> u32 {
        self.inside
    }

    /// A request wants to enter; `None`: it is turned away.
    pub fn enter(&mut self, now: SimTime) -> Option<Ticket> {
        if let Rule::EnvoyGradient(rule) = &mut self.rule {
            rule.advance(now);
        }
        if self.inside >= self.limit() {
            return None;
        }
        self.inside += 1;
        Some(Ticket { entered: now, inside: self.inside })
    }

    /// A request that had entered leaves.
    pub fn leave(&mut self, ticket: Ticket, ending: Ending, now: SimTime, draws: &mut Draws) {
        self.inside = self.inside.saturating_sub(1);
        if ending == Ending::Ignored {
            return;
        }
        let sample = Sample {
            entered: ticket.entered,
            took: now.since(ticket.entered),
            inside: ticket.inside,
            dropped: ending == Ending::Dropped,
        };
        match &mut self.rule {
            Rule::Aimd(rule) => rule.sample(sample),
            Rule::Vegas(rule) => rule.sample(sample, draws),
            Rule::Gradient2(rule) => rule.sample(sample),
            Rule::EnvoyGradient(rule) => rule.sample(sample, now, draws),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::random::Key;
    use crate::kernel::Executive;
    use std::collections::VecDeque;

    #[derive(Clone, Copy)]
    enum Event {
        Arrival,
        Done,
    }

    /// A server of `workers` with a mean service time of 10 ms behind a bound, offered `rate`: the
    /// goodput (answers within `deadline`) of the last half, per second, and the mean time of all answers.
    fn serve(rule: Rule, workers: usize, rate: f64, deadline: f64, seconds: f64) -> (f64, f64) {
        let mut bound = AdaptiveConcurrency::new(rule);
        let mut draws = Key::root(1, 0).draws();
        let mut executive = Executive::new();
        let mut line: VecDeque<Ticket> = VecDeque::new();
        let mut busy: VecDeque<(SimTime, Ticket)> = VecDeque::new();
        executive.schedule_arrival(SimTime::ZERO, Event::Arrival);
        let (mut good, mut answers, mut time) = (0_u32, 0_u32, 0.0);
        let end = SimTime::from_secs_f64(seconds);
        while let Some(event) = executive.pop_until(end) {
            let now = executive.now();
            match event {
                Event::Arrival => {
                    let gap = -libm::log(draws.unit_open()) / rate;
                    executive.schedule_arrival(now + SimDuration::from_secs_f64(gap), Event::Arrival);
                    line.extend(bound.enter(now));
                }
                Event::Done => {
                    let at = busy.iter().position(|(done, _)| *done <= now).unwrap();
                    let (_, ticket) = busy.remove(at).unwrap();
                    let took = now.since(ticket.entered).as_secs_f64();
                    let ending = if took > deadline { Ending::Dropped } else { Ending::Served };
                    bound.leave(ticket, ending, now, &mut draws);
                    if now.as_secs_f64() > seconds / 2.0 {
                        answers += 1;
                        time += took;
                        good += u32::from(took <= deadline);
                    }
                }
            }
            while busy.len() < workers
                && let Some(ticket) = line.pop_front()
            {
                let done = now + SimDuration::from_secs_f64(0.005 + 0.01 * draws.unit());
                busy.push_back((done, ticket));
                executive.schedule(done, Event::Done);
            }
        }
        (f64::from(good) * 2.0 / seconds, time / f64::from(answers.max(1)))
    }

    fn rules() -> Vec<(&'static str, Rule)> {
        let settings =
            GradientSettings { min_rtt_interval: SimDuration::from_secs(10), ..GradientSettings::default() };
        vec![
            ("aimd", Rule::Aimd(Aimd::new(20, 1, 200, 0.9, SimDuration::from_millis(200)))),
            ("vegas", Rule::Vegas(Vegas::new(20, 1000))),
            ("gradient2", Rule::Gradient2(Gradient2::netflix())),
            ("envoy", Rule::EnvoyGradient(EnvoyGradient::new(settings))),
        ]
    }

    #[test]
    fn overload_is_turned_away_and_what_is_let_in_is_served_in_time() {
        // 10 workers of 10 ms: 1000/s. Offered twice that without a bound, nobody is served in time.
        let unbounded = Rule::Aimd(Aimd::new(u32::MAX, u32::MAX, u32::MAX, 0.9, SimDuration::MAX));
        assert!(serve(unbounded, 10, 2000.0, 1.0, 30.0).0 < 50.0);
        for (name, rule) in rules() {
            let (goodput, mean) = serve(rule, 10, 2000.0, 1.0, 60.0);
            assert!(goodput > 850.0, "{name}: {goodput} per second");
            assert!(mean < 0.25, "{name}: {mean} s");
        }
    }

    #[test]
    fn a_light_load_is_not_bothered() {
        for (name, rule) in rules() {
            let (goodput, _) = serve(rule, 10, 500.0, 1.0, 60.0);
            assert!(goodput > 470.0, "{name}: {goodput} of 500 per second");
        }
    }

    #[test]
    fn whoever_is_ignored_leaves_the_bound_as_it_is() {
        let mut draws = Key::root(2, 0).draws();
        let mut bound = AdaptiveConcurrency::new(Rule::Aimd(Aimd::netflix()));
        let tickets: Vec<_> = (0..30).filter_map(|_| bound.enter(SimTime::ZERO)).collect();
        assert_eq!((tickets.len(), bound.inside(), bound.limit()), (20, 20, 20));
        for ticket in tickets {
            bound.leave(ticket, Ending::Ignored, SimTime::ZERO, &mut draws);
        }
        assert_eq!((bound.inside(), bound.limit()), (0, 20));
    }
}
