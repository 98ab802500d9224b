//! A probe that sees what no metric of a report says: variances, who waited at all, how long a station
//! was busy, how many were there at an instant, and when each request ended.

use surgesim::base::{ComponentId, OperationId, SimTime};
use surgesim::engine::{Finished, Observation, Probe};
use surgesim::metrics::{Catalog, ResourceInfo, Role};

/// Count, mean and variance of a stream of values (Welford 1962).
#[derive(Clone, Copy, Default)]
pub struct Moments {
    pub count: u64,
    pub mean: f64,
    squares: f64,
}

impl Moments {
    pub fn add(&mut self, value: f64) {
        self.count += 1;
        let off = value - self.mean;
        self.mean += off / self.count as f64;
        self.squares += off * (value - self.mean);
    }

    pub fn variance(&self) -> f64 {
        self.squares / (self.count.max(2) - 1) as f64
    }
}

/// One resource, or the visits to one component.
#[derive(Clone, Default)]
pub struct Slot {
    present: u32,
    since: u64,
    /// Nanoseconds with so many present, after the warm-up.
    at: Vec<f64>,
    pub waits: Moments,
    pub unwaited: u64,
    pub busy: Moments,
    pub idle: Moments,
    turned: u64,
    /// When first empty again, in seconds.
    pub emptied: Option<f64>,
}

impl Slot {
    fn level(&mut self, now: u64, warmup: u64, present: u32) {
        let from = self.since.max(warmup);
        if now > from {
            let index = self.present as usize;
            if self.at.len() <= index {
                self.at.resize(index + 1, 0.0);
            }
            self.at[index] += (now - from) as f64;
        }
        if (present == 0) != (self.present == 0) {
            let span = (now - self.turned) as f64 / 1e9;
            if now > warmup {
                if present == 0 { &mut self.busy } else { &mut self.idle }.add(span);
            }
            self.turned = now;
            if present == 0 && self.emptied.is_none() {
                self.emptied = Some(now as f64 / 1e9);
            }
        }
        (self.present, self.since) = (present, now);
    }

    /// The share of time with so many present.
    pub fn share(&self, present: usize) -> f64 {
        self.at.get(present).copied().unwrap_or(0.0) / self.at.iter().sum::<f64>()
    }

    /// Time-weighted mean and variance of those present.
    pub fn present(&self) -> (f64, f64) {
        let moment = |power| (0..self.at.len()).map(|n| (n as f64).powi(power) * self.share(n)).sum::<f64>();
        (moment(1), moment(2) - moment(1) * moment(1))
    }
}

/// The probe.
#[derive(Clone)]
pub struct Watch {
    warmup: u64,
    resources: usize,
    pub slots: Vec<Slot>,
    /// Instants to sample all slots at, in nanoseconds, ascending.
    instants: Vec<u64>,
    pub samples: Vec<Vec<u32>>,
    /// Requests sent.
    pub sent: u64,
    /// Good answers to requests that started after the warm-up.
    pub sojourns: Moments,
    /// Every end, in order, if asked for.
    pub ends: Option<Vec<(SimTime, Finished)>>,
}

impl Watch {
    pub fn new(catalog: &Catalog, warmup: SimTime, instants: &[f64]) -> Self {
        let ids = catalog.components.iter().map(|c| c.id).chain(catalog.clients.iter().map(|c| c.id));
        let components = ids.map(|id| id.index() + 1).max().unwrap_or(0);
        Self {
            warmup: warmup.as_nanos(),
            resources: catalog.resources.len(),
            slots: vec![Slot::default(); catalog.resources.len() + components],
            instants: instants.iter().map(|t| SimTime::from_secs_f64(*t).as_nanos()).collect(),
            samples: Vec::new(),
            sent: 0,
            sojourns: Moments::default(),
            ends: None,
        }
    }

    /// Also keeps every end.
    pub fn with_ends(mut self) -> Self {
        self.ends = Some(Vec::new());
        self
    }

    /// The slot that `name` means: `s` its workers, or else its cores; `s.cpu`; `s.visits`.
    pub fn slot(&self, catalog: &Catalog, name: &str) -> usize {
        let (name, part) = name.split_once('.').unwrap_or((name, ""));
        let component = catalog.components.iter().find(|c| c.name == name).unwrap().id;
        let of = |role| {
            let ours = |r: &ResourceInfo| r.component == component && r.role == role && r.servers.is_finite();
            catalog.resources.iter().position(ours)
        };
        match part {
            "visits" => self.visits(component),
            "cpu" => of(Role::Cpu).unwrap(),
            _ => of(Role::Workers).or(of(Role::Cpu)).unwrap(),
        }
    }

    fn visits(&self, component: ComponentId) -> usize {
        self.resources + component.index()
    }

    /// Brings integrals and samples up to the end of the run.
    pub fn finish(mut self, end: SimTime) -> Self {
        self.sample(end.as_nanos());
        for slot in &mut self.slots {
            slot.level(end.as_nanos(), self.warmup, slot.present);
        }
        self
    }

    fn sample(&mut self, now: u64) {
        while self.instants.get(self.samples.len()).is_some_and(|at| *at < now) {
            self.samples.push(self.slots.iter().map(|slot| slot.present).collect());
        }
    }

    fn change(&mut self, now: u64, slot: usize, by: i32) {
        let present = self.slots[slot].present.saturating_add_signed(by);
        self.slots[slot].level(now, self.warmup, present);
    }
}

impl Probe for Watch {
    fn observe(&mut self, now: SimTime, what: Observation) {
        let nanos = now.as_nanos();
        self.sample(nanos);
        match what {
            Observation::Level { resource, present } => {
                self.slots[resource.index()].level(nanos, self.warmup, present);
            }
            Observation::Waited { resource, wait } if nanos > self.warmup => {
                let slot = &mut self.slots[resource.index()];
                slot.waits.add(wait.as_secs_f64());
                slot.unwaited += u64::from(wait.is_zero());
            }
            Observation::Sent { .. } => self.sent += 1,
            Observation::CallOpened { component } => self.change(nanos, self.visits(component), 1),
            Observation::CallClosed { component, .. } => self.change(nanos, self.visits(component), -1),
            Observation::Finished(end) => {
                if end.outcome.is_ok() && end.started.as_nanos() >= self.warmup {
                    self.sojourns.add(now.since(end.started).as_secs_f64());
                }
                if let Some(ends) = &mut self.ends {
                    ends.push((now, end));
                }
            }
            _ => {}
        }
    }
}

/// The endpoint that an end belongs to.
pub fn endpoint(catalog: &Catalog, client: ComponentId, operation: OperationId) -> String {
    let client = catalog.clients.iter().find(|c| c.id == client).unwrap();
    client.operations[operation.index()].clone()
}
