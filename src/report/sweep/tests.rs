//! The sweep's report from hand-made points.

use ::parquet::file::reader::{FileReader as _, SerializedFileReader};

use super::*;
use crate::experiment::results::Unit;
use crate::report::TextStyle;
use crate::report::chart::rasterize;
use crate::report::fixture;

fn axes(texts: &[&str]) -> Vec<Axis> {
    texts.iter().map(|text| Axis::parse(text).expect(text)).collect()
}

/// A point whose p99 is so many seconds in each of five replications, give or take a hundredth.
fn point(index: usize, values: &[&str], p99: f64) -> SweepPoint {
    let mut results = fixture::launch().variants.remove(0);
    results.metrics.retain(|(name, _)| name == "goodput");
    let estimate = fixture::estimate(p99, Unit::Seconds, 0.99 * p99, 1.01 * p99);
    results.metrics.insert(0, ("p99".to_owned(), estimate));
    SweepPoint { index, values: values.iter().map(|v| (*v).to_owned()).collect(), results, complete: true }
}

fn report<'a>(axes: &'a [Axis], points: &'a [SweepPoint], metrics: &'a [String]) -> SweepReport<'a> {
    SweepReport {
        title: "shop",
        design: "base",
        seed: 7,
        axes,
        sample: None,
        wanted: points.len(),
        points,
        metrics,
    }
}

#[test]
fn one_path_has_a_table_a_knee_and_a_curve() {
    let axes = axes(&["app.instances=2..12:2"]);
    let points: Vec<SweepPoint> =
        [("10", 0.20), ("2", 4.0), ("4", 2.0), ("6", 0.30), ("8", 0.22), ("12", 0.19)]
            .iter()
            .enumerate()
            .map(|(at, (value, p99))| point(at, &[value], *p99))
            .collect();
    let metrics = USUAL_METRICS.map(str::to_owned);
    let report = report(&axes, &points, &metrics);
    let knees = report.knees("p99");
    assert_eq!((knees.len(), knees[0].value.as_str()), (1, "6"));
    assert_eq!(knees[0].each, Some(("6".to_owned(), "6".to_owned(), 5)));
    let text = report.text(TextStyle::default());
    for part in
        ["best 190 ms", "at app.instances=12; worst 4.00 s", "along app.instances is at 6 (in 5 of 5", " 2 |"]
    {
        assert!(text.contains(part), "{part} is missing in\n{text}");
    }
    let csv = sweep_csv(&report).expect("text");
    let lines: Vec<&str> = csv.lines().collect();
    assert_eq!(
        lines[0],
        "app.instances,replications,complete,verdict,p99,p99.low,p99.high,goodput,goodput.low,goodput.high"
    );
    assert!(lines[1].starts_with("10,5,true,missed,0.2,0.198,"), "{}", lines[1]);
    let json: serde_json::Value = serde_json::from_str(&report.json()).expect("JSON");
    assert_eq!(json["complete"], true);
    assert_eq!(json["points"][1]["metrics"]["p99"]["value"], 4.0);
    assert_eq!(json["knees"][0]["value"], "6");
    assert_eq!(json["axes"][0]["values"][5], "12");
    let pictures = sweep_pictures(&report);
    assert!(pictures.len() == 1 && pictures[0].1.contains("knee at 6"));
    assert!(rasterize(&pictures[0].1).is_ok());
    assert!(report.markdown().contains("| 12 | 190 ms"));
}

#[test]
fn two_paths_are_a_heat_map_and_more_are_told_one_by_one() {
    let two = axes(&["app.instances=2,4", "db.cpu=1,2"]);
    let points = [
        point(0, &["2", "1"], 4.0),
        point(1, &["2", "2"], 2.0),
        point(2, &["4", "1"], f64::NAN),
        point(3, &["4", "2"], 0.1),
    ];
    let metrics = ["p99".to_owned(), "goodput".to_owned()];
    let pictures = sweep_pictures(&report(&two, &points, &metrics));
    assert_eq!(pictures.iter().map(|p| p.0.as_str()).collect::<Vec<_>>(), ["heat-p99"]);
    assert!(pictures.iter().all(|(_, svg)| rasterize(svg).is_ok()));
    let three = axes(&["app.instances=2,4", "db.cpu=1,2", "app.discipline=fifo,lifo"]);
    let points = [point(0, &["2", "1", "lifo"], 4.0), point(1, &["4", "2", "fifo"], 0.1)];
    let pictures = sweep_pictures(&report(&three, &points, &metrics));
    assert_eq!(pictures.iter().map(|p| p.0.as_str()).collect::<Vec<_>>(), ["paths-p99"]);
    assert!(pictures.iter().all(|(_, svg)| rasterize(svg).is_ok()));
}

#[test]
fn what_is_missing_is_told_and_nothing_is_no_failure() {
    let axes = axes(&["app.instances=2..12:2"]);
    let metrics = USUAL_METRICS.map(str::to_owned);
    let mut points = [point(3, &["8"], 0.2)];
    points[0].results.replications = 1;
    let partly = SweepReport { wanted: 6, ..report(&axes, &points, &metrics) };
    let text = partly.text(TextStyle::default());
    assert!(text.contains("INCOMPLETE") && text.contains("5 of 6 points are not run yet"), "{text}");
    assert!(text.contains("no interval"), "{text}");
    let none = SweepReport { wanted: 6, ..report(&axes, &[], &metrics) };
    assert!(none.text(TextStyle::default()).contains("0 points") && sweep_pictures(&none).is_empty());
    assert_eq!(sweep_csv(&none).expect("text").lines().count(), 1);
    assert!(serde_json::from_str::<serde_json::Value>(&none.json()).is_ok());
}

#[test]
fn the_parquet_file_has_the_same_columns() {
    let axes = axes(&["app.instances=2,4", "people.rate=1/s,2/s"]);
    let points = [point(0, &["2", "1/s"], 4.0), point(1, &["4", "2/s"], f64::INFINITY)];
    let metrics = ["p99".to_owned()];
    let bytes = sweep_parquet(&report(&axes, &points, &metrics)).expect("bytes");
    assert_eq!(bytes, sweep_parquet(&report(&axes, &points, &metrics)).expect("bytes"));
    let mut file = tempfile::tempfile().expect("a file");
    std::io::Write::write_all(&mut file, &bytes).expect("written");
    let reader = SerializedFileReader::new(file).expect("a reader");
    let first =
        reader.get_row_iter(None).expect("rows").next().expect("a row").expect("whole").into_columns();
    let row: Vec<String> = first.into_iter().map(|(name, value)| format!("{name}: {value}")).collect();
    assert_eq!(
        row[..5],
        [
            "app.instances: 2.0",
            "people.rate: \"1/s\"",
            "replications: 5.0",
            "complete: true",
            "verdict: \"missed\""
        ]
    );
    assert_eq!(row[5], "p99: 4.0");
}
