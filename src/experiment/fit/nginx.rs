//! A line of nginx's `combined` log, with times behind it.
//!
//! `$remote_addr - $remote_user [$time_local] "$request" $status $body_bytes_sent "$http_referer"
//! "$http_user_agent"`, then `$request_time $upstream_response_time` as bare numbers, or named in any order
//! (`rt=0.123 urt="0.120"`). nginx writes the line when the request has ended.

use chrono::DateTime;

use super::Entry;

/// The parts of a line: by spaces, but not within quotes or brackets, which are taken off.
pub(super) fn parts(line: &str) -> Vec<&str> {
    let mut all = Vec::new();
    let mut rest = line.trim();
    while !rest.is_empty() {
        let closing = match rest.as_bytes()[0] {
            b'"' => Some('"'),
            b'[' => Some(']'),
            _ => None,
        };
        if let Some(closing) = closing {
            let mut before = '\0';
            let end = rest[1..].char_indices().find(|(_, c)| {
                let ends = *c == closing && before != '\\';
                before = *c;
                ends
            });
            let end = end.map_or(rest.len() - 1, |(at, _)| at);
            all.push(&rest[1..=end]);
            rest = rest.get(end + 2..).unwrap_or("").trim_start();
        } else {
            // A named value may be quoted: urt="0.001, 0.200".
            let mut quoted = false;
            let end = rest.char_indices().find(|(_, c)| {
                quoted ^= *c == '"';
                c.is_whitespace() && !quoted
            });
            let end = end.map_or(rest.len(), |(at, _)| at);
            all.push(&rest[..end]);
            rest = rest[end..].trim_start();
        }
    }
    all
}

/// Method and path of `GET /a?b HTTP/1.1`, without host and query.
pub(super) fn request(text: &str) -> Result<(String, String), String> {
    let mut words = text.split(' ');
    let (method, target) = (words.next().unwrap_or(""), words.next().unwrap_or(""));
    let is_method = !method.is_empty() && method.bytes().all(|b| b.is_ascii_uppercase());
    if !is_method || target.is_empty() {
        return Err(format!("`{}` is no request such as `GET /a HTTP/1.1`", shown(text)));
    }
    Ok((method.to_owned(), path_of(target).to_owned()))
}

/// The path of a URL.
pub(super) fn path_of(target: &str) -> &str {
    let path = match target.split_once("://") {
        Some((_, rest)) => rest.find('/').map_or("/", |at| &rest[at..]),
        None => target,
    };
    path.split(['?', '#']).next().unwrap_or(path)
}

/// A text short enough for a message.
pub(super) fn shown(text: &str) -> String {
    let short: String = text.chars().filter(|c| !c.is_control()).take(40).collect();
    if short.len() < text.len() { format!("{short}...") } else { short }
}

/// Seconds; those of several upstreams are added up, `-` is none.
fn seconds(text: &str) -> Option<f64> {
    let mut sum = None;
    for part in text.trim_matches('"').split([',', ' ', ':']).filter(|part| !part.is_empty()) {
        let one: f64 = part.parse().ok().filter(|x: &f64| x.is_finite() && *x >= 0.0)?;
        sum = Some(sum.unwrap_or(0.0) + one);
    }
    sum
}

/// `$request_time` and `$upstream_response_time` among what stands behind the line.
fn times(rest: &[&str]) -> (Option<f64>, Option<f64>) {
    let (mut whole, mut upstream) = (None, None);
    let mut bare = Vec::new();
    for part in rest {
        match part.split_once('=') {
            Some((name, value)) => match name {
                "rt" | "request_time" | "rqt" => whole = seconds(value),
                "urt" | "upstream_response_time" | "upstream_time" => upstream = seconds(value),
                _ => {}
            },
            None => bare.push(seconds(part)),
        }
    }
    let mut bare = bare.into_iter();
    (whole.or_else(|| bare.next().flatten()), upstream.or_else(|| bare.next().flatten()))
}

/// The request of a line.
pub(super) fn entry(line: &str) -> Result<Entry, String> {
    let parts = parts(line);
    let [_, _, _, time, asked, status, bytes, rest @ ..] = parts.as_slice() else {
        return Err(format!("there are {} parts, where `combined` has at least 7", parts.len()));
    };
    let at = DateTime::parse_from_str(time, "%d/%b/%Y:%H:%M:%S %z")
        .map_err(|_| format!("`{}` is no time such as `10/Oct/2000:13:55:36 -0700`", shown(time)))?;
    let (method, path) = request(asked)?;
    let status = status.parse().map_err(|_| format!("`{}` is no status", shown(status)))?;
    let (whole, upstream) = times(rest.get(2..).unwrap_or(&[]));
    Ok(Entry {
        at: at.timestamp() as f64 - whole.unwrap_or(0.0),
        method,
        path,
        is_route: false,
        status,
        bytes: bytes.parse().ok(),
        took: upstream.or(whole),
    })
}
