//! What a reader must know before trusting the numbers: what happened, why it matters, what to try.
//!
//! The experiment's own notices come first (lost requests, thin percentiles); then what can be read off the
//! finished results: a line still growing when the run ended, work that exceeds a resource for the whole run,
//! objectives that the replications leave open.

use super::quantity::{count, quantity};
use crate::experiment::results::{SeriesColumn, Unit, VariantResults, Verdict};

/// Parts that a run is cut into to see a trend.
const PARTS: usize = 10;
/// Growth from one part to the next that is more than noise, as a factor and in requests.
const GROWTH: (f64, f64) = (1.1, 5.0);

/// All warnings of this design, the gravest first.
#[must_use]
pub fn warnings(variant: &VariantResults) -> Vec<String> {
    let mut all = variant.notices.clone();
    all.extend(overloaded(variant));
    all.extend(growing(variant));
    all.extend(open_objectives(variant));
    all
}

fn overloaded(variant: &VariantResults) -> Option<String> {
    let row = variant
        .resources
        .iter()
        .filter(|row| row.instance.is_none() && row.offered_utilisation.is_some_and(|x| x > 1.0))
        .max_by(|a, b| {
            a.offered_utilisation.partial_cmp(&b.offered_utilisation).unwrap_or(std::cmp::Ordering::Equal)
        })?;
    Some(format!(
        "{} {} was asked for {} of what it can do, averaged over the whole run: its line cannot settle, so latencies \
         depend on how long the run is; add capacity or lower the rate, and read the series rather than the \
         averages",
        row.component,
        row.role,
        quantity(row.offered_utilisation?, Unit::Share),
    ))
}

/// The mean of each tenth of the run; `None` of runs too short to tell.
fn tenths(column: &SeriesColumn) -> Option<Vec<f64>> {
    let length = column.median.len() / PARTS;
    if length < 2 {
        return None;
    }
    // Counted from the end, so that the last tenth is the run's last.
    let skipped = column.median.len() - length * PARTS;
    let mean = |part: &[Option<f64>]| part.iter().map(|x| x.unwrap_or(0.0)).sum::<f64>() / part.len() as f64;
    Some(column.median[skipped..].chunks(length).map(mean).collect())
}

fn grows(parts: &[f64]) -> bool {
    let [.., a, b, c] = parts else { return false };
    let rises = |from: f64, to: f64| to > from * GROWTH.0 && to > from + GROWTH.1;
    rises(*a, *b) && rises(*b, *c) && parts.iter().all(|part| part <= c)
}

fn growing(variant: &VariantResults) -> Option<String> {
    let lines = variant
        .series
        .columns
        .iter()
        .filter(|c| c.name.ends_with(".queue") || c.name.ends_with(".in_flight"));
    let mut found: Vec<(&str, f64, f64)> = lines
        .filter_map(|c| tenths(c).filter(|parts| grows(parts)).map(|parts| (c.name.as_str(), parts)))
        .map(|(name, parts)| (name, parts[PARTS - 3], parts[PARTS - 1]))
        .collect();
    found.sort_by(|a, b| b.2.total_cmp(&a.2));
    let (name, before, last) = *found.first()?;
    let others = match found.len() - 1 {
        0 => String::new(),
        n => format!(" (and {n} more)"),
    };
    Some(format!(
        "{name} was still growing when the run ended, from {} to {} over the last three tenths{others}: the \
         worst is yet to come, so latencies and errors here are too low; let the run last longer, or cut the load",
        quantity(before, Unit::Count),
        quantity(last, Unit::Count),
    ))
}

fn open_objectives(variant: &VariantResults) -> Option<String> {
    let judged = variant.objectives.iter().chain(&variant.expectations);
    let open = judged.filter(|j| j.verdict == Verdict::Inconclusive).count();
    let things = if open == 1 { "1 objective is" } else { &format!("{} objectives are", count(open as u64)) };
    (open > 0).then(|| {
        format!(
            "{things} inconclusive: the interval over {} replications reaches across the limit, so this run cannot \
             tell; use more replications (four times as many halve the interval) or a longer run",
            variant.replications,
        )
    })
}

#[cfg(test)]
mod tests {
    use super::warnings;
    use crate::experiment::results::{Unit, VariantResults};
    use crate::report::fixture;

    fn quiet() -> VariantResults {
        let mut v = fixture::two().variants.remove(1);
        v.notices.clear();
        v
    }

    #[test]
    fn a_sound_run_has_none() {
        assert_eq!(warnings(&quiet()), Vec::<String>::new());
    }

    #[test]
    fn notices_come_first_then_overload_and_open_objectives() {
        let all = warnings(&fixture::launch().variants[0]);
        assert_eq!(all.len(), 3);
        assert_eq!(all[0], "a notice of the experiment");
        assert!(all[1].starts_with("db cpu was asked for 124 %"));
        assert!(all[2].starts_with("1 objective is inconclusive"));
    }

    #[test]
    fn a_line_that_grows_to_the_end_is_told_and_one_that_has_peaked_is_not() {
        let mut v = quiet();
        v.series.columns.push(fixture::column("app.in_flight", Unit::Count, |i| i as f64 * 10.0));
        assert!(warnings(&v)[0].starts_with("app.in_flight was still growing when the run ended"));
        v.series.columns.pop();
        v.series.columns.push(fixture::column("app.in_flight", Unit::Count, |i| 600.0 - i as f64 * 10.0));
        v.series
            .columns
            .push(fixture::column("lb.queue", Unit::Count, |i| f64::from(u8::from(i % 2 == 0)) * 9.0));
        // Twice as high in the middle: the end is a smaller matter than what has been.
        v.series
            .columns
            .push(fixture::column("db.queue", Unit::Count, |i| if i == 30 { 9e4 } else { i as f64 * 9.0 }));
        assert_eq!(warnings(&v), Vec::<String>::new());
    }
}
