//! Which endpoints a route or a rule is about.

/// A method and a path, each perhaps any; a path may hold `*` for any rest.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub struct EndpointPattern {
    /// The method; none: any.
    pub method: Option<String>,
    /// The path, literal or with one `*`; none: any.
    pub path: Option<String>,
}

impl EndpointPattern {
    /// Whether it takes `METHOD /path`.
    #[must_use]
    pub fn matches(&self, endpoint: &str) -> bool {
        let (method, path) = endpoint.split_once(' ').unwrap_or(("", endpoint));
        let method_fits = self.method.as_ref().is_none_or(|wanted| wanted.eq_ignore_ascii_case(method));
        let path_fits = self.path.as_ref().is_none_or(|pattern| match pattern.split_once('*') {
            Some((before, after)) => {
                path.len() >= before.len() + after.len() && path.starts_with(before) && path.ends_with(after)
            }
            None => path == pattern,
        });
        method_fits && path_fits
    }
}

#[cfg(test)]
mod tests {
    use super::EndpointPattern;

    #[test]
    fn a_pattern_takes_methods_and_paths() {
        let of = |method: Option<&str>, path: Option<&str>| EndpointPattern {
            method: method.map(str::to_owned),
            path: path.map(str::to_owned),
        };
        assert!(of(None, None).matches("POST /v1/videos"));
        assert!(
            of(Some("post"), None).matches("POST /v1/videos") && !of(Some("GET"), None).matches("POST /v1")
        );
        assert!(
            of(None, Some("/v1/*")).matches("GET /v1/feed") && !of(None, Some("/v1/*")).matches("GET /v2/")
        );
        assert!(!of(None, Some("/aba*ba")).matches("GET /aba"), "the two ends do not overlap");
        assert!(of(Some("GET"), Some("/")).matches("GET /") && !of(Some("GET"), Some("/")).matches("GET /a"));
    }
}
