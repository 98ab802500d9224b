//! The series of all designs as one table: a row for each design and bucket, a column for each metric.
//!
//! Designs may differ in their columns (one has a cache, the other none): the table has every column that
//! any of them has, in the order in which they first appear; what a design does not have is empty.

use crate::experiment::results::{RunResults, VariantResults};

/// The names of the columns besides `variant` and `t`.
pub(super) fn names(results: &RunResults) -> Vec<&str> {
    let mut names: Vec<&str> = Vec::new();
    for column in results.variants.iter().flat_map(|variant| &variant.series.columns) {
        if !names.contains(&column.name.as_str()) {
            names.push(&column.name);
        }
    }
    names
}

/// The medians of one column of one design, as many as it has buckets.
pub(super) fn values<'a>(variant: &'a VariantResults, name: &str) -> impl Iterator<Item = Option<f64>> + 'a {
    let column = variant.series.column(name);
    (0..variant.series.t.len())
        .map(move |i| column.and_then(|c| c.median.get(i).copied().flatten()).filter(|x| x.is_finite()))
}
