//! What is kept of each endpoint, in bounded memory.

use std::collections::BTreeMap;

use super::Entry;
use super::goodness::{ServiceTime, service_time};
use super::keys::{EntityFit, Keys};
use super::path::template;
use crate::base::SimDuration;
use crate::base::random::{Key, StreamName};
use crate::metrics::LatencyDistribution;

/// Times of an endpoint that are kept for fitting.
const RESERVOIR: usize = 5_000;

/// Endpoints that are told apart while the log is read.
const MOST_ENDPOINTS: usize = 1_000;

/// Endpoints of the scenario.
const MOST_SHOWN: usize = 40;

/// An endpoint with a smaller share goes to the rest.
const SMALLEST_SHARE: f64 = 0.001;

/// Entities of the scenario.
const MOST_ENTITIES: usize = 50;

/// The name of all endpoints that are too rare for one of their own.
const REST: &str = "GET /(rest)";

/// Times in seconds: a uniform sample of them, and the histogram of all.
#[derive(Clone, Debug)]
struct Times {
    sample: Vec<f64>,
    all: LatencyDistribution,
    count: u64,
}

impl Default for Times {
    fn default() -> Self {
        Self { sample: Vec::new(), all: LatencyDistribution::new(3), count: 0 }
    }
}

impl Times {
    /// Algorithm R (Vitter 1985), with lots of a fixed stream.
    fn add(&mut self, seconds: f64, stream: Key) {
        self.all.record(SimDuration::from_secs_f64(seconds));
        if self.sample.len() < RESERVOIR {
            self.sample.push(seconds);
        } else {
            let at = stream.with(self.count).draws().below(self.count + 1) as usize;
            if let Some(place) = self.sample.get_mut(at) {
                *place = seconds;
            }
        }
        self.count += 1;
    }
}

#[derive(Clone, Debug, Default)]
struct Endpoint {
    requests: u64,
    failed: u64,
    times: Times,
    /// Of sizes: how many, their sum, the sum of their squares.
    sizes: (u64, f64, f64),
}

/// Endpoints and entities as they are gathered.
#[derive(Clone, Debug)]
pub struct Endpoints {
    by_name: BTreeMap<String, Endpoint>,
    keys: BTreeMap<String, Keys>,
    stream: Key,
}

impl Default for Endpoints {
    fn default() -> Self {
        let stream = Key::root(1, 0).named(StreamName::new("reservoir"));
        Self { by_name: BTreeMap::new(), keys: BTreeMap::new(), stream }
    }
}

impl Endpoints {
    pub(super) fn add(&mut self, entry: &Entry) {
        let (path, row) = if entry.is_route { (entry.path.clone(), None) } else { template(&entry.path) };
        // A name is shown to people and written into YAML.
        let plain = |c: char| if c.is_control() { '?' } else { c };
        let mut name: String = format!("{} {path}", entry.method).chars().map(plain).take(200).collect();
        if !self.by_name.contains_key(&name) && self.by_name.len() >= MOST_ENDPOINTS {
            REST.clone_into(&mut name);
        }
        if let Some((entity, key)) = row
            && (self.keys.contains_key(&entity) || self.keys.len() < MOST_ENTITIES)
        {
            self.keys.entry(entity).or_default().add(&key);
        }
        let stream = self.stream;
        let endpoint = self.by_name.entry(name).or_default();
        endpoint.requests += 1;
        if entry.status >= 500 {
            endpoint.failed += 1;
            return;
        }
        if let Some(seconds) = entry.took {
            endpoint.times.add(seconds, stream.with(endpoint.requests));
        }
        if let Some(bytes) = entry.bytes.filter(|bytes| *bytes >= 0.0) {
            let (n, sum, squares) = endpoint.sizes;
            endpoint.sizes = (n + 1, sum + bytes, squares + bytes * bytes);
        }
    }

    pub(super) fn finish(mut self) -> (Vec<EndpointFit>, Vec<EntityFit>) {
        let total: u64 = self.by_name.values().map(|endpoint| endpoint.requests).sum();
        let mut names: Vec<(u64, String)> =
            self.by_name.iter().map(|(name, endpoint)| (endpoint.requests, name.clone())).collect();
        names.sort_by(|a, b| b.0.cmp(&a.0).then_with(|| a.1.cmp(&b.1)));
        let shown =
            |at: usize, requests: u64| at < MOST_SHOWN && requests as f64 >= SMALLEST_SHARE * total as f64;
        let mut rest = self.by_name.remove(REST).unwrap_or_default();
        let mut merged = u64::from(rest.requests > 0);
        let mut all = Vec::new();
        for (at, (requests, name)) in names.iter().filter(|(_, name)| name != REST).enumerate() {
            let Some(endpoint) = self.by_name.remove(name) else { continue };
            if shown(at, *requests) {
                all.push(fit(name.clone(), &endpoint, 1));
            } else {
                merged += 1;
                rest.requests += endpoint.requests;
                rest.failed += endpoint.failed;
                for (at, seconds) in endpoint.times.sample.iter().enumerate() {
                    rest.times.add(*seconds, self.stream.with(merged).with(at as u64));
                }
                let sizes = endpoint.sizes;
                rest.sizes = (rest.sizes.0 + sizes.0, rest.sizes.1 + sizes.1, rest.sizes.2 + sizes.2);
            }
        }
        if rest.requests > 0 {
            all.push(fit(REST.to_owned(), &rest, merged));
        }
        let entities = self.keys.into_iter().map(|(name, keys)| keys.finish(name)).collect();
        (all, entities)
    }
}

fn fit(name: String, endpoint: &Endpoint, of: u64) -> EndpointFit {
    let (n, sum, squares) = endpoint.sizes;
    let size = (n > 0 && sum > 0.0).then(|| {
        let mean = sum / n as f64;
        (mean, libm::sqrt((squares / n as f64 - mean * mean).max(0.0)) / mean)
    });
    EndpointFit {
        name,
        of,
        requests: endpoint.requests,
        failed: endpoint.failed,
        time: service_time(&endpoint.times.sample, &endpoint.times.all),
        size,
    }
}

/// What the log says of an endpoint.
#[derive(Clone, Debug)]
pub struct EndpointFit {
    /// `GET /v1/users/{id}`.
    pub name: String,
    /// How many endpoints were put together for it.
    pub of: u64,
    /// Requests.
    pub requests: u64,
    /// Those that ended with a status of 500 or more.
    pub failed: u64,
    /// How long it takes, of those that did not; none if the log does not say.
    pub time: Option<ServiceTime>,
    /// Bytes of an answer: mean and coefficient of variation.
    pub size: Option<(f64, f64)>,
}
