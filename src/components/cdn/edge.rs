//! One place of a CDN: its store, the fetches under way, and the errors that it remembers.
//!
//! Modelled: a TTL for each object, copies served past it while they are fetched anew (RFC 5861,
//! stale-while-revalidate) or because that failed (stale-if-error), request collapsing, remembered errors,
//! purges. Not modelled: ranges, the revalidation of a copy without its body.
//! Rules: an object has at most one fetch that others join; a purge cuts off what is under way, so its caller
//! answers whoever waited and settles no fetch from before it; a remembered error starts no fetch, and gives way to a copy that may still be served.

use std::collections::hash_map::Entry;

use rustc_hash::FxHashMap;

use crate::base::random::Key;
use crate::base::{SimDuration, SimTime};
use crate::components::cache::entries::Value;
use crate::components::cache::eviction::Policy;
use crate::components::cache::store::{Capacity, Lookup, Store};
use crate::engine::{Found, Outcome};

/// How long copies and errors of one kind of object are good.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Freshness {
    /// Fresh for so long after it was fetched.
    pub ttl: SimDuration,
    /// Served for so long after that, while it is fetched anew.
    pub while_revalidating: SimDuration,
    /// Served for so long after the TTL if fetching fails.
    pub if_error: SimDuration,
    /// An error is remembered for so long; zero: not at all.
    pub error_ttl: SimDuration,
}

impl Freshness {
    /// How long after its TTL a copy is of any use.
    fn grace(&self) -> SimDuration {
        self.while_revalidating.max(self.if_error)
    }
}

/// The body of an answer.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Body {
    /// Its bytes; what is beyond a terabyte is not told apart.
    pub bytes: u64,
    /// The version of the row in it, where it is about one; beyond 16 million they are not told apart.
    pub version: u32,
}

const BYTES: u64 = (1 << 40) - 1;
const VERSIONS: u32 = (1 << 24) - 1;

impl Body {
    fn packed(self) -> u64 {
        u64::from(self.version.min(VERSIONS)) << 40 | self.bytes.min(BYTES)
    }

    fn unpacked(number: u64) -> Self {
        Self { bytes: number & BYTES, version: (number >> 40) as u32 }
    }
}

/// What is done with a request.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Look {
    /// Answer with the copy; `fetch`: and fetch it anew in the background.
    Serve {
        /// Fresh or stale.
        found: Found,
        /// Whether to begin a fetch that nobody waits for.
        fetch: bool,
    },
    /// Answer with this error, which is remembered.
    Refuse(Outcome),
    /// Wait for the fetch that is under way.
    Join,
    /// Fetch it.
    Fetch,
}

/// How a fetch ended, for those who wait for it.
#[derive(Clone, Debug, PartialEq)]
pub struct Settled<W> {
    /// Who waited, in order of arrival.
    pub waiting: Vec<W>,
    /// Whether they get the old copy, since the fetch failed.
    pub stale: bool,
}

/// A fetch that others may join.
#[derive(Clone, Debug)]
struct Fetch<W> {
    waiting: Vec<W>,
}

/// One place, whose waiting requests are named by `W`.
#[derive(Debug)]
pub struct Edge<W> {
    store: Store,
    under_way: FxHashMap<u64, Fetch<W>>,
    errors: FxHashMap<u64, (Outcome, SimTime)>,
}

impl<W: PartialEq> Edge<W> {
    /// An empty place; a policy that draws lots does so from `key`.
    #[must_use]
    pub fn new(capacity: Capacity, policy: Policy, key: Key) -> Self {
        Self {
            store: Store::new(capacity, policy, key),
            under_way: FxHashMap::default(),
            errors: FxHashMap::default(),
        }
    }

    /// Decides about a request for `object`. After [`Look::Join`] or [`Look::Fetch`] the caller says who waits,
    /// with [`Self::wait`]; after a fetch that is begun it says how it ended, with [`Self::settle`].
    pub fn look(&mut self, object: u64, fresh: &Freshness, now: SimTime) -> Look {
        let past = match self.store.get(object, now) {
            Lookup::Hit(value) => {
                let dies = value.expiry - fresh.grace();
                if now < dies {
                    return Look::Serve { found: Found::Hit, fetch: false };
                }
                Some(now.since(dies))
            }
            Lookup::Miss | Lookup::Expired => None,
        };
        let error = self.remembered(object, now);
        if past.is_some_and(|past| past < fresh.while_revalidating) {
            let fetch = error.is_none() && self.begin(object);
            return Look::Serve { found: Found::Stale, fetch };
        }
        if let Some(error) = error {
            let copy = past.is_some_and(|past| past < fresh.if_error);
            return if copy {
                Look::Serve { found: Found::Stale, fetch: false }
            } else {
                Look::Refuse(error)
            };
        }
        if self.begin(object) { Look::Fetch } else { Look::Join }
    }

    /// `who` waits for the fetch of `object`; false if none is under way.
    pub fn wait(&mut self, object: u64, who: W) -> bool {
        let fetch = self.under_way.get_mut(&object);
        fetch.map(|fetch| fetch.waiting.push(who)).is_some()
    }

    /// `who` waits no more; the fetch goes on, for the others and for the store.
    pub fn leave(&mut self, object: u64, who: &W) {
        if let Some(fetch) = self.under_way.get_mut(&object) {
            fetch.waiting.retain(|other| other != who);
        }
    }

    /// The fetch of `object` ended with `outcome` and a `body`; none if a purge has cut it off, so that
    /// nothing of it may be kept. `ttl` is this copy's own, jitter included.
    pub fn settle(
        &mut self,
        object: u64,
        outcome: Outcome,
        body: Body,
        (fresh, ttl): (&Freshness, SimDuration),
        now: SimTime,
    ) -> Option<Settled<W>> {
        let waiting = self.under_way.remove(&object)?.waiting;
        if outcome.is_ok() {
            self.errors.remove(&object);
            let expiry = now + ttl + fresh.grace();
            // What is larger than the whole store is passed on and not kept.
            self.store.put(object, body.bytes, Value { version: body.packed(), expiry }, now);
            return Some(Settled { waiting, stale: false });
        }
        if !fresh.error_ttl.is_zero() {
            self.errors.insert(object, (outcome, now + fresh.error_ttl));
        }
        let copy = self.store.peek(object).filter(|_| outcome.status == 0 || outcome.status >= 500);
        let stale = copy.is_some_and(|copy| now < copy.expiry - fresh.grace() + fresh.if_error);
        Some(Settled { waiting, stale })
    }

    /// The fetch of `object` will never end: whoever waits for it is handed back.
    pub fn cut(&mut self, object: u64) -> Vec<W> {
        self.under_way.remove(&object).map_or_else(Vec::new, |fetch| fetch.waiting)
    }

    /// Everything is forgotten; whoever waits for a fetch is handed back with its object.
    /// A fetch from before the purge must not be settled once another of the same object has begun.
    pub fn purge(&mut self) -> Vec<(u64, W)> {
        self.store.flush();
        self.errors.clear();
        let mut cut: Vec<(u64, Fetch<W>)> = self.under_way.drain().collect();
        // The order of a hash map is nobody's business.
        cut.sort_unstable_by_key(|(object, _)| *object);
        cut.into_iter()
            .flat_map(|(object, fetch)| fetch.waiting.into_iter().map(move |w| (object, w)))
            .collect()
    }

    /// The body of a copy; an empty one where there is no copy.
    #[must_use]
    pub fn body(&self, object: u64) -> Body {
        self.store.peek(object).map_or(Body::default(), |copy| Body::unpacked(copy.version))
    }

    /// How long a copy is fresh from now on.
    #[must_use]
    pub fn rest(&self, object: u64, fresh: &Freshness, now: SimTime) -> SimDuration {
        self.store.peek(object).map_or(SimDuration::ZERO, |copy| (copy.expiry - fresh.grace()).since(now))
    }

    /// What is stored.
    #[must_use]
    pub fn store(&self) -> &Store {
        &self.store
    }

    /// Whether a fetch was begun, since none is under way.
    fn begin(&mut self, object: u64) -> bool {
        match self.under_way.entry(object) {
            Entry::Occupied(_) => false,
            Entry::Vacant(place) => {
                place.insert(Fetch { waiting: Vec::new() });
                true
            }
        }
    }

    fn remembered(&mut self, object: u64, now: SimTime) -> Option<Outcome> {
        let (outcome, until) = *self.errors.get(&object)?;
        if now < until {
            return Some(outcome);
        }
        self.errors.remove(&object);
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::ComponentId;
    use crate::base::random::Zipf;
    use crate::engine::Reason;

    const GOOD: Outcome = Outcome::ok(200, ComponentId(0));
    const BAD: Outcome = Outcome::error(503, ComponentId(0), Reason::BacklogFull);
    const ONE: Body = Body { bytes: 1, version: 0 };
    const HIT: Look = Look::Serve { found: Found::Hit, fetch: false };

    fn at(seconds: f64) -> SimTime {
        SimTime::from_secs_f64(seconds)
    }

    fn edge() -> Edge<u32> {
        Edge::new(Capacity { bytes: None, items: None, overhead: 0 }, Policy::Lru, Key::root(1, 0))
    }

    fn fresh(ttl: u64, swr: u64, sie: u64, error: u64) -> Freshness {
        let [ttl, while_revalidating, if_error, error_ttl] =
            [ttl, swr, sie, error].map(SimDuration::from_secs);
        Freshness { ttl, while_revalidating, if_error, error_ttl }
    }

    /// The hit ratio of `places` places that share a Poisson stream over Zipf-distributed objects.
    fn hit_ratio(places: u64, rate: f64, ttl: u64) -> (f64, f64) {
        let (objects, rule) = (1_000_u64, fresh(ttl, 0, 0, 0));
        let zipf = Zipf::new(objects, 0.8);
        let mut draws = Key::root(7, 0).draws();
        let mut edges: Vec<Edge<u32>> = (0..places).map(|_| edge()).collect();
        let (mut now, mut hits, mut looks) = (0.0, 0_u64, 0_u64);
        for _ in 0..400_000 {
            now -= draws.unit_open().ln() / rate;
            let object = zipf.sample(&mut draws);
            let edge = &mut edges[draws.below(places) as usize];
            let look = edge.look(object, &rule, at(now));
            if look == Look::Fetch {
                edge.settle(object, GOOD, ONE, (&rule, rule.ttl), at(now));
            }
            if now > 10.0 * ttl as f64 {
                looks += 1;
                hits += u64::from(look == HIT);
            }
        }
        let weights: Vec<f64> = (1..=objects).map(|rank| (rank as f64).powf(-0.8)).collect();
        let sum: f64 = weights.iter().sum();
        let theory = weights.iter().map(|w| w / sum).map(|p| {
            let asked = p * rate / places as f64 * ttl as f64;
            p * asked / (1.0 + asked)
        });
        (hits as f64 / looks as f64, theory.sum())
    }

    #[test]
    fn a_ttl_gives_the_renewal_formula_and_places_divide_the_popularity() {
        let mut before = 1.0;
        for places in [1, 4, 16] {
            let (seen, theory) = hit_ratio(places, 1_000.0, 10);
            assert!((seen - theory).abs() < 0.01, "{places} places: {seen} for {theory}");
            assert!(seen < before);
            before = seen;
        }
    }

    #[test]
    fn one_fetch_serves_all_who_join_and_whoever_leaves_harms_nobody() {
        let (mut edge, rule) = (edge(), fresh(60, 0, 0, 0));
        assert_eq!(edge.look(9, &rule, at(0.0)), Look::Fetch);
        assert!(edge.wait(9, 1));
        for who in 2..=4 {
            assert_eq!(edge.look(9, &rule, at(0.1)), Look::Join);
            assert!(edge.wait(9, who));
        }
        // The one who began it leaves: the fetch is for the others as well.
        edge.leave(9, &1);
        let settled = edge.settle(9, GOOD, ONE, (&rule, rule.ttl), at(1.0)).expect("under way");
        assert_eq!(settled, Settled { waiting: vec![2, 3, 4], stale: false });
        assert_eq!(edge.look(9, &rule, at(60.9)), HIT);
        assert_eq!(edge.look(9, &rule, at(61.0)), Look::Fetch);
    }

    #[test]
    fn errors_are_remembered_and_give_way_to_a_copy_that_may_be_served() {
        let (mut edge, rule) = (edge(), fresh(10, 0, 20, 5));
        assert_eq!(edge.look(1, &rule, at(0.0)), Look::Fetch);
        assert!(!edge.settle(1, BAD, Body::default(), (&rule, rule.ttl), at(0.0)).expect("under way").stale);
        assert_eq!(edge.look(1, &rule, at(4.9)), Look::Refuse(BAD));
        assert_eq!(edge.look(1, &rule, at(5.0)), Look::Fetch);
        edge.settle(1, GOOD, ONE, (&rule, rule.ttl), at(5.0));
        assert_eq!(edge.look(1, &rule, at(15.0)), Look::Fetch);
        assert!(edge.settle(1, BAD, Body::default(), (&rule, rule.ttl), at(16.0)).expect("under way").stale);
        let stale = Look::Serve { found: Found::Stale, fetch: false };
        assert_eq!(edge.look(1, &rule, at(17.0)), stale);
        assert_eq!(edge.look(1, &rule, at(35.0)), Look::Fetch);
    }

    #[test]
    fn a_stale_copy_is_served_while_one_fetch_renews_it() {
        let (mut edge, rule) = (edge(), fresh(10, 30, 0, 0));
        edge.look(1, &rule, at(0.0));
        edge.settle(1, GOOD, ONE, (&rule, rule.ttl), at(0.0));
        assert_eq!(edge.look(1, &rule, at(10.0)), Look::Serve { found: Found::Stale, fetch: true });
        assert_eq!(edge.look(1, &rule, at(10.1)), Look::Serve { found: Found::Stale, fetch: false });
        edge.settle(1, GOOD, ONE, (&rule, rule.ttl), at(10.2));
        assert_eq!(edge.look(1, &rule, at(20.1)), HIT);
    }

    #[test]
    fn a_body_is_kept_with_its_size_and_version() {
        let (mut edge, rule) = (edge(), fresh(60, 0, 0, 0));
        for body in [Body { bytes: 3_456_789_012, version: 7 }, Body { bytes: 0, version: VERSIONS }] {
            edge.look(body.bytes, &rule, at(0.0));
            edge.settle(body.bytes, GOOD, body, (&rule, rule.ttl), at(0.0));
            assert_eq!(edge.body(body.bytes), body);
        }
        edge.look(3, &rule, at(0.0));
        edge.wait(3, 1);
        assert_eq!((edge.cut(3), edge.cut(3)), (vec![1], vec![]));
    }

    #[test]
    fn a_purge_leaves_nothing_and_what_was_under_way_is_not_kept() {
        let (mut edge, rule) = (edge(), fresh(60, 0, 0, 0));
        edge.look(1, &rule, at(0.0));
        edge.settle(1, GOOD, ONE, (&rule, rule.ttl), at(0.0));
        edge.look(2, &rule, at(1.0));
        edge.wait(2, 7);
        assert_eq!(edge.purge(), vec![(2, 7)]);
        assert_eq!(edge.settle(2, GOOD, ONE, (&rule, rule.ttl), at(2.0)), None);
        assert!(edge.store().is_empty());
        assert_eq!(edge.look(1, &rule, at(2.0)), Look::Fetch);
    }
}
