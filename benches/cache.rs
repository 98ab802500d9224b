//! What an access costs, by policy and number of keys, and what a key takes in memory.
//!
//! Each cache is full; accesses follow a Zipf law (exponent 0.99) over twice as many keys as fit, and a miss
//! writes the key, so an access is a read and in part an eviction and an insertion. The bytes a key are those
//! that store and policy have allocated, divided by the items. Run one policy with
//! `cargo bench --bench cache -- w-tinylfu`.

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use surgesim::base::SimTime;
use surgesim::base::random::{Key, Permutation, Zipf};
use surgesim::components::cache::entries::Value;
use surgesim::components::cache::eviction::Policy;
use surgesim::components::cache::store::{Capacity, Lookup, Store};

const VALUE: Value = Value { version: 0, expiry: SimTime::MAX };

fn accesses(criterion: &mut Criterion) {
    for items in [100_000_u64, 1_000_000, 10_000_000] {
        let rows = 2 * items;
        let (zipf, scatter) = (Zipf::new(rows, 0.99), Permutation::new(rows, Key::root(1, 0)));
        let mut draws = Key::root(2, 0).draws();
        let keys: Vec<u64> = (0..4_000_000).map(|_| scatter.apply(zipf.sample(&mut draws) - 1)).collect();
        let mut group = criterion.benchmark_group(format!("cache/{items}"));
        group.throughput(Throughput::Elements(1)).sample_size(10);
        for policy in Policy::ALL {
            // Filled only when it is asked for.
            let mut full: Option<Store> = None;
            let mut at = 0;
            group.bench_function(policy.name(), |bencher| {
                let store = full.get_or_insert_with(|| {
                    let mut store = Store::new(Capacity::items(items), *policy, Key::root(3, 0));
                    for key in 0..items {
                        store.put(key, 1, VALUE, SimTime::ZERO);
                    }
                    for key in &keys {
                        access(&mut store, *key);
                    }
                    store
                });
                bencher.iter(|| {
                    access(store, keys[at]);
                    at = (at + 1) % keys.len();
                });
            });
            if let Some(store) = full {
                println!("{:>60} bytes a key", store.memory() / store.len());
            }
        }
        group.finish();
    }
}

#[inline]
fn access(store: &mut Store, key: u64) {
    if store.get(key, SimTime::ZERO) == Lookup::Miss {
        store.put(key, 1, VALUE, SimTime::ZERO);
    }
}

criterion_group!(benches, accesses);
criterion_main!(benches);
