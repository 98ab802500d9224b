//! The hold model: pop the earliest event, push one a random gap later, with n events pending throughout
//! (Jones 1986). Three mixes of gaps: exponential; bimodal (one in ten is a hundred times longer);
//! timeouts (every second one is a constant a hundred means away, as timers are).
//! Compared are the wheel, the 4-ary heap and the standard library's binary heap.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::hint::black_box;
use std::time::Duration;

use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use surgesim::base::SimTime;
use surgesim::base::random::{Distribution, Key};
use surgesim::kernel::{EventKey, EventList, QuaternaryHeap, RadixWheel};

/// As large as the engine's events.
type Event = [u32; 4];

/// The standard library's heap under the same trait.
#[derive(Default)]
struct StandardHeap(BinaryHeap<Reverse<(EventKey, Event)>>);

impl EventList<Event> for StandardHeap {
    fn push(&mut self, key: EventKey, event: Event) {
        self.0.push(Reverse((key, event)));
    }

    fn pop_before(&mut self, limit: SimTime) -> Option<(EventKey, Event)> {
        let Reverse((key, _)) = self.0.peek()?;
        if key.time() > limit { None } else { self.0.pop().map(|Reverse(entry)| entry) }
    }

    fn len(&self) -> usize {
        self.0.len()
    }

    fn capacity(&self) -> usize {
        self.0.capacity()
    }

    fn retain(&mut self, mut alive: impl FnMut(&Event) -> bool) {
        self.0.retain(|Reverse((_, event))| alive(event));
    }
}

/// Gaps in nanoseconds, drawn beforehand so that sampling is not measured.
fn gaps(mix: &str) -> Vec<u64> {
    const MEAN: f64 = 1e6;
    let exponential = Distribution::Exponential { mean: MEAN };
    let mut draws = Key::root(1, 0).draws();
    let mut gap = |index: usize| match mix {
        "exponential" => exponential.sample(&mut draws),
        "bimodal" if draws.chance(0.1) => 100.0 * exponential.sample(&mut draws),
        "timeouts" if index.is_multiple_of(2) => 100.0 * MEAN,
        _ => exponential.sample(&mut draws),
    };
    (0..1 << 14).map(|index| gap(index) as u64).collect()
}

struct Hold<L> {
    list: L,
    gaps: Vec<u64>,
    sequence: u64,
}

impl<L: EventList<Event>> Hold<L> {
    fn new(list: L, pending: u64, mix: &str) -> Self {
        let mut hold = Self { list, gaps: gaps(mix), sequence: 0 };
        for _ in 0..pending {
            hold.push(0);
        }
        // Past the transient: until the pending events are spread as the mix leaves them.
        for _ in 0..4 * pending {
            hold.step();
        }
        hold
    }

    fn push(&mut self, now: u64) {
        self.sequence += 1;
        let gap = self.gaps[self.sequence as usize % self.gaps.len()];
        self.list.push(EventKey::new(SimTime::from_nanos(now + gap), false, self.sequence), [0; 4]);
    }

    fn step(&mut self) {
        if let Some((key, event)) = self.list.pop_before(SimTime::MAX) {
            black_box(event);
            self.push(key.time().as_nanos());
        }
    }
}

fn hold_model(criterion: &mut Criterion) {
    const STEPS: u64 = 20_000;
    for mix in ["exponential", "bimodal", "timeouts"] {
        let mut group = criterion.benchmark_group(format!("hold/{mix}"));
        group.throughput(Throughput::Elements(STEPS));
        for pending in [10, 100, 1_000, 10_000, 100_000, 1_000_000] {
            let mut wheel = Hold::new(RadixWheel::new(), pending, mix);
            group.bench_function(BenchmarkId::new("wheel", pending), |bencher| {
                bencher.iter(|| (0..STEPS).for_each(|_| wheel.step()));
            });
            let mut heap = Hold::new(QuaternaryHeap::new(), pending, mix);
            group.bench_function(BenchmarkId::new("4-ary heap", pending), |bencher| {
                bencher.iter(|| (0..STEPS).for_each(|_| heap.step()));
            });
            let mut standard = Hold::new(StandardHeap::default(), pending, mix);
            group.bench_function(BenchmarkId::new("std heap", pending), |bencher| {
                bencher.iter(|| (0..STEPS).for_each(|_| standard.step()));
            });
        }
        group.finish();
    }
}

criterion_group! {
    name = benches;
    config = Criterion::default()
        .sample_size(10)
        .warm_up_time(Duration::from_millis(100))
        .measurement_time(Duration::from_millis(300));
    targets = hold_model
}
criterion_main!(benches);
