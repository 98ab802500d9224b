//! A line of the access log of an AWS Application Load Balancer.
//!
//! Its fields in order: type, time, balancer, client, target, request, target and response processing time,
//! status, the target's status, bytes received and sent, the request, and behind seven more the time at which
//! the request came. `target_processing_time` is the service's own, `-1` where it never answered.

use chrono::DateTime;

use super::Entry;
use super::nginx::{parts, request, shown};

/// The instant of an ISO 8601 text.
pub(super) fn instant(text: &str) -> Result<f64, String> {
    let at = DateTime::parse_from_rfc3339(text)
        .or_else(|_| DateTime::parse_from_str(text, "%Y-%m-%dT%H:%M:%S%.f%z"))
        .or_else(|_| DateTime::parse_from_rfc3339(&format!("{}Z", text.replace(' ', "T"))))
        .map_err(|_| format!("`{}` is no time such as `2026-11-24T19:25:00.123Z`", shown(text)))?;
    Ok(at.timestamp() as f64 + f64::from(at.timestamp_subsec_nanos()) * 1e-9)
}

/// The request of a line.
pub(super) fn entry(line: &str) -> Result<Entry, String> {
    let parts = parts(line);
    let [_, ended, _, _, _, waiting, target, answering, status, _, _, sent, asked, more @ ..] =
        parts.as_slice()
    else {
        return Err(format!("there are {} fields, where a balancer's line has at least 13", parts.len()));
    };
    let time = |text: &str| {
        let seconds: f64 = text.parse().map_err(|_| format!("`{}` is no time in seconds", shown(text)))?;
        Ok::<_, String>((seconds >= 0.0).then_some(seconds))
    };
    let (waiting, took, answering) = (time(waiting)?, time(target)?, time(answering)?);
    let ended = instant(ended)?;
    let whole = waiting.unwrap_or(0.0) + took.unwrap_or(0.0) + answering.unwrap_or(0.0);
    let at = more.get(8).and_then(|text| instant(text).ok()).unwrap_or(ended - whole);
    let (method, path) = request(asked)?;
    Ok(Entry {
        at,
        method,
        path,
        is_route: false,
        status: status.parse().map_err(|_| format!("`{}` is no status", shown(status)))?,
        bytes: sent.parse().ok(),
        took,
    })
}
