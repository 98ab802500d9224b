//! Warnings about queues: leases against the time that work takes, and queues that nobody empties.

use crate::base::random::Key;
use crate::base::{ComponentId, SimDuration};
use crate::components::service::spec::{Amount, ServiceSpec, Step, Test, TransactionSpec};
use crate::document::{Code, Diagnostic, Diagnostics};
use crate::scenario::model::{ComponentModel, ComponentSpec, Model};

/// Work drawn to know the share that outlasts a lease: within a third of a per cent.
const DRAWS: u64 = 20_000;
/// A smaller share is not worth a warning.
const WORTH: f64 = 0.001;

pub(super) fn queues(model: &Model, found: &mut Diagnostics) {
    let has_jobs = model.components.iter().any(|component| matches!(component.spec, ComponentSpec::Queue(_)));
    for client in model.clients.iter().filter(|client| client.poll.is_some() && !has_jobs) {
        found.add(
            Code::NoEffect,
            client.place,
            format!(
                "`poll` of `{}` has no effect: there is no work queue whose jobs it could ask for",
                client.name
            ),
            "send to a `queue` of the family `work`, or leave `poll` out",
        );
    }
    for (at, component) in model.components.iter().enumerate() {
        let ComponentSpec::Queue(queue) = &component.spec else { continue };
        let workers: Vec<(&ComponentModel, &ServiceSpec)> = model
            .workers_of(ComponentId::at(at))
            .map(|(worker, service)| (&model.components[worker.index()], service))
            .collect();
        let takes_dead = model.components.iter().any(|other| match &other.spec {
            ComponentSpec::Queue(other) => other.dead_letter.is_some_and(|to| to.index() == at),
            _ => false,
        });
        if workers.is_empty() && !takes_dead {
            found.add(
                Code::NobodyWorks,
                component.place,
                format!("no worker takes messages from `{}`", component.name),
                format!("add a component `{{kind: worker, from: {}, steps: [...]}}`", component.name),
            );
        }
        let Some(visibility) = queue.visibility else { continue };
        for (worker, service) in workers {
            let Some(consumer) = &service.consumes else { continue };
            if consumer.extend_every.is_some_and(|every| every < visibility) {
                continue;
            }
            let longest = consumer.timeout.unwrap_or(f64::INFINITY);
            let (share, mean) = outlasting(service, visibility.as_secs_f64(), longest);
            if share < WORTH {
                continue;
            }
            found.add(
                Code::VisibilityTooShort,
                component.place,
                format!(
                    "{:.1} % of the work of `{}` takes longer than the visibility of {visibility} ({} on average, \
                     unhindered): those messages are delivered again while they are worked on",
                    100.0 * share,
                    worker.name,
                    SimDuration::from_secs_f64((mean * 1000.0).round() / 1000.0),
                ),
                "make `visibility` longer, or let the worker extend it: `extend_every: 10s`",
            );
        }
    }
}

/// The share of jobs whose own steps take longer than this, and their mean time.
fn outlasting(service: &ServiceSpec, visibility: f64, longest: f64) -> (f64, f64) {
    let key = Key::root(0, 0);
    let (mut longer, mut sum) = (0_u64, 0.0);
    for n in 0..DRAWS {
        let mut ordinal = 0;
        let time: f64 =
            service.endpoints.iter().map(|endpoint| time(&endpoint.steps, key.with(n), &mut ordinal)).sum();
        longer += u64::from(time.min(longest) > visibility);
        sum += time.min(longest);
    }
    (longer as f64 / DRAWS as f64, sum / DRAWS as f64)
}

/// One drawn time of the steps that a worker does itself.
fn time(steps: &[Step], key: Key, ordinal: &mut u64) -> f64 {
    let mut sum = 0.0;
    for step in steps {
        *ordinal += 1;
        let here = key.with(*ordinal);
        sum += match step {
            Step::Cpu(Amount::Drawn(d)) | Step::Sleep(Amount::Drawn(d)) | Step::Io(Amount::Drawn(d)) => {
                d.sample(&mut here.draws())
            }
            Step::Cpu(amount) | Step::Sleep(amount) | Step::Io(amount) => amount.mean(),
            Step::If { test, then, otherwise } => {
                let taken = match test {
                    Test::Chance(p) => here.draws().chance(*p),
                    _ => false,
                };
                time(if taken { then } else { otherwise }, here, ordinal)
            }
            Step::Lock { steps, .. } | Step::Transaction(TransactionSpec { steps, .. }) => {
                time(steps, here, ordinal)
            }
            Step::Saga(saga) => saga.iter().map(|step| time(&step.steps, here, ordinal)).sum(),
            Step::Parallel { branches, .. } => {
                branches.iter().map(|branch| time(branch, here, ordinal)).fold(0.0, f64::max)
            }
            Step::Receive { size, uplink: Some(uplink) } => size.mean() / uplink,
            Step::Cache(_) | Step::Call { .. } | Step::Receive { .. } | Step::Reply { .. } => 0.0,
        };
    }
    sum
}

/// Consumers that get no partition.
pub(super) fn idle_consumers(model: &Model, found: &mut Diagnostics) {
    for (at, component) in model.components.iter().enumerate() {
        let ComponentSpec::Log(log) = &component.spec else { continue };
        for (worker, service) in model.workers_of(ComponentId::at(at)) {
            let consumers = u64::from(service.limiting_workers().unwrap_or(1)) * u64::from(service.most());
            let partitions = u64::from(log.settings.partitions);
            if consumers <= partitions {
                continue;
            }
            let worker = &model.components[worker.index()];
            found.push(
                Diagnostic::new(
                    Code::IdleConsumers,
                    worker.place,
                    format!(
                        "`{}` has {consumers} consumers and `{}` {partitions} partition{}: {} stay idle",
                        worker.name,
                        component.name,
                        if partitions == 1 { "" } else { "s" },
                        consumers - partitions
                    ),
                )
                .label(component.place, "a partition is read by one consumer of a group")
                .help("more `partitions`, or fewer `instances` times `concurrency`"),
            );
        }
    }
}
