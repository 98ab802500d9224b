//! All rollouts with a surge of one component, in order of time: each finds the instances where the one before
//! has left them.

use super::fault::{Fault, Verb};
use super::rollout::{Move, Rollout, roll_out};
use crate::base::ComponentId;

/// One rollout.
#[derive(Clone, PartialEq, Debug)]
pub struct Planned {
    /// The position of its fault.
    pub fault: usize,
    /// When it begins, in seconds.
    pub at: f64,
    /// What it does, in seconds from there.
    pub moves: Vec<Move>,
}

/// The rollouts with a surge, or of a version that never gets ready, of a component with so many instances.
#[must_use]
pub fn rollouts(faults: &[Fault], component: ComponentId, instances: u16) -> Vec<Planned> {
    let mut all: Vec<(f64, usize)> = Vec::new();
    for (index, fault) in faults.iter().enumerate() {
        if matches!(&fault.verb, Verb::Deploy { component: of, .. } if *of == component)
            && fault.verb.moves_places()
        {
            all.extend(fault.at.iter().map(|at| (*at, index)));
        }
    }
    all.sort_by(|a, b| a.0.total_cmp(&b.0).then(a.1.cmp(&b.1)));
    let mut there: Vec<u16> = (0..instances).collect();
    let mut planned = Vec::new();
    let mut over = 0.0_f64;
    for (at, fault) in all {
        let Verb::Deploy { max_surge, max_unavailable, ready, grace, boot, .. } = &faults[fault].verb else {
            continue;
        };
        // One after the other: whoever rolls out while another rollout goes on waits for its end.
        let at = at.max(over);
        let rollout = Rollout::new(u32::from(instances), *max_surge, *max_unavailable);
        let (moves, after) = roll_out(&rollout, &there, ready.then_some(*boot), *grace);
        let end = |step: &Move| match *step {
            Move::Ready { at, .. } => at,
            Move::Leaves { gone, .. } => gone,
        };
        over = at + moves.iter().map(end).fold(0.0, f64::max);
        there = after;
        planned.push(Planned { fault, at, moves });
    }
    planned
}
