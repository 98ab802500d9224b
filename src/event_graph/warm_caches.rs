//! What caches answer once they are warm, as far as formulas know: the hit ratio of each layer, for the forecast.
//!
//! A row that is asked for L times a second and written W times is there when it is asked for
//! - under a time to live T with probability L / (L + W + 1/T) (a renewal that begins with a miss, and ends with
//!   the time to live or a write that takes the copy out),
//! - in a full cache as often as it was asked for within its characteristic time C, 1 - exp(-L C), where C is
//!   what makes the rows that are there fill the cache (Che, Tung and Wang, IEEE JSAC 2002; Fricker, Robert and
//!   Roberts, ITC 2012): exact enough for LRU, and taken for every policy.
//!
//! A cache without either holds what was asked for within the run. Rows that the cache in front answers are not
//! asked for behind it. Left out: drift and growth, keys that were recorded, rows that do not exist, coalescing,
//! and what is served past its time, all of which the run shows.

use std::collections::BTreeMap;

use crate::base::EntityId;
use crate::base::random::{Distribution, Zipf};
use crate::components::cache::store::Capacity;
use crate::components::service::spec::{CacheStep, Layer};
use crate::scenario::model::{ComponentSpec, EntitySpec, Model, PopularitySpec};

/// A layer of caches as a service sees it.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
enum Place {
    /// A component.
    Shared(usize),
    /// The own caches of a service's instances.
    Local(usize),
}

/// Rows of equal popularity: how many, and each one's share of the requests for its entity.
type Group = (f64, f64);

/// Reads of an entity at one step.
#[derive(Clone, Debug)]
struct Reads {
    places: Vec<Place>,
    /// Seconds that the step keeps a row; none: as long as the cache does.
    ttl: Option<f64>,
    rate: f64,
}

/// Hit ratios by layer, of requests that reach it.
#[derive(Clone, Debug, Default)]
pub(super) struct WarmCaches {
    ratios: BTreeMap<(Place, EntityId), f64>,
}

/// Reads and writes of rows per second, by entity, as the graph of calls counts them.
#[derive(Clone, Debug, Default)]
pub(super) struct Traffic {
    reads: BTreeMap<EntityId, Vec<Reads>>,
    invalidations: BTreeMap<EntityId, f64>,
}

impl Traffic {
    /// A step of a service that is gone through so often.
    pub(super) fn add(&mut self, service: usize, step: &CacheStep, rate: f64) {
        let place = |layer: &Layer| match layer {
            Layer::Local => Place::Local(service),
            Layer::Cache(id) => Place::Shared(id.index()),
        };
        let mean = |ttl: &Option<Distribution>| ttl.as_ref().map(Distribution::mean);
        let (places, ttl) = match step {
            CacheStep::Cached { layers, keeping, .. } => {
                (layers.iter().map(place).collect(), mean(&keeping.ttl))
            }
            CacheStep::Get { from, .. } => (vec![place(from)], None),
            CacheStep::Invalidate { .. } => {
                *self.invalidations.entry(step.entity()).or_default() += rate;
                return;
            }
            CacheStep::Write { policy, .. } => {
                if *policy == crate::components::service::spec::WritePolicy::Aside {
                    *self.invalidations.entry(step.entity()).or_default() += rate;
                }
                return;
            }
            CacheStep::Put { .. } => return,
        };
        self.reads.entry(step.entity()).or_default().push(Reads { places, ttl, rate });
    }

    fn is_empty(&self) -> bool {
        self.reads.is_empty()
    }
}

/// What one layer is asked about one entity.
struct Asked {
    entity: EntityId,
    /// By group of the entity's rows: requests per second for one row.
    rates: Vec<f64>,
    ttl: Option<f64>,
    writes: f64,
}

impl WarmCaches {
    /// The ratios of a model under this traffic; none if no cache is read.
    pub(super) fn of(model: &Model, traffic: &Traffic) -> Option<Self> {
        if traffic.is_empty() {
            return None;
        }
        let horizon = model.run.duration.as_secs_f64();
        let groups: Vec<Vec<Group>> = model.entities.iter().map(groups).collect();
        let mut warm = Self::default();
        // What is asked of the n-th layers, until none is left.
        let deepest = traffic.reads.values().flatten().map(|reads| reads.places.len()).max().unwrap_or(0);
        let mut passed: BTreeMap<(EntityId, usize), Vec<f64>> = BTreeMap::new();
        for depth in 0..deepest {
            let mut asked: BTreeMap<Place, Vec<Asked>> = BTreeMap::new();
            for (entity, all) in &traffic.reads {
                let rows = &groups[entity.index()];
                for (at, reads) in all.iter().enumerate() {
                    let Some(place) = reads.places.get(depth) else { continue };
                    let rest = passed
                        .entry((*entity, at))
                        .or_insert_with(|| rows.iter().map(|(_, p)| reads.rate * p).collect())
                        .clone();
                    let copies = copies(model, *place);
                    let writes = traffic.invalidations.get(entity).copied().unwrap_or(0.0);
                    let ttl = reads.ttl.or_else(|| own_ttl(model, *place, *entity));
                    let here = asked.entry(*place).or_default();
                    match here.iter_mut().find(|other| other.entity == *entity) {
                        Some(other) => {
                            other.rates.iter_mut().zip(&rest).for_each(|(sum, one)| *sum += one / copies);
                            other.ttl = other.ttl.zip(ttl).map(|(a, b)| a.min(b)).or(other.ttl).or(ttl);
                        }
                        None => here.push(Asked {
                            entity: *entity,
                            rates: rest.iter().map(|rate| rate / copies).collect(),
                            ttl,
                            writes,
                        }),
                    }
                }
            }
            for (place, asked) in asked {
                let held = hits(model, place, &asked, &groups, horizon);
                for (asked, hits) in asked.iter().zip(held) {
                    let rows = &groups[asked.entity.index()];
                    let weigh = |of: &dyn Fn(usize) -> f64| -> f64 {
                        rows.iter().enumerate().map(|(i, (n, _))| n * asked.rates[i] * of(i)).sum()
                    };
                    let (all, good) = (weigh(&|_| 1.0), weigh(&|i| hits[i]));
                    let ratio = if all > 0.0 { good / all } else { 0.0 };
                    // A layer that is read in two depths counts as the first.
                    warm.ratios.entry((place, asked.entity)).or_insert(ratio);
                    for (at, reads) in traffic.reads.get(&asked.entity).into_iter().flatten().enumerate() {
                        if reads.places.get(depth) == Some(&place)
                            && let Some(rest) = passed.get_mut(&(asked.entity, at))
                        {
                            rest.iter_mut().zip(&hits).for_each(|(rate, hit)| *rate *= 1.0 - hit);
                        }
                    }
                }
            }
        }
        Some(warm)
    }

    /// The share of reads that a layer of a service's step answers, of those that reach it.
    pub(super) fn ratio(&self, service: usize, layer: Layer, entity: EntityId) -> f64 {
        let place = match layer {
            Layer::Local => Place::Local(service),
            Layer::Cache(id) => Place::Shared(id.index()),
        };
        self.ratios.get(&(place, entity)).copied().unwrap_or(0.0)
    }
}

/// Rows of an entity, the popular ones each by itself and the others in groups of about a fiftieth of their rank.
fn groups(entity: &EntitySpec) -> Vec<Group> {
    let rows = entity.rows.max(1);
    let PopularitySpec::Zipf { exponent, .. } = entity.popularity else {
        return vec![(rows as f64, 1.0 / rows as f64)];
    };
    let zipf = Zipf::new(rows, exponent);
    let mut all = Vec::new();
    let mut rank = 1;
    while rank <= rows {
        let last = (rank + rank / 50).min(rows);
        let middle = rank + (last - rank) / 2;
        all.push(((last - rank + 1) as f64, zipf.probability(middle)));
        rank = last + 1;
    }
    all
}

/// Into how many equal parts a layer's requests are divided, each with a memory of its own.
fn copies(model: &Model, place: Place) -> f64 {
    match place {
        Place::Shared(_) => 1.0,
        Place::Local(at) => f64::from(model.components[at].spec.instances().max(1)),
    }
}

fn own_ttl(model: &Model, place: Place, entity: EntityId) -> Option<f64> {
    match (
        &model.components[match place {
            Place::Shared(at) | Place::Local(at) => at,
        }]
        .spec,
        place,
    ) {
        (ComponentSpec::Cache(cache), _) => cache.ttl.as_ref().map(Distribution::mean),
        (ComponentSpec::Service(service), _) => {
            let local = service.local_caches.iter().find(|local| local.entity == entity)?;
            local.ttl.as_ref().map(Distribution::mean)
        }
        _ => None,
    }
}

/// The capacities of a layer and, for each thing asked, which of them it shares.
fn capacity(model: &Model, place: Place, entity: EntityId) -> Option<(Capacity, f64)> {
    match (
        place,
        &model.components[match place {
            Place::Shared(at) | Place::Local(at) => at,
        }]
        .spec,
    ) {
        (Place::Shared(_), ComponentSpec::Cache(cache)) => Some((cache.capacity, f64::from(cache.nodes))),
        (Place::Local(_), ComponentSpec::Service(service)) => {
            service.local_caches.iter().find(|local| local.entity == entity).map(|l| (l.capacity, 1.0))
        }
        _ => None,
    }
}

/// For each entity asked of a layer, by group: the probability that a row is there.
fn hits(model: &Model, place: Place, asked: &[Asked], groups: &[Vec<Group>], horizon: f64) -> Vec<Vec<f64>> {
    // The own caches of a service are one for each entity.
    if matches!(place, Place::Local(_)) && asked.len() > 1 {
        return asked
            .iter()
            .flat_map(|one| hits(model, place, std::slice::from_ref(one), groups, horizon))
            .collect();
    }
    let at = |time: f64| -> Vec<Vec<f64>> {
        let there = |one: &Asked, i: usize| {
            let (rate, written) = (one.rates[i], one.writes * groups[one.entity.index()][i].1);
            let lasting = match one.ttl {
                Some(ttl) => rate / (rate + written + 1.0 / ttl),
                None if rate + written > 0.0 => rate / (rate + written),
                None => 0.0,
            };
            lasting.min(1.0 - libm::exp(-rate * time))
        };
        asked.iter().map(|one| (0..one.rates.len()).map(|i| there(one, i)).collect()).collect()
    };
    let Some((capacity, nodes)) = asked.first().and_then(|one| capacity(model, place, one.entity)) else {
        return at(0.0);
    };
    let size = |entity: EntityId| {
        let mean = model.entities[entity.index()].size.as_ref().map_or(0.0, Distribution::mean);
        mean + f64::from(capacity.overhead)
    };
    let fits = |hits: &[Vec<f64>]| {
        let count = |weight: &dyn Fn(EntityId) -> f64| -> f64 {
            let of = |(one, there): (&Asked, &Vec<f64>)| {
                let rows = &groups[one.entity.index()];
                let n: f64 = rows.iter().zip(there).map(|((n, _), there)| n * there).sum();
                n * weight(one.entity)
            };
            asked.iter().zip(hits).map(of).sum()
        };
        capacity.items.is_none_or(|items| count(&|_| 1.0) <= items as f64 * nodes)
            && capacity.bytes.is_none_or(|bytes| count(&size) <= bytes as f64 * nodes)
    };
    let all = at(horizon);
    if fits(&all) {
        return all;
    }
    let (mut low, mut high) = (0.0, horizon);
    for _ in 0..60 {
        let middle = f64::midpoint(low, high);
        if fits(&at(middle)) { low = middle } else { high = middle }
    }
    at(low)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entity(rows: u64, exponent: f64) -> EntitySpec {
        EntitySpec {
            name: "post".to_owned(),
            rows,
            size: None,
            popularity: PopularitySpec::Zipf { exponent, newest: false },
            growth: 0.0,
            absent: 0.0,
            drift: 0.0,
            key_of: None,
        }
    }

    #[test]
    fn groups_hold_every_row_and_all_requests() {
        for (rows, exponent) in [(1, 1.0), (49, 0.8), (100_000, 0.99), (2_000_000, 1.2)] {
            let groups = groups(&entity(rows, exponent));
            let (count, mass) =
                groups.iter().fold((0.0, 0.0), |(n, p), (rows, each)| (n + rows, p + rows * each));
            assert_eq!(count, rows as f64);
            assert!((mass - 1.0).abs() < 1e-3, "{rows} {exponent}: {mass}");
            assert!(groups.len() < 2_000);
        }
    }
}
