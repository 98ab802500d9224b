//! OpenTelemetry's spans as JSON (OTLP): the spans of servers are requests.
//!
//! Names of attributes are those of the semantic conventions, the stable ones and the older: the route
//! (`http.route`) or the path, the method, the status. What is not of kind server is passed over.

use serde_json::Value;

use super::Entry;
use super::log::Found;
use super::nginx::path_of;

/// The tree of a text.
pub(super) fn json(text: &str) -> Result<Value, String> {
    serde_json::from_str(text).map_err(|error| format!("it is no JSON: {error}"))
}

fn either<'a>(value: &'a Value, names: [&str; 2]) -> Option<&'a Value> {
    names.iter().find_map(|name| value.get(*name))
}

fn list<'a>(value: &'a Value, names: [&str; 2]) -> impl Iterator<Item = &'a Value> + use<'a> {
    either(value, names).and_then(Value::as_array).into_iter().flatten()
}

/// The value of an attribute as text.
fn attribute(span: &Value, names: &[&str]) -> Option<String> {
    let all = span.get("attributes")?.as_array()?;
    names.iter().find_map(|name| {
        let found = all.iter().find(|one| one.get("key").and_then(Value::as_str) == Some(name))?;
        let value = found.get("value")?.as_object()?.values().next()?;
        value.as_str().map(str::to_owned).or_else(|| Some(value.to_string()))
    })
}

/// Nanoseconds since 1970, which JSON writes as a text.
fn nanos(span: &Value, names: [&str; 2]) -> Result<u64, String> {
    let value = either(span, names).ok_or_else(|| format!("a span has no `{}`", names[0]))?;
    value
        .as_u64()
        .or_else(|| value.as_str()?.parse().ok())
        .ok_or_else(|| format!("`{}` of a span is no number", names[0]))
}

fn entry(span: &Value) -> Result<Option<Entry>, String> {
    let kind = span.get("kind");
    let is_server = kind.is_some_and(|kind| kind == 2 || kind == "SPAN_KIND_SERVER" || kind == "2");
    if !is_server {
        return Ok(None);
    }
    let start = nanos(span, ["startTimeUnixNano", "start_time_unix_nano"])?;
    let end = nanos(span, ["endTimeUnixNano", "end_time_unix_nano"])?;
    let took = end.checked_sub(start).ok_or("a span ends before it begins")? as f64 * 1e-9;
    let name = span.get("name").and_then(Value::as_str).unwrap_or_default();
    let named = name.split_once(' ').filter(|(_, path)| path.starts_with('/'));
    let method = attribute(span, &["http.request.method", "http.method"]);
    let method = method.or_else(|| named.map(|(method, _)| method.to_owned()));
    let route = attribute(span, &["http.route"]);
    let path = attribute(span, &["url.path", "http.target", "url.full", "http.url"]);
    // With both the path tells the key, and its template is the route again.
    let (path, is_route) = match (path, route) {
        (Some(path), _) => (path_of(&path).to_owned(), false),
        (None, Some(route)) => (route, true),
        (None, None) => (named.map_or(name, |(_, path)| path).to_owned(), true),
    };
    let status = attribute(span, &["http.response.status_code", "http.status_code"]);
    let bytes = attribute(span, &["http.response.body.size", "http.response_content_length"]);
    Ok(Some(Entry {
        at: start as f64 * 1e-9,
        method: method.unwrap_or_else(|| "GET".to_owned()),
        path,
        is_route,
        status: status.and_then(|status| status.parse().ok()).unwrap_or(0),
        bytes: bytes.and_then(|bytes| bytes.parse().ok()),
        took: Some(took),
    }))
}

/// The requests of an export, or of several in a list.
pub(super) fn entries(tree: &Value, found: &mut dyn FnMut(Found)) -> Result<(), String> {
    if let Value::Array(all) = tree {
        return all.iter().try_for_each(|one| entries(one, found));
    }
    if either(tree, ["resourceSpans", "resource_spans"]).is_none() {
        return Err("it has no `resourceSpans`".to_owned());
    }
    for resource in list(tree, ["resourceSpans", "resource_spans"]) {
        for scope in list(resource, ["scopeSpans", "scope_spans"]) {
            for span in list(scope, ["spans", "spans"]) {
                found(entry(span)?.map_or(Found::Nothing, Found::Request));
            }
        }
    }
    Ok(())
}
