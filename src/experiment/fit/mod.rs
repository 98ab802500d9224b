//! A workload from an access log: how many requests when, of which endpoints, about which rows, and how long
//! each endpoint takes.
//!
//! Rules: the log is read once, line by line, in bounded memory: counts by second, a reservoir of times and a
//! histogram for each endpoint, a sample of the keys of each entity. Lots are drawn from fixed streams, so
//! that the same log gives the same scenario. A line that cannot be read is counted and the first few are
//! shown; nothing is guessed. A request begins when it arrived: a log that is written at the end of a request
//! is taken back by its duration.
//!
//! What a log cannot tell: how much of a time was waiting and how much was work. The times go into a scenario
//! as they were measured, at the load they were measured at.

mod alb;
mod arrivals;
mod distributions;
mod endpoints;
mod goodness;
mod json_lines;
mod keys;
mod log;
mod nginx;
mod path;
mod spans;

pub use arrivals::{Arrivals, Rate};
pub use distributions::Family;
pub use endpoints::{EndpointFit, Endpoints};
pub use goodness::{Goodness, ServiceTime};
pub use keys::{EntityFit, Popularity};
pub use log::{Broken, Form, LogError, TimeUnit, read};

/// One request of a log.
#[derive(Clone, Debug, PartialEq)]
pub struct Entry {
    /// When it arrived, in seconds since 1970.
    pub at: f64,
    /// `GET`, ...
    pub method: String,
    /// The path as it was asked for, or the route if the log knows it.
    pub path: String,
    /// Whether `path` is a route with its parameters named already.
    pub is_route: bool,
    /// The status; 0 where none is known.
    pub status: u16,
    /// Bytes of the answer.
    pub bytes: Option<f64>,
    /// Seconds until the answer: of the server itself where the log tells them apart.
    pub took: Option<f64>,
}

/// What was found in a log.
#[derive(Clone, Debug)]
pub struct Fitted {
    /// Which form of log it is.
    pub form: Form,
    /// Requests read.
    pub requests: u64,
    /// Lines, or spans, that are no requests to a server and were passed over.
    pub skipped: u64,
    /// Lines that could not be read.
    pub broken: Broken,
    /// Requests over time.
    pub arrivals: Arrivals,
    /// Endpoints, the most frequent first.
    pub endpoints: Vec<EndpointFit>,
    /// Entities whose keys stand in the paths.
    pub entities: Vec<EntityFit>,
    /// Requests that ended with a status of 500 or more.
    pub failed: u64,
}
