//! From faults as written to a plan of moments: each verb as the effects that carry it out.

use super::sites::Sites;
use crate::base::random::{Distribution, Key, StreamName};
use crate::base::{ComponentId, SimDuration, SimTime};
use crate::engine::{Demand, Effect, FaultPlan, Group, Life};
use crate::faults::{Fault, Move, Planned, RandomFailures, Rollout, Verb, Versions, rollouts};
use crate::scenario::model::{ComponentSpec, Model};

/// Failures at random that are planned for one fault at most.
const MOST_FAILURES: usize = 1_000_000;

/// The plan of all faults of a model.
pub(super) fn plan(sites: &Sites<'_>) -> Vec<FaultPlan> {
    let model = sites.model;
    let horizon = model.run.duration.as_secs_f64();
    let mut plans = Vec::new();
    for (index, fault) in model.faults.iter().enumerate() {
        let key = sites.root.named(StreamName::new("fault")).with(index as u64);
        if fault.verb.moves_places() {
            continue;
        }
        for at in &fault.at {
            carry_out(fault, *at, fault.lasts.map(|lasts| at + lasts), key, model, &mut plans);
        }
        if let Some(random) = fault.random {
            for (at, until, group) in failures(fault, random, key, horizon, model) {
                let alone = Fault { verb: aimed_at(&fault.verb, group), ..fault.clone() };
                carry_out(&alone, at, Some(until), key, model, &mut plans);
            }
        }
    }
    for (index, component) in model.components.iter().enumerate() {
        if let ComponentSpec::Service(service) = &component.spec {
            for planned in rollouts(&model.faults, ComponentId::at(index), service.instances) {
                let key = sites.root.named(StreamName::new("fault")).with(planned.fault as u64);
                surge(&model.faults[planned.fault], &planned, ComponentId::at(index), key, &mut plans);
            }
        }
    }
    plans
}

/// A rollout with a surge: who joins, who leaves, and what the new version is like.
fn surge(fault: &Fault, planned: &Planned, component: ComponentId, key: Key, plans: &mut Vec<FaultPlan>) {
    let Verb::Deploy { errors, slow, .. } = &fault.verb else { return };
    let time = |at: f64| SimTime::from_secs_f64(planned.at + at);
    let mut add = |effect: Effect, place: u16, from: f64, until: Option<SimTime>| {
        let targets = vec![Group { component, instance: Some(place) }];
        plans.push(FaultPlan { effect, targets, from: time(from), until });
    };
    let lasts = fault.lasts.map(|lasts| SimTime::from_secs_f64(planned.at + lasts));
    for step in &planned.moves {
        match *step {
            Move::Ready { place, at } => {
                add(Effect::Membership(Life::Up), place, at, None);
                if *errors > 0.0 {
                    let effect = Effect::Errors { share: *errors, status: 500, retry_after: 0, key };
                    add(effect, place, at, lasts);
                }
                if *slow > 1.0 {
                    add(Effect::Slow(*slow), place, at, lasts);
                }
            }
            Move::Leaves { place, at, gone } => {
                add(Effect::Drain, place, at, Some(time(gone)));
                add(Effect::Membership(Life::Absent), place, gone, None);
            }
        }
    }
    // What a version brought with it ends with its last instance at a place.
    for step in &planned.moves {
        if let Move::Leaves { place, gone, .. } = *step {
            let group = Group { component, instance: Some(place) };
            let of_version = |plan: &&mut FaultPlan| {
                matches!(plan.effect, Effect::Errors { .. } | Effect::Slow(_)) && plan.targets == [group]
            };
            for plan in plans.iter_mut().filter(of_version).filter(|plan| plan.from < time(0.0)) {
                plan.until = Some(plan.until.map_or(time(gone), |until| until.min(time(gone))));
            }
        }
    }
}

/// When each target fails by itself, and is repaired.
fn failures(
    fault: &Fault,
    (mtbf, mttr): (f64, f64),
    key: Key,
    horizon: f64,
    model: &Model,
) -> Vec<(f64, f64, Group)> {
    let exponential = |mean| Distribution::Exponential { mean };
    let mut all = Vec::new();
    for group in targets(&fault.verb) {
        for instance in instances(*group, model) {
            let key = key.with(u64::from(group.component.0)).with(u64::from(instance));
            let mut failures = RandomFailures::new(exponential(mtbf), exponential(mttr), key);
            let single = Group { component: group.component, instance: Some(instance) };
            while all.len() < MOST_FAILURES {
                let (fails, repaired) = failures.next_failure();
                if fails.as_secs_f64() >= horizon {
                    break;
                }
                all.push((fails.as_secs_f64(), repaired.as_secs_f64(), single));
            }
        }
    }
    all
}

fn targets(verb: &Verb) -> &[Group] {
    match verb {
        Verb::Kill { targets, .. } | Verb::Restart { targets, .. } => targets,
        Verb::Hang(targets)
        | Verb::Slow(targets, _)
        | Verb::Errors(targets, ..)
        | Verb::Latency(targets, _)
        | Verb::Lag(targets, _)
        | Verb::Loss(targets, _) => targets,
        Verb::Partition { to, .. } => to,
        Verb::Flush(targets) | Verb::Reset(targets) => targets,
        Verb::ZoneDown(_) | Verb::Deploy { .. } | Verb::HotKey(..) | Verb::Shift(..) => &[],
    }
}

fn aimed_at(verb: &Verb, group: Group) -> Verb {
    let mut verb = verb.clone();
    match &mut verb {
        Verb::Kill { targets, restart_after } => {
            *targets = vec![group];
            *restart_after = None;
        }
        Verb::Restart { targets, .. }
        | Verb::Hang(targets)
        | Verb::Slow(targets, _)
        | Verb::Errors(targets, ..)
        | Verb::Latency(targets, _)
        | Verb::Flush(targets)
        | Verb::Reset(targets)
        | Verb::Lag(targets, _)
        | Verb::Loss(targets, _) => *targets = vec![group],
        Verb::Partition { to, .. } => *to = vec![group],
        Verb::ZoneDown(_) | Verb::Deploy { .. } | Verb::HotKey(..) | Verb::Shift(..) => {}
    }
    verb
}

fn instances(group: Group, model: &Model) -> std::ops::Range<u16> {
    match group.instance {
        Some(instance) => instance..instance + 1,
        None => 0..model.components.get(group.component.index()).map_or(1, |c| c.spec.most()),
    }
}

fn carry_out(
    fault: &Fault,
    at: f64,
    until: Option<f64>,
    key: Key,
    model: &Model,
    plans: &mut Vec<FaultPlan>,
) {
    let time = SimTime::from_secs_f64;
    let mut add = |effect: Effect, targets: &[Group], from: f64, until: Option<f64>| {
        plans.push(FaultPlan { effect, targets: targets.to_vec(), from: time(from), until: until.map(time) });
    };
    match &fault.verb {
        Verb::Kill { targets, restart_after } => {
            add(Effect::Kill, targets, at, restart_after.map(|after| at + after).or(until));
        }
        Verb::Restart { targets, grace, boot } => {
            add(Effect::Drain, targets, at, Some(at + grace + boot));
            add(Effect::Kill, targets, at + grace, Some(at + grace + boot));
        }
        Verb::Flush(targets) => add(Effect::Flush, targets, at, None),
        Verb::Reset(targets) => add(Effect::Reset, targets, at, None),
        Verb::Hang(targets) => add(Effect::Hang, targets, at, until),
        Verb::Slow(targets, by) => add(Effect::Slow(*by), targets, at, until),
        Verb::Errors(targets, share, status, retry_after) => {
            let effect = Effect::Errors { share: *share, status: *status, retry_after: *retry_after, key };
            add(effect, targets, at, until);
        }
        Verb::Latency(targets, by) => {
            add(Effect::Latency(Demand::Drawn { distribution: by.clone(), key }), targets, at, until);
        }
        Verb::Lag(targets, by) => {
            add(Effect::Lag(SimDuration::from_secs_f64(*by)), targets, at, until);
        }
        Verb::Loss(targets, share) => add(Effect::Loss { share: *share, key }, targets, at, until),
        Verb::Partition { from, to, one_way } => {
            add(Effect::Cut { from: from.clone() }, to, at, until);
            if !one_way {
                add(Effect::Cut { from: to.clone() }, from, at, until);
            }
        }
        Verb::ZoneDown(zone) => add(Effect::Vanish, &in_zone(zone, model), at, until),
        Verb::HotKey(entity, share) => {
            add(Effect::HotKey { entity: *entity, share: *share, key }, &[], at, until);
        }
        // Part of the population's rate already.
        Verb::Shift(..) => {}
        Verb::Deploy { component, max_unavailable, grace, boot, errors, slow, .. } => {
            let count = model.components[component.index()].spec.most();
            let whole = |instance: u16| Group { component: *component, instance: Some(instance) };
            let rollout = Rollout::new(u32::from(count), 0.0, *max_unavailable);
            let mut versions = Versions { old_ready: u32::from(count), ..Versions::default() };
            let (mut now, mut next) = (at, 0_u16);
            while next < count && !rollout.is_done(versions) {
                let stop = rollout.step(versions).stop.clamp(1, u32::from(count - next)) as u16;
                let batch: Vec<Group> = (next..next + stop).map(whole).collect();
                let back = now + grace + boot;
                add(Effect::Drain, &batch, now, Some(back));
                add(Effect::Kill, &batch, now + grace, Some(back));
                if *errors > 0.0 {
                    add(
                        Effect::Errors { share: *errors, status: 500, retry_after: 0, key },
                        &batch,
                        back,
                        until,
                    );
                }
                if *slow > 1.0 {
                    add(Effect::Slow(*slow), &batch, back, until);
                }
                versions.old_ready -= u32::from(stop);
                versions.new_ready += u32::from(stop);
                next += stop;
                now = back;
            }
        }
    }
}

/// Every instance that stands in a zone: instances go over a component's zones in turn.
fn in_zone(zone: &str, model: &Model) -> Vec<Group> {
    let mut all = Vec::new();
    for (index, component) in model.components.iter().enumerate() {
        for instance in 0..component.spec.most() {
            let at = component.zones.get(instance as usize % component.zones.len().max(1));
            if at.is_some_and(|at| at == zone) {
                all.push(Group { component: ComponentId::at(index), instance: Some(instance) });
            }
        }
    }
    all
}
