//! Lowering: an endpoint's steps become instructions.
//!
//! A worker is held while the endpoint waits, unless the service says otherwise: that is only a
//! matter of where `Seize` and `Release` are put, and this file is the only place that knows.

use super::sites::Sites;
use crate::base::ComponentId;
use crate::base::random::{Key, StreamName};
use crate::components::cache::spec::LocalCacheSpec;
use crate::components::service::spec::{Amount, Endpoint, ServiceSpec, Slots, Step, Test};
use crate::engine::{Condition, Demand, Op, Pc, Program};

/// Lowers one service.
pub(super) struct Lowering<'a, 'b> {
    pub(super) sites: &'a mut Sites<'b>,
    pub(super) component: usize,
    pub(super) key: Key,
    pub(super) holds_worker: bool,
    pub(super) releases: bool,
    pub(super) ops: Vec<Op>,
    pub(super) endpoint: &'a str,
    pub(super) local_caches: &'a [LocalCacheSpec],
    /// Whether a row was written by a step before.
    has_written: bool,
    /// Where errors inside a fetch are to be handled: instructions of the innermost one that may fail.
    pub(super) catching: Option<Vec<usize>>,
    /// Locks that are held here.
    pub(super) locks: u32,
    /// The database of the transaction that steps belong to.
    pub(super) transaction: Option<ComponentId>,
    /// How often each verb has occurred in this endpoint: the purpose of a draw is (endpoint, verb, ordinal).
    ordinals: [u64; 10],
}

/// Instructions that a program can have.
const MOST_OPS: usize = Pc::MAX as usize;

pub(super) fn program(service: &ServiceSpec, sites: &mut Sites<'_>, component: usize, key: Key) -> Program {
    let mut program = Program::default();
    let sharing = service.discipline == crate::components::service::spec::ServiceDiscipline::ProcessorSharing;
    for Endpoint { name, steps, .. } in &service.endpoints {
        let mut lowering = Lowering {
            sites,
            component,
            key: key.named(StreamName::new(name)),
            holds_worker: matches!(service.workers, Slots::Limited(_)) && !sharing,
            releases: service.release_while_waiting,
            ops: std::mem::take(&mut program.ops),
            endpoint: name,
            local_caches: &service.local_caches,
            has_written: false,
            catching: None,
            locks: 0,
            transaction: None,
            ordinals: [0; 10],
        };
        program.entries.push(lowering.ops.len().min(MOST_OPS) as Pc);
        if service.concurrency.is_some() || service.admission.is_some() {
            lowering.ops.push(Op::Enter);
        }
        if lowering.holds_worker {
            lowering.ops.push(Op::Seize);
        }
        if service.consumes.is_some() {
            lowering.ops.push(Op::Begin);
        }
        lowering.steps(steps);
        if let Some(consumer) = service.consumes.as_ref().filter(|consumer| consumer.poison > 0.0) {
            let key = lowering.purpose(7, "poison");
            let crash = consumer.poison_crash.map(crate::base::SimDuration::as_secs_f64);
            lowering.ops.push(Op::Spoil { share: consumer.poison, key, crash });
        }
        // An endpoint that never replies answers 200 with nothing.
        if !matches!(lowering.ops.last(), Some(Op::Reply { .. })) || ends_in_branch(steps) {
            lowering.ops.push(Op::Reply { status: 200, size: None, retry_after: 0 });
        }
        program.ops = lowering.ops;
    }
    if let Some(distribution) = service.reject_cost.clone() {
        program.refusal = Some(program.ops.len().min(MOST_OPS) as Pc);
        let key = key.named(StreamName::new("reject cost"));
        program.ops.extend([Op::Cpu(Demand::Drawn { distribution, key }), Op::Refuse]);
    }
    program
}

/// The purpose of the first body that an endpoint receives: its size is the same to whoever draws it.
pub(super) fn body_key(service: Key, endpoint: &str) -> Key {
    service.named(StreamName::new(endpoint)).named(StreamName::new(RECEIVE)).with(0)
}

/// The verb of a body's purpose.
const RECEIVE: &str = "receive";

/// Whether a jump may lead behind the last instruction.
fn ends_in_branch(steps: &[Step]) -> bool {
    !matches!(steps.last(), Some(Step::Reply { .. }))
}

impl Lowering<'_, '_> {
    pub(super) fn purpose(&mut self, verb: usize, name: &'static str) -> Key {
        let key = self.key.named(StreamName::new(name)).with(self.ordinals[verb]);
        self.ordinals[verb] += 1;
        key
    }

    fn demand(&mut self, amount: &Amount, verb: usize, name: &'static str) -> Demand {
        let key = self.purpose(verb, name);
        match amount {
            Amount::Drawn(distribution) => Demand::Drawn { distribution: distribution.clone(), key },
            Amount::Replayed { column, .. } => Demand::Replayed(*column),
        }
    }

    pub(super) fn here(&self) -> Pc {
        self.ops.len().min(MOST_OPS) as Pc
    }

    pub(super) fn steps(&mut self, steps: &[Step]) {
        for step in steps {
            self.step(step);
        }
    }

    /// Whether the worker is given back while the endpoint waits for another component.
    pub(super) fn gives_back(&self) -> bool {
        self.holds_worker && self.releases
    }

    /// Around a wait for another component: the worker is given back if the service says so.
    pub(super) fn waiting(&mut self, op: Op) -> usize {
        let gives_back = self.gives_back();
        if gives_back {
            self.ops.push(Op::Release);
        }
        self.ops.push(op);
        let at = self.ops.len() - 1;
        if gives_back {
            self.ops.push(Op::Seize);
        }
        at
    }

    /// An instruction whose error, unless it is handled there, is one of the fetch that it is part of.
    pub(super) fn may_fail(&mut self, at: usize, handler: Option<Pc>) {
        if let (None, Some(catching)) = (handler, &mut self.catching) {
            catching.push(at);
        }
    }

    /// The steps that run instead of an error; they are jumped over when all went well.
    fn handler(&mut self, on_error: Option<&Vec<Step>>, fallback: bool) -> Option<Pc> {
        let steps = on_error?;
        let jump = self.ops.len();
        self.ops.push(Op::Jump(0));
        let start = self.here();
        if self.holds_worker && self.releases {
            self.ops.push(Op::Seize);
        }
        if fallback {
            self.ops.push(Op::Degrade);
        }
        self.steps(steps);
        let end = self.here();
        self.ops[jump] = Op::Jump(end);
        Some(start)
    }

    fn step(&mut self, step: &Step) {
        match step {
            Step::Cpu(amount) => {
                let demand = self.demand(amount, 0, "cpu");
                self.ops.push(Op::Cpu(demand));
            }
            Step::Sleep(amount) => {
                let demand = self.demand(amount, 1, "sleep");
                self.ops.push(Op::Sleep(demand));
            }
            Step::Io(amount) => {
                let demand = self.demand(amount, 2, "io");
                self.ops.push(Op::Io(demand));
            }
            Step::Receive { size, uplink } => {
                let size = self.demand(size, 3, RECEIVE);
                self.ops.push(Op::Receive { size, uplink: *uplink });
            }
            Step::Reply { status, size, retry_after } => {
                let size = size.as_ref().map(|size| self.demand(size, 4, "reply"));
                self.ops.push(Op::Reply { status: *status, size, retry_after: *retry_after });
            }
            Step::Call { target, operation, row, size, options, on_error, fallback } => {
                let size = size.as_ref().map(|size| self.demand(size, 5, "size"));
                let site =
                    self.sites.call(self.component, self.endpoint, *target, *operation, *row, size, options);
                if self.sites.is_queue(*target) {
                    let record = &mut self.sites.plan.sites[site.0 as usize];
                    record.after_write = self.has_written;
                }
                self.has_written |= self.sites.writes(*target, *operation);
                if self.is_statement(*target) {
                    self.sites.join_transaction(site);
                }
                let at = self.waiting(Op::Call { site, caught: None });
                let handler = self.handler(on_error.as_ref(), *fallback);
                self.may_fail(at, handler);
                if let Op::Call { caught, .. } = &mut self.ops[at] {
                    *caught = handler;
                }
            }
            Step::Cache(step) => self.cache_step(step),
            Step::Transaction(spec) => self.transaction(spec),
            Step::Saga(steps) => self.saga(steps),
            Step::Parallel { needed, branches, on_error, fallback } => {
                let at =
                    self.waiting(Op::Fork { branches: Vec::new(), needed: *needed, join: 0, caught: None });
                let after = self.ops.len();
                // Branches lie behind a jump; where the worker is taken again is where they join.
                let jump = self.ops.len();
                self.ops.push(Op::Jump(0));
                let held = std::mem::replace(&mut self.holds_worker, false);
                // An error of a branch ends the branch.
                let catching = self.catching.take();
                let starts: Vec<Pc> = branches
                    .iter()
                    .map(|branch| {
                        let start = self.here();
                        self.steps(branch);
                        self.ops.push(Op::EndBranch);
                        start
                    })
                    .collect();
                self.holds_worker = held;
                self.catching = catching;
                let end = self.here();
                self.ops[jump] = Op::Jump(end);
                let handler = self.handler(on_error.as_ref(), *fallback);
                self.may_fail(at, handler);
                let resume = if after > at + 1 { at + 1 } else { jump };
                if let Op::Fork { branches, join, caught, .. } = &mut self.ops[at] {
                    *branches = starts;
                    *join = resume.min(MOST_OPS) as Pc;
                    *caught = handler;
                }
            }
            Step::If { test, then, otherwise } => {
                let condition = match test {
                    Test::Chance(p) => Condition::Chance { p: *p, key: self.purpose(6, "if") },
                    Test::Customer { name, value } => {
                        Condition::Trait(self.sites.customer_trait(name, value))
                    }
                    Test::Load(most) => Condition::Load(*most),
                };
                let unless = self.ops.len();
                self.ops.push(Op::Unless { condition, otherwise: 0 });
                if matches!(test, Test::Load(_)) {
                    self.ops.push(Op::Degrade);
                }
                self.steps(then);
                let jump = self.ops.len();
                self.ops.push(Op::Jump(0));
                let target = self.here();
                if let Op::Unless { otherwise, .. } = &mut self.ops[unless] {
                    *otherwise = target;
                }
                self.steps(otherwise);
                let end = self.here();
                self.ops[jump] = Op::Jump(end);
            }
            Step::Lock { entity, steps } => {
                self.ops.push(Op::Lock(*entity));
                self.locks += 1;
                self.steps(steps);
                self.locks -= 1;
                self.ops.push(Op::Unlock(*entity));
            }
        }
    }
}
