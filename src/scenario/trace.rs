//! Recorded series of counts: CSV with a time column and a count column.
//!
//! Times are numbers (of intervals or seconds, from zero) or `YYYY-MM-DD HH:MM:SS`, which count from
//! the first row. Absent intervals are zero. Scaled counts are rounded cumulatively, so the total is
//! count x scale to within one half.

/// Counts per interval; at most so many intervals.
const MOST_INTERVALS: f64 = 10_000_000.0;

/// Reads the counts per interval of `interval` seconds, each times `scale`.
///
/// # Errors
/// What is wrong with the text, with its line.
pub(super) fn counts(text: &str, columns: &[String], interval: f64, scale: f64) -> Result<Vec<u64>, String> {
    if interval <= 0.0 || !(scale.is_finite() && scale > 0.0) {
        return Err("`interval` and `scale` must be above zero".to_owned());
    }
    let mut reader =
        csv::ReaderBuilder::new().comment(Some(b'#')).trim(csv::Trim::All).from_reader(text.as_bytes());
    let header = reader.headers().map_err(|e| e.to_string())?.clone();
    let column = |at: usize| match columns.get(at) {
        None => Ok(at),
        Some(name) => {
            header.iter().position(|h| h == name).ok_or_else(|| format!("there is no column `{name}`"))
        }
    };
    let (time, count) = (column(0)?, column(1)?);
    let mut raw: Vec<f64> = Vec::new();
    let mut first = None;
    for record in reader.records() {
        let record = record.map_err(|e| e.to_string())?;
        let line = record.position().map_or(0, csv::Position::line);
        let cell = |at: usize| record.get(at).ok_or_else(|| format!("line {line} has too few columns"));
        let stamp = cell(time)?;
        let seconds = match stamp.parse::<f64>() {
            Ok(number) => number,
            Err(_) => {
                let absolute =
                    timestamp(stamp).ok_or_else(|| format!("line {line}: `{stamp}` is no time"))?;
                absolute - *first.get_or_insert(absolute)
            }
        };
        let value = cell(count)?.parse::<f64>().ok().filter(|v| v.is_finite() && *v >= 0.0);
        let value = value.ok_or_else(|| format!("line {line}: the count is no number"))?;
        let at = seconds / interval;
        if !(0.0..MOST_INTERVALS).contains(&at) {
            return Err(format!("line {line}: the time `{stamp}` is out of range"));
        }
        let at = at as usize;
        if raw.len() <= at {
            raw.resize(at + 1, 0.0);
        }
        raw[at] += value;
    }
    if raw.is_empty() {
        return Err("there are no rows".to_owned());
    }
    let (mut exact, mut given) = (0.0_f64, 0.0_f64);
    Ok(raw
        .into_iter()
        .map(|value| {
            exact += value * scale;
            let upto = exact.round();
            let here = upto - given;
            given = upto;
            here as u64
        })
        .collect())
}

/// Seconds of `YYYY-MM-DD HH:MM:SS` (or with a `T`) on a proleptic Gregorian calendar.
pub(super) fn timestamp(text: &str) -> Option<f64> {
    let (date, time) = text.split_once([' ', 'T'])?;
    let numbers =
        |part: &str, sep: char| -> Option<Vec<i64>> { part.split(sep).map(|n| n.parse().ok()).collect() };
    let (date, time) = (numbers(date, '-')?, numbers(time.trim_end_matches('Z'), ':')?);
    let ([year, month, day], [hour, minute, second]) = (date.as_slice(), time.as_slice()) else {
        return None;
    };
    // Days from civil (Hinnant): years begin in March so that leap days come last.
    let y = if *month <= 2 { year - 1 } else { *year };
    let (era, yoe) = (y.div_euclid(400), y.rem_euclid(400));
    let doy = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    let days = era * 146_097 + yoe * 365 + yoe / 4 - yoe / 100 + doy;
    Some((days * 86_400 + hour * 3600 + minute * 60 + second) as f64)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn absent_intervals_are_zero_and_rounding_keeps_the_total() {
        let text = "# a comment\nsecond,count\n2,1\n4,1\n5,2\n";
        let columns = ["second".to_owned(), "count".to_owned()];
        assert_eq!(counts(text, &columns, 1.0, 1.0), Ok(vec![0, 0, 1, 0, 1, 2]));
        assert_eq!(counts(text, &columns, 1.0, 1.5).map(|c| c.iter().sum::<u64>()), Ok(6));
        assert!(counts(text, &["sec".to_owned()], 1.0, 1.0).is_err());
    }

    #[test]
    fn iso_times_count_from_the_first_row() {
        let text = "timestamp,value\n2014-02-28 23:59:00,94.0\n2014-03-01 00:04:00,56.0\n";
        assert_eq!(counts(text, &[], 300.0, 1.0), Ok(vec![94, 56]));
    }
}
