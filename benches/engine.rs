//! The generality tax: W3 written straight onto the kernel, on the same event list, with the same
//! draws and the same latency histogram, against the engine that runs it from its file (`scenario.rs`).
//!
//! The two serve the same customers: luck is keyed alike in shape (arrivals, services, routing coin),
//! though not by the same names, so their means agree statistically and not to the bit.

use std::collections::VecDeque;
use std::time::Duration;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use surgesim::base::random::{Distribution, Draws, Key};
use surgesim::base::{SimDuration, SimTime};
use surgesim::kernel::{Executive, Handle, Slab};
use surgesim::metrics::LatencyDistribution;

const SERVERS: usize = 16;
const WORKERS: u32 = 8;
const CONNECTIONS: u32 = 64;
const HIT: f64 = 0.8;

#[derive(Clone, Copy)]
enum Event {
    Arrival,
    Served { customer: Handle, server: u32 },
    Cached(Handle),
    Queried(Handle),
}

#[derive(Clone, Copy)]
struct Customer {
    arrived: SimTime,
}

#[derive(Default)]
struct Station {
    busy: u32,
    line: VecDeque<Handle>,
}

struct HardCoded {
    executive: Executive<Event>,
    customers: Slab<Customer>,
    servers: Vec<Station>,
    database: Station,
    luck: Draws,
    between: Distribution,
    service: Distribution,
    query: Distribution,
    latency: LatencyDistribution,
    next: usize,
}

impl HardCoded {
    fn new() -> Self {
        Self {
            executive: Executive::new(),
            customers: Slab::new(),
            servers: (0..SERVERS).map(|_| Station::default()).collect(),
            database: Station::default(),
            luck: Key::root(1, 0).draws(),
            between: Distribution::Exponential { mean: 1e-4 },
            service: Distribution::Exponential { mean: 5e-3 },
            query: Distribution::Exponential { mean: 8e-3 },
            latency: LatencyDistribution::new(3),
            next: 0,
        }
    }

    fn serve(&mut self, customer: Handle, server: u32) {
        let at = self.executive.now() + SimDuration::from_secs_f64(self.service.sample(&mut self.luck));
        self.executive.schedule(at, Event::Served { customer, server });
    }

    fn query(&mut self, customer: Handle) {
        let at = self.executive.now() + SimDuration::from_secs_f64(self.query.sample(&mut self.luck));
        self.executive.schedule(at, Event::Queried(customer));
    }

    fn leave(&mut self, customer: Handle) {
        let now = self.executive.now();
        if let Some(customer) = self.customers.remove(customer) {
            self.latency.record(now.since(customer.arrived));
        }
    }

    fn run(&mut self, until: SimTime) {
        self.executive.schedule_arrival(SimTime::ZERO, Event::Arrival);
        while let Some(event) = self.executive.pop_until(until) {
            let now = self.executive.now();
            match event {
                Event::Arrival => {
                    let customer = self.customers.insert(Customer { arrived: now });
                    let server = self.next;
                    self.next = (server + 1) % SERVERS;
                    if self.servers[server].busy < WORKERS {
                        self.servers[server].busy += 1;
                        self.serve(customer, server as u32);
                    } else {
                        self.servers[server].line.push_back(customer);
                    }
                    let gap = SimDuration::from_secs_f64(self.between.sample(&mut self.luck));
                    self.executive.schedule_arrival(now + gap, Event::Arrival);
                }
                Event::Served { customer, server } => {
                    match self.servers[server as usize].line.pop_front() {
                        Some(next) => self.serve(next, server),
                        None => self.servers[server as usize].busy -= 1,
                    }
                    if self.luck.chance(HIT) {
                        let at = now + SimDuration::from_nanos(500_000);
                        self.executive.schedule(at, Event::Cached(customer));
                    } else if self.database.busy < CONNECTIONS {
                        self.database.busy += 1;
                        self.query(customer);
                    } else {
                        self.database.line.push_back(customer);
                    }
                }
                Event::Cached(customer) => self.leave(customer),
                Event::Queried(customer) => {
                    match self.database.line.pop_front() {
                        Some(next) => self.query(next),
                        None => self.database.busy -= 1,
                    }
                    self.leave(customer);
                }
            }
        }
    }
}

fn hard_coded(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("w3 for one simulated second");
    // Three canonical events for each of 10,000 requests.
    group.throughput(Throughput::Elements(30_000));
    group.bench_function("hard-coded", |bencher| {
        bencher.iter(|| {
            let mut model = HardCoded::new();
            model.run(SimTime::from_secs_f64(1.0));
            let mean = model.latency.mean().unwrap_or(0.0);
            assert!((mean - 7.0e-3).abs() < 0.5e-3, "W3's mean is 7.0 ms, not {mean} s");
            model.latency.count()
        });
    });
    group.finish();
}

criterion_group! {
    name = benches;
    config = Criterion::default()
        .sample_size(20)
        .warm_up_time(Duration::from_millis(200))
        .measurement_time(Duration::from_secs(1));
    targets = hard_coded
}
criterion_main!(benches);
