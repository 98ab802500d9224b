//! The connections of a client population: one that each person keeps, or a few that all share.
//!
//! HTTP/1.1: a person's requests follow each other on one connection, which closes when an attempt on it is
//! abandoned. HTTP/2 and gRPC: all requests of the population are streams of a few connections, and giving
//! one up closes its stream alone (RFC 9113, 5.4.2). A connection that has stood idle for too long, or was
//! opened longer ago than its lifetime, is replaced by a new one before the next request.

use crate::base::random::{Key, StreamName};
use crate::base::{SimDuration, SimTime};

/// How a population keeps connections.
#[derive(Clone, Copy, Debug, PartialEq, Default)]
pub struct ConnectionSpec {
    /// Longest idle time of a connection that is kept between requests; none: each request opens its own.
    pub keep_alive: Option<SimDuration>,
    /// Connections that all requests share as streams; none: one for each person.
    pub shared: Option<u32>,
    /// Longest life of a connection, give or take a tenth (the jitter of gRPC's `MAX_CONNECTION_AGE`).
    pub lifetime: Option<SimDuration>,
}

#[derive(Clone, Copy, Debug)]
struct Open {
    until: SimTime,
    /// Requests on it.
    streams: u32,
    /// Since when nobody uses it.
    idle: SimTime,
}

/// The connections of a population as it runs.
#[derive(Debug)]
pub(super) struct Connections {
    spec: ConnectionSpec,
    key: Key,
    opened: u64,
    open: Vec<Option<Open>>,
}

impl Connections {
    pub(super) fn new(spec: ConnectionSpec, key: Key) -> Self {
        Self { spec, key: key.named(StreamName::new("connections")), opened: 0, open: Vec::new() }
    }

    /// The connection of the request with this number, which belongs to this person if to anybody.
    pub(super) fn of(&self, number: u64, person: Option<u32>) -> Option<u32> {
        self.spec.keep_alive?;
        match self.spec.shared {
            Some(shared) => Some((person.map_or(number, u64::from) % u64::from(shared.max(1))) as u32),
            None => person,
        }
    }

    /// Begins a request on a connection; true if that is open already.
    pub(super) fn begin(&mut self, connection: u32, now: SimTime) -> bool {
        let at = connection as usize;
        if at >= self.open.len() {
            self.open.resize(at + 1, None);
        }
        let keep = self.spec.keep_alive.unwrap_or_default();
        if let Some(open) = &mut self.open[at]
            && now < open.until
            && (open.streams > 0 || now.since(open.idle) <= keep)
        {
            open.streams += 1;
            return true;
        }
        let life = self.spec.lifetime.map(|life| {
            let u = self.key.with(self.opened).draws().unit();
            life.mul_f64(0.9 + 0.2 * u)
        });
        self.opened += 1;
        let until = life.map_or(SimTime::MAX, |life| now + life);
        self.open[at] = Some(Open { until, streams: 1, idle: now });
        false
    }

    /// A request on a connection ends; `broken`: the connection with it.
    pub(super) fn end(&mut self, connection: u32, broken: bool, now: SimTime) {
        let Some(slot) = self.open.get_mut(connection as usize) else { return };
        if broken {
            *slot = None;
        } else if let Some(open) = slot {
            open.streams = open.streams.saturating_sub(1);
            open.idle = now;
        }
    }

    /// All of them are closed, those in use once they are idle.
    pub(super) fn reset(&mut self) {
        for open in self.open.iter_mut().flatten() {
            open.until = SimTime::ZERO;
        }
    }

    /// Whoever had a connection to themselves is gone.
    pub(super) fn leave(&mut self, connection: u32) {
        if self.spec.shared.is_none() {
            self.end(connection, true, SimTime::ZERO);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: f64) -> SimTime {
        SimTime::from_secs_f64(seconds)
    }

    fn kept(shared: Option<u32>, lifetime: Option<SimDuration>) -> Connections {
        let keep_alive = Some(SimDuration::from_secs(10));
        Connections::new(ConnectionSpec { keep_alive, shared, lifetime }, Key::root(1, 0))
    }

    #[test]
    fn a_person_keeps_a_connection_until_it_idles_or_breaks() {
        let mut connections = kept(None, None);
        assert_eq!(connections.of(7, Some(3)), Some(3));
        assert_eq!(connections.of(7, None), None, "nobody keeps nothing");
        assert!(!connections.begin(3, at(0.0)));
        connections.end(3, false, at(1.0));
        assert!(connections.begin(3, at(11.0)), "idle for 10 s");
        connections.end(3, false, at(12.0));
        assert!(!connections.begin(3, at(22.5)), "idle for longer");
        connections.end(3, true, at(23.0));
        assert!(!connections.begin(3, at(23.1)), "broken");
        connections.leave(3);
        assert!(!connections.begin(3, at(23.2)), "another person");
        connections.end(3, false, at(24.0));
        connections.reset();
        assert!(!connections.begin(3, at(24.1)), "reset");
    }

    #[test]
    fn shared_connections_carry_streams_and_age() {
        let mut connections = kept(Some(2), Some(SimDuration::from_secs(100)));
        assert_eq!([0, 1, 2].map(|n| connections.of(n, None)), [Some(0), Some(1), Some(0)]);
        assert!(!connections.begin(0, at(0.0)));
        assert!(connections.begin(0, at(0.0)), "a second stream");
        connections.end(0, false, at(1.0));
        assert!(connections.begin(0, at(50.0)), "not idle while a stream is open");
        assert!(connections.begin(0, at(89.9)), "younger than nine tenths of its life");
        assert!(!connections.begin(0, at(110.1)), "older than eleven tenths");
    }
}
