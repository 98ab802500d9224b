//! Designs in words: `app x6, cache 2 GB, db 8 cores`, and not `components.app.instances=6`.
//!
//! Rule: words are for reading; wherever a machine reads, the exact paths stand beside them.

/// Who a path belongs to, and what of it: `app` and `instances`.
fn parts(path: &str) -> (&str, &str) {
    let path = path.strip_prefix("components.").or_else(|| path.strip_prefix("clients.")).unwrap_or(path);
    path.split_once('.').unwrap_or((path, ""))
}

/// A value with a space before its unit: `2 GB`.
fn spaced(value: &str) -> String {
    let at = value.find(|c: char| !(c.is_ascii_digit() || c == '.' || c == '-'));
    match at {
        Some(at) if at > 0 && value[at..].starts_with(|c: char| c.is_alphabetic()) => {
            format!("{} {}", &value[..at], &value[at..])
        }
        _ => value.to_owned(),
    }
}

fn counted(value: &str, one: &str) -> String {
    if value == "1" { format!("1 {one}") } else { format!("{value} {one}s") }
}

fn is_number(value: &str) -> bool {
    value.parse::<f64>().is_ok()
}

/// One setting: `app x6`, `db 8 cores`, `cache 2 GB`, `visitors at 300/s`, `app pools db size 40`.
pub(super) fn setting(path: &str, value: &str) -> String {
    let (owner, what) = parts(path);
    match what {
        "instances" if is_number(value) => format!("{owner} x{value}"),
        "cpu" if is_number(value) => format!("{owner} {}", counted(value, "core")),
        "workers" if is_number(value) => format!("{owner} {}", counted(value, "worker")),
        "memory" | "size" | "" => format!("{owner} {}", spaced(value)),
        "rate" => format!("{owner} at {value}"),
        _ => format!("{owner} {} {}", what.replace('.', " "), spaced(value)),
    }
}

/// A whole design.
pub(super) fn design(paths: &[String], values: &[String]) -> String {
    let all = paths.iter().zip(values).map(|(path, value)| setting(path, value));
    all.collect::<Vec<_>>().join(", ")
}

/// What another design has instead, as the subject of a sentence, and whether that is plural: `5 instances`.
pub(super) fn instead(paths: &[String], values: &[String], than: &[String]) -> (String, bool) {
    let differing: Vec<usize> =
        (0..paths.len().min(values.len())).filter(|at| values.get(*at) != than.get(*at)).collect();
    if let [only] = differing[..] {
        let (_, what) = parts(&paths[only]);
        let alone = paths.iter().filter(|path| parts(path).1 == what).count() == 1;
        let one = match what {
            "instances" => Some("instance"),
            "cpu" => Some("core"),
            "workers" => Some("worker"),
            _ => None,
        };
        if let Some(one) = one.filter(|_| alone && is_number(&values[only])) {
            return (counted(&values[only], one), values[only] != "1");
        }
    }
    let words: Vec<String> = differing.iter().map(|at| setting(&paths[*at], &values[*at])).collect();
    (words.join(", "), false)
}

/// The left-hand side of a claim: `p99` of `p99 < 800ms`.
pub(super) fn subject(claim: &str) -> &str {
    let end = claim.find(['<', '>', '=', '!']).or_else(|| claim.find(" in "));
    end.map_or(claim, |end| claim[..end].trim())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn texts(all: &[&str]) -> Vec<String> {
        all.iter().map(|text| (*text).to_owned()).collect()
    }

    #[test]
    fn a_design_reads_as_a_sentence() {
        let paths = texts(&["components.app.instances", "cache.memory", "db.cpu", "app.pools.db.size"]);
        assert_eq!(
            design(&paths, &texts(&["6", "2GB", "8", "40"])),
            "app x6, cache 2 GB, db 8 cores, app pools db size 40"
        );
        assert_eq!(setting("db.cpu", "1"), "db 1 core");
        assert_eq!(setting("clients.visitors.rate", "300/s"), "visitors at 300/s");
        assert_eq!(setting("visitors.spike.to", "1.5k/s"), "visitors spike to 1.5 k/s");
        assert_eq!(setting("app.timeout", "250ms"), "app timeout 250 ms");
    }

    #[test]
    fn what_is_instead_is_told_by_what_differs() {
        let paths = texts(&["app.instances", "db.cpu"]);
        let answer = texts(&["6", "8"]);
        assert_eq!(instead(&paths, &texts(&["5", "8"]), &answer), ("5 instances".to_owned(), true));
        assert_eq!(instead(&paths, &texts(&["6", "1"]), &answer), ("1 core".to_owned(), false));
        assert_eq!(instead(&paths, &texts(&["5", "4"]), &answer), ("app x5, db 4 cores".to_owned(), false));
        let two = texts(&["app.instances", "web.instances"]);
        assert_eq!(instead(&two, &texts(&["5", "8"]), &answer), ("app x5".to_owned(), false));
        assert_eq!(subject("p99 < 800ms"), "p99");
        assert_eq!(subject("availability >= 99.9%"), "availability");
        assert_eq!(subject("cost in $1..$2"), "cost");
    }
}
