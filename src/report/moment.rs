//! Why a design was as it was at one moment, in sentences with their numbers: what came and what was
//! answered, the longest waits by resource, the most frequent failures, and the feedback loop if there is one.

use std::fmt::Write as _;

use super::quantity::{duration, optional, quantity};
use super::table::clean;
use crate::experiment::moment::Moment;
use crate::experiment::results::{ResourceRow, Unit};

/// Waits and failures that are named.
const TOP: usize = 3;
/// A wait shorter than this share of the median latency explains nothing.
const NOTABLE_WAIT: f64 = 0.05;
/// Utilisation from which a resource is called busy.
const BUSY: f64 = 0.8;
/// Share of repeated attempts, or of work for nobody, from which there is a loop.
const LOOP: f64 = 0.05;

/// The explanation, each line ended; `name` is the design's.
#[must_use]
pub fn explain_moment(name: &str, moment: &Moment) -> String {
    let runs = match moment.replications {
        1 => "1 replication".to_owned(),
        n => format!("{n} replications"),
    };
    let span = format!("{} to {}", duration(moment.from), duration(moment.to));
    let mut out = format!("{}, {span}, {runs}\n", clean(name));
    let per_second = |x: f64| quantity(x, Unit::PerSecond);
    let _ = writeln!(
        out,
        "load      {} requests were sent, {} were answered well{}",
        per_second(moment.offered),
        per_second(moment.goodput),
        moment.p99.map_or_else(String::new, |p99| format!(
            "; of those who started here the median took {} and the 99th percentile {}",
            optional(moment.p50, Unit::Seconds),
            quantity(p99, Unit::Seconds)
        ))
    );
    waits(&mut out, moment);
    busy(&mut out, moment);
    failures(&mut out, moment);
    feedback(&mut out, moment);
    out
}

fn resource(row: &ResourceRow) -> String {
    clean(&format!("{} {}", row.component, row.role))
}

fn waits(out: &mut String, moment: &Moment) {
    let notable = NOTABLE_WAIT * moment.p50.unwrap_or(0.0);
    let mut rows: Vec<(&ResourceRow, f64)> = moment
        .resources
        .iter()
        .filter_map(|row| {
            row.mean_wait.or((row.mean_queue >= 1.0).then_some(f64::INFINITY)).map(|w| (row, w))
        })
        .filter(|(_, wait)| *wait > notable.max(1e-6))
        .collect();
    rows.sort_by(|a, b| b.1.total_cmp(&a.1));
    if rows.is_empty() {
        out.push_str("waits     nobody waited for long anywhere\n");
    }
    for (row, wait) in rows.into_iter().take(TOP) {
        let waited = if wait.is_finite() {
            format!(
                "{} on average (99th percentile {})",
                quantity(wait, Unit::Seconds),
                optional(row.p99_wait, Unit::Seconds)
            )
        } else {
            "so long that nobody got it".to_owned()
        };
        let _ = writeln!(
            out,
            "waits     for {}: {waited}, {} waiting at a time",
            resource(row),
            quantity(row.mean_queue, Unit::Count)
        );
    }
}

fn busy(out: &mut String, moment: &Moment) {
    let use_of =
        |row: &ResourceRow| row.utilisation.into_iter().chain(row.offered_utilisation).fold(0.0, f64::max);
    let mut rows: Vec<&ResourceRow> =
        moment.resources.iter().filter(|row| row.servers.is_finite() && use_of(row) >= BUSY).collect();
    rows.sort_by(|a, b| use_of(b).total_cmp(&use_of(a)));
    for row in rows.into_iter().take(TOP) {
        let _ = write!(out, "busy      {}: {} in use", resource(row), optional(row.utilisation, Unit::Share));
        if let Some(offered) = row.offered_utilisation {
            let _ = write!(out, ", {} of what it can do was asked of it", quantity(offered, Unit::Share));
        }
        out.push('\n');
    }
}

fn failures(out: &mut String, moment: &Moment) {
    if moment.errors.is_empty() {
        out.push_str("failures  none of those who started here\n");
    }
    for error in moment.errors.iter().take(TOP) {
        let status = if error.status == 0 { "no answer".to_owned() } else { error.status.to_string() };
        let _ = writeln!(
            out,
            "failures  {status} made by {}, {}: {} of those who started here",
            clean(&error.component),
            error.reason,
            quantity(error.share, Unit::Share)
        );
    }
}

fn feedback(out: &mut String, moment: &Moment) {
    let repeated = moment.reattempts / moment.offered.max(f64::MIN_POSITIVE);
    let wasted = moment.served_for_nobody / moment.served.max(f64::MIN_POSITIVE);
    if moment.reattempts > 0.0 && repeated >= LOOP {
        let _ = writeln!(
            out,
            "feedback  failures bring more load: {} attempts were repetitions, {} on top of the requests",
            quantity(moment.reattempts, Unit::PerSecond),
            quantity(repeated, Unit::Share)
        );
    }
    if moment.served > 0.0 && wasted >= LOOP {
        let _ = writeln!(
            out,
            "feedback  work is wasted: {} of the visits served were for callers who had left",
            quantity(wasted, Unit::Share)
        );
    }
    if repeated < LOOP && wasted < LOOP {
        out.push_str("feedback  none: little was repeated, and little was served for nobody\n");
    }
}

#[cfg(test)]
mod tests {
    use super::explain_moment;
    use crate::experiment::moment::Moment;
    use crate::report::fixture;

    #[test]
    fn each_sentence_has_its_numbers() {
        let variant = &fixture::launch().variants[0];
        let moment = Moment {
            from: 840.0,
            to: 870.0,
            replications: 5,
            offered: 800.0,
            goodput: 200.0,
            reattempts: 200.0,
            served: 300.0,
            served_for_nobody: 90.0,
            p50: Some(0.1),
            p99: Some(4.0),
            errors: variant.errors.clone(),
            resources: variant.resources.clone(),
        };
        let text = explain_moment("base", &moment);
        assert!(text.starts_with("base, 14m 00s to 14m 30s, 5 replications\n"), "{text}");
        assert!(text.contains("200/s attempts were repetitions, 25.0 % on top of the requests"), "{text}");
        assert!(text.contains("30.0 % of the visits served were for callers who had left"), "{text}");
        let calm = Moment { offered: 10.0, goodput: 10.0, served: 10.0, ..Moment::default() };
        let text = explain_moment("base", &calm);
        assert!(text.contains("nobody waited") && text.contains("feedback  none"), "{text}");
    }
}
