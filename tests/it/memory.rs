//! A run's memory depends on how much is alive at once, never on how much has been.

use surgesim::base::SimTime;
use surgesim::engine::{Blind, Footprint, Limits, World};
use surgesim::event_graph::assemble;

use crate::model::model;

/// The footprint after so many seconds, and after ten times as many.
fn grown(text: &str, seconds: f64) -> (Footprint, Footprint) {
    let assembly = assemble(&model(text), 0);
    let mut world = World::new(assembly.nodes, assembly.plan, Blind);
    let mut after = |seconds: f64| {
        let until = SimTime::from_secs_f64(seconds);
        let limits = Limits { until, requests: None, max_events: None, max_in_flight: None };
        world.run(limits, |_| true);
        assert_eq!(world.now(), until);
        world.footprint()
    };
    (after(seconds), after(10.0 * seconds))
}

#[test]
fn ten_times_as_long_takes_no_more_memory() {
    let workloads = [
        ("W1", include_str!("../../benches/workloads/w1.yaml"), 20.0),
        ("W2", include_str!("../../benches/workloads/w2.yaml"), 20.0),
        ("W3", include_str!("../../benches/workloads/w3.yaml"), 2.0),
        ("W3 LC", include_str!("../../benches/workloads/w3-lc.yaml"), 2.0),
        // 10,000 timers of a second that are set and cancelled in each second.
        ("W3t", include_str!("../../benches/workloads/w3t.yaml"), 2.0),
    ];
    for (name, text, seconds) in workloads {
        let (short, long) = grown(text, seconds);
        // What is alive at once has a maximum that grows with the logarithm of the time looked at.
        assert!(long.requests <= 2 * short.requests + 16, "{name}: {short:?}, then {long:?}");
        assert!(long.calls <= 2 * short.calls + 64, "{name}: {short:?}, then {long:?}");
        assert!(long.events <= 2 * short.events + 4096, "{name}: {short:?}, then {long:?}");
    }
}
