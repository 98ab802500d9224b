//! A JSON object to a line, by the names that access logs commonly use.
//!
//! A bare number is a duration in the unit that its name ends with (`_ms`, `_us`, `_ns`, `_s`), in seconds
//! for nginx's own names, else in the unit that the user names. A text may carry its unit: `12.5ms`.

use serde_json::{Map, Value};

use super::Entry;
use super::alb::instant;
use super::log::TimeUnit;
use super::nginx::{path_of, request, shown};
use crate::document::quantity;

const TIMES: [&str; 9] =
    ["time", "timestamp", "@timestamp", "ts", "time_iso8601", "start_time", "datetime", "date", "msec"];
const METHODS: [&str; 6] =
    ["method", "request_method", "http_method", "verb", "http.request.method", "http.method"];
const ROUTES: [&str; 3] = ["route", "http.route", "endpoint"];
const PATHS: [&str; 8] =
    ["path", "uri", "request_uri", "url", "url.path", "http.target", "request_path", "request"];
const STATUSES: [&str; 5] = ["status", "status_code", "response_code", "code", "http.response.status_code"];
const SIZES: [&str; 6] =
    ["bytes", "body_bytes_sent", "bytes_sent", "response_size", "size", "http.response.body.size"];
/// The server's own time before that of the whole request.
const DURATIONS: [&str; 10] = [
    "upstream_response_time",
    "target_processing_time",
    "duration",
    "latency",
    "elapsed",
    "response_time",
    "took",
    "request_time",
    "time_taken",
    "processing_time",
];

fn first<'a>(object: &'a Map<String, Value>, names: &[&str]) -> Option<&'a Value> {
    names.iter().find_map(|name| object.get(*name)).filter(|value| !value.is_null())
}

fn number(value: &Value) -> Option<f64> {
    value.as_f64().or_else(|| value.as_str()?.trim().parse().ok()).filter(|x| x.is_finite())
}

/// Seconds since 1970, from a text or a number in seconds, milliseconds, microseconds or nanoseconds.
fn moment(value: &Value) -> Result<f64, String> {
    if let Some(x) = number(value) {
        // A time of this century has 10 digits in seconds, and three more for each finer unit.
        let scale = [1e17, 1e14, 1e11].into_iter().zip([1e-9, 1e-6, 1e-3]).find(|(least, _)| x >= *least);
        return Ok(x * scale.map_or(1.0, |(_, scale)| scale));
    }
    instant(value.as_str().unwrap_or_default())
}

fn unit_of(name: &str, unit: TimeUnit) -> f64 {
    let suffixed = [
        ("_ms", TimeUnit::Milliseconds),
        ("_millis", TimeUnit::Milliseconds),
        ("_us", TimeUnit::Microseconds),
        ("_micros", TimeUnit::Microseconds),
        ("_ns", TimeUnit::Nanoseconds),
        ("_nanos", TimeUnit::Nanoseconds),
        ("_s", TimeUnit::Seconds),
        ("_seconds", TimeUnit::Seconds),
    ];
    if matches!(name, "upstream_response_time" | "request_time" | "target_processing_time") {
        return 1.0;
    }
    let found = suffixed.iter().find(|(suffix, _)| name.ends_with(suffix));
    found.map_or(unit, |(_, unit)| *unit).seconds()
}

fn duration(object: &Map<String, Value>, unit: TimeUnit) -> Option<f64> {
    let named = DURATIONS.iter().find_map(|name| {
        object.iter().find(|(key, value)| {
            let base = key.strip_prefix(name);
            !value.is_null() && base.is_some_and(|rest| rest.is_empty() || rest.starts_with('_'))
        })
    });
    let (name, value) = named?;
    if let Some(x) = number(value) {
        return Some(x * unit_of(name, unit)).filter(|x| *x >= 0.0);
    }
    value.as_str().and_then(|text| quantity::duration(text).ok()).map(|span| span.as_secs_f64())
}

/// The request of a line.
pub(super) fn entry(line: &str, unit: TimeUnit) -> Result<Entry, String> {
    let tree: Value = serde_json::from_str(line).map_err(|error| format!("it is no JSON: {error}"))?;
    let object = tree.as_object().ok_or("it is JSON, but no object")?;
    let at = first(object, &TIMES).ok_or_else(|| missing("time", &TIMES, object))?;
    let at = moment(at)?;
    let text = |names: &[&str]| first(object, names).and_then(Value::as_str);
    let route = text(&ROUTES);
    let path = route.or_else(|| text(&PATHS)).ok_or_else(|| missing("path", &PATHS, object))?;
    let (method, path) = match (text(&METHODS), path.split_once(' ')) {
        (Some(method), None) => (method.to_uppercase(), path_of(path).to_owned()),
        (_, Some(_)) => request(path)?,
        (None, None) => ("GET".to_owned(), path_of(path).to_owned()),
    };
    let took = duration(object, unit);
    let ends = object.contains_key("msec") || object.contains_key("time_iso8601");
    Ok(Entry {
        // nginx writes these when the request has ended.
        at: if ends { at - took.unwrap_or(0.0) } else { at },
        method,
        path,
        is_route: route.is_some(),
        status: first(object, &STATUSES).and_then(number).map_or(0, |status| status as u16),
        bytes: first(object, &SIZES).and_then(number),
        took,
    })
}

fn missing(what: &str, names: &[&str], object: &Map<String, Value>) -> String {
    let there: Vec<&str> = object.keys().map(String::as_str).take(8).collect();
    format!("it has no {what} (one of {}), only {}", names.join(", "), shown(&there.join(", ")))
}
