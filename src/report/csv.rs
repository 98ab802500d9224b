//! The series as comma-separated values (RFC 4180, with plain line feeds): `variant,t,offered,goodput,...`.
//!
//! One row per design and bucket; the median over replications, in the units of the JSON; empty where nothing
//! was measured. Numbers are the shortest decimals that name them, so equal runs give equal bytes.

use std::io;

use super::columns::{names, values};
use crate::experiment::results::RunResults;

/// The whole table as text.
///
/// # Errors
/// None that a writer in memory can have; whatever the encoder says is passed on.
pub fn csv(results: &RunResults) -> io::Result<String> {
    let names = names(results);
    let mut writer = ::csv::Writer::from_writer(Vec::new());
    writer.write_record(["variant", "t"].iter().chain(&names))?;
    for variant in &results.variants {
        let mut columns: Vec<_> = names.iter().map(|name| values(variant, name)).collect();
        for t in &variant.series.t {
            writer.write_field(&variant.name)?;
            writer.write_field(t.to_string())?;
            for column in &mut columns {
                let cell = column.next().flatten().map_or_else(String::new, |x| (x + 0.0).to_string());
                writer.write_field(cell)?;
            }
            writer.write_record(None::<&[u8]>)?;
        }
    }
    let bytes = writer.into_inner().map_err(|error| io::Error::other(error.to_string()))?;
    String::from_utf8(bytes).map_err(|error| io::Error::new(io::ErrorKind::InvalidData, error))
}

#[cfg(test)]
mod tests {
    use super::csv;
    use crate::report::fixture;

    #[test]
    fn a_row_per_design_and_bucket_with_gaps_left_empty() {
        let mut results = fixture::two();
        results.variants[0].series.columns[1].median[0] = None;
        results.variants[1].name = "more, \"bigger\"".to_owned();
        let text = csv(&results).unwrap();
        let lines: Vec<&str> = text.lines().collect();
        assert_eq!(lines.len(), 1 + 2 * fixture::BUCKETS);
        assert_eq!(lines[0], "variant,t,offered,p99,errors.503,db.offered_cpu,app.queue");
        assert_eq!(lines[1], "base,0,100,,0,0.5,1");
        assert_eq!(lines[20], "base,190,400,0.5,19,1.9,800");
        // The second design has no errors and no such gauge.
        assert_eq!(lines[1 + fixture::BUCKETS], "\"more, \"\"bigger\"\"\",0,100,0.5,,,1");
    }

    #[test]
    fn without_designs_there_is_still_a_header() {
        let mut results = fixture::launch();
        results.variants.clear();
        assert_eq!(csv(&results).unwrap(), "variant,t\n");
    }
}
