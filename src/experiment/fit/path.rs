//! From the path of a request to its endpoint: what names a row becomes a parameter.
//!
//! A segment names a row if it is a number, a UUID, at least 16 hexadecimal digits, or at least 20 characters
//! with a digit among them. Of several the last is the row that the request is about, and the segment before
//! it says of what.

/// An endpoint's path, and the row that the request is about: of which entity, and its name.
pub(super) fn template(path: &str) -> (String, Option<(String, String)>) {
    let mut segments: Vec<String> = Vec::new();
    let mut row = None;
    for segment in path.split('/') {
        let (stem, extension) = match segment.rsplit_once('.') {
            Some((stem, extension)) if !stem.is_empty() && extension.len() <= 5 => (stem, Some(extension)),
            _ => (segment, None),
        };
        if names_a_row(stem) {
            row = Some((entity(segments.last().map_or("", String::as_str)), stem.to_owned()));
            segments
                .push(extension.map_or_else(|| "{id}".to_owned(), |extension| format!("{{id}}.{extension}")));
        } else {
            segments.push(segment.to_owned());
        }
    }
    (segments.join("/"), row)
}

fn names_a_row(segment: &str) -> bool {
    let bytes = segment.as_bytes();
    let digits = bytes.iter().filter(|b| b.is_ascii_digit()).count();
    let hexadecimal = |bytes: &[u8]| bytes.iter().all(u8::is_ascii_hexdigit);
    let is_uuid = bytes.len() == 36
        && bytes.iter().enumerate().all(|(at, b)| match at {
            8 | 13 | 18 | 23 => *b == b'-',
            _ => b.is_ascii_hexdigit(),
        });
    digits > 0
        && (digits == bytes.len() || is_uuid || bytes.len() >= 16 && hexadecimal(bytes) || bytes.len() >= 20)
}

/// A name for what rows are of: `users` of `/v1/users/7`.
fn entity(segment: &str) -> String {
    let plain: String = segment
        .chars()
        .map(|c| if c.is_ascii_alphanumeric() { c.to_ascii_lowercase() } else { '_' })
        .take(40)
        .collect();
    let plain = plain.trim_matches('_').to_owned();
    if plain.is_empty() || plain.starts_with(|c: char| c.is_ascii_digit()) {
        "item".to_owned()
    } else {
        plain
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_names_a_row_becomes_a_parameter() {
        for (path, wanted, row) in [
            ("/", "/", None),
            ("/v1/users/42", "/v1/users/{id}", Some(("users", "42"))),
            ("/v1/users/42/posts/7", "/v1/users/{id}/posts/{id}", Some(("posts", "7"))),
            ("/photos/17.jpg", "/photos/{id}.jpg", Some(("photos", "17"))),
            (
                "/o/3f2504e0-4f89-11d3-9a0c-0305e82c3301",
                "/o/{id}",
                Some(("o", "3f2504e0-4f89-11d3-9a0c-0305e82c3301")),
            ),
            ("/b/deadbeefdeadbeef0", "/b/{id}", Some(("b", "deadbeefdeadbeef0"))),
            ("/static/app.js", "/static/app.js", None),
            ("/v2/feed", "/v2/feed", None),
            ("/7", "/{id}", Some(("item", "7"))),
        ] {
            let (template, found) = template(path);
            assert_eq!(template, wanted);
            assert_eq!(found, row.map(|(entity, key)| (entity.to_owned(), key.to_owned())), "{path}");
        }
    }
}
