//! One finished point of a sweep as a file: a line that names it and its checksum, and its results as JSON.
//!
//! `surgesim-point 1 KEY CHECKSUM`, a line feed, the JSON of the point's results without their series, a line feed;
//! after that, of a design that a plan has decided on, what it found.
//! The key is a digest of the whole scenario with the point's values, of every file that it names, of seed and
//! replications, and of the program's version and [`RESULTS_VERSION`]; it is the file's name too. Whatever does not
//! fit is no point: it is run again.

use std::path::{Path, PathBuf};

use crate::base::Digest;
use crate::experiment::results::{RESULTS_VERSION, RunResults, SCHEMA_VERSION};
use crate::experiment::search::Finding;
use crate::report::{PlannedDesign, json, read_saved, write_whole};

/// The largest file that is read.
const LARGEST: u64 = 64 * 1024 * 1024;
const MAGIC: &str = "surgesim-point 1";

/// The key of a point: `scenario` digests what is run, `run` says how often and from which seed.
#[must_use]
pub fn point_key(scenario: Digest, run: &str) -> String {
    let mut digest = scenario;
    digest.feed_text(run);
    digest.feed_text(env!("CARGO_PKG_VERSION"));
    digest.feed(&RESULTS_VERSION.to_le_bytes());
    digest.text()
}

/// Where a point lies.
#[must_use]
pub fn point_path(folder: &Path, key: &str) -> PathBuf {
    folder.join("points").join(format!("{key}.point"))
}

/// The bytes of a point's file.
#[must_use]
fn point_bytes(key: &str, results: &RunResults, finding: &str) -> Vec<u8> {
    let mut results = results.clone();
    results
        .variants
        .iter_mut()
        .for_each(|variant| variant.series = crate::experiment::results::Series::default());
    let body = json(&results) + finding;
    format!("{MAGIC} {key} {}\n{body}", Digest::of(body.as_bytes()).text()).into_bytes()
}

/// The results in a point's file.
///
/// # Errors
/// Why it is no file of this point, without a full stop.
fn read_point(key: &str, bytes: &[u8]) -> Result<(RunResults, String), String> {
    let text = std::str::from_utf8(bytes).map_err(|_| "it is no text")?;
    let (head, body) = text.split_once('\n').ok_or("it is cut short")?;
    let rest = head.strip_prefix(MAGIC).ok_or("it does not begin as a point does")?;
    let (named, checksum) = rest.trim_start().split_once(' ').ok_or("its first line is cut short")?;
    if Digest::of(body.as_bytes()).text() != checksum {
        return Err("its checksum does not fit what it holds".to_owned());
    }
    if named != key {
        return Err("it is the file of another point".to_owned());
    }
    let (results, finding) = body.split_once('\n').ok_or("it is cut short")?;
    Ok((read_saved(results)?, finding.to_owned()))
}

/// The finished point under this key; `None` if there is none.
///
/// # Errors
/// Why what is there cannot be used, without a full stop.
pub fn load_point(folder: &Path, key: &str) -> Result<Option<RunResults>, String> {
    Ok(load(folder, key)?.map(|(results, _)| results))
}

fn load(folder: &Path, key: &str) -> Result<Option<(RunResults, String)>, String> {
    let path = point_path(folder, key);
    let about = match std::fs::metadata(&path) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(error.to_string()),
        Ok(about) => about,
    };
    if !about.is_file() || about.len() > LARGEST {
        return Err("it is no file of a point".to_owned());
    }
    read_point(key, &std::fs::read(&path).map_err(|error| error.to_string())?).map(Some)
}

/// Keeps a finished point, whole or not at all.
///
/// # Errors
/// Whatever the file system says, with the path.
pub fn keep_point(folder: &Path, key: &str, results: &RunResults) -> Result<(), String> {
    write_whole(&point_path(folder, key), &point_bytes(key, results, "")).map_err(|error| error.to_string())
}

/// Keeps what a plan has found of a design.
///
/// # Errors
/// Whatever the file system says, with the path.
pub fn keep_judged(folder: &Path, key: &str, seed: u64, design: &PlannedDesign) -> Result<(), String> {
    // The confidence as bits, so that it comes back exactly; the notices, since a report adds its own to them.
    let finding = serde_json::json!({
        "finding": design.finding.word(),
        "deciding": design.deciding,
        "confidence_bits": design.confidence.map(f64::to_bits),
        "notices": design.results.notices,
    });
    let finding = format!("{finding}\n");
    let results = RunResults {
        schema_version: SCHEMA_VERSION,
        scenario: String::new(),
        about: String::new(),
        seed,
        complete: true,
        variants: vec![design.results.clone()],
    };
    let bytes = point_bytes(key, &results, &finding);
    write_whole(&point_path(folder, key), &bytes).map_err(|error| error.to_string())
}

/// What a plan has found of the design with these values; `None` if nothing yet.
///
/// # Errors
/// Why what is there cannot be used, without a full stop.
pub fn load_judged(folder: &Path, key: &str, values: &[String]) -> Result<Option<PlannedDesign>, String> {
    let Some((mut results, finding)) = load(folder, key)? else { return Ok(None) };
    let told: serde_json::Value = serde_json::from_str(&finding).map_err(|_| "it has no finding")?;
    let word = told["finding"].as_str().unwrap_or_default();
    let finding = [Finding::Met, Finding::Missed, Finding::Unsure].into_iter().find(|f| f.word() == word);
    let deciding = told["deciding"].as_u64().and_then(|at| usize::try_from(at).ok());
    let (Some(finding), Some(deciding)) = (finding, deciding) else {
        return Err("its finding is none".to_owned());
    };
    let bits = told["confidence_bits"].as_u64().map(f64::from_bits);
    let confidence = bits.filter(|share| (0.0..=1.0).contains(share));
    let mut results = results.variants.swap_remove(0);
    let notices = told["notices"].as_array().into_iter().flatten();
    results.notices = notices.filter_map(|notice| notice.as_str()).map(str::to_owned).collect();
    Ok(Some(PlannedDesign {
        values: values.to_vec(),
        load: 0.0,
        results,
        finding,
        deciding,
        confidence,
        checks: false,
    }))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::fixture;

    #[test]
    fn a_point_comes_back_to_the_bit_and_what_is_damaged_is_told() {
        let key = point_key(Digest::of(b"scenario"), "seed 1, 5 replications");
        assert_ne!(key, point_key(Digest::of(b"scenario"), "seed 2, 5 replications"));
        let bytes = point_bytes(&key, &fixture::launch(), "");
        let read = read_point(&key, &bytes).expect("a point").0;
        assert_eq!(read.variants[0].metrics, fixture::launch().variants[0].metrics);
        assert_eq!(
            point_bytes(&key, &read, ""),
            point_bytes(&key, &read_point(&key, &bytes).expect("again").0, "")
        );
        for (damaged, part) in [
            (bytes[..bytes.len() / 2].to_vec(), "checksum"),
            (bytes[..10].to_vec(), "cut short"),
            (Vec::new(), "cut short"),
            (b"hello\n".to_vec(), "begin"),
            (vec![0xff; 99], "no text"),
            ([bytes.as_slice(), b" "].concat(), "checksum"),
        ] {
            let why = read_point(&key, &damaged).expect_err(part);
            assert!(why.contains(part), "{why}");
        }
        assert!(read_point("other", &bytes).expect_err("another").contains("another point"));
        let folder = tempfile::tempdir().expect("a folder");
        assert_eq!(load_point(folder.path(), &key), Ok(None));
        keep_point(folder.path(), &key, &fixture::launch()).expect("kept");
        assert_eq!(load_point(folder.path(), &key), Ok(Some(read)));
    }

    #[test]
    fn a_finding_comes_back_to_the_bit() {
        let folder = tempfile::tempdir().expect("a folder");
        let values = vec!["6".to_owned()];
        for (finding, confidence) in
            [(Finding::Met, Some(0.997_123_456_789)), (Finding::Missed, None), (Finding::Unsure, None)]
        {
            let results = fixture::launch().variants.swap_remove(0);
            let design = PlannedDesign {
                values: values.clone(),
                load: 0.0,
                results,
                finding,
                deciding: 1,
                confidence,
                checks: false,
            };
            keep_judged(folder.path(), "key", 1, &design).expect("kept");
            let read = load_judged(folder.path(), "key", &values).expect("whole").expect("there");
            assert_eq!((read.finding, read.deciding, read.confidence), (finding, 1, confidence));
            assert_eq!(read.results.objectives, design.results.objectives);
            assert_eq!(read.results.notices, design.results.notices);
        }
        keep_point(folder.path(), "key", &fixture::launch()).expect("kept");
        assert!(load_judged(folder.path(), "key", &values).expect_err("no finding").contains("finding"));
    }
}
