//! The points as one table, a row for each: CSV and Parquet.
//!
//! Columns: each axis' path with the value as written (in Parquet a number where all values are plain numbers),
//! `replications`, `complete`, `verdict`, and for every metric that some point has its value, `METRIC.low` and
//! `METRIC.high`. Units are those of the JSON. A metric that never came to pass is infinite, one with nothing to
//! measure it on is empty.

use std::io;
use std::sync::Arc;

use ::parquet::basic::{Compression, LogicalType, Repetition, Type as Physical};
use ::parquet::data_type::{BoolType, ByteArray, ByteArrayType, DoubleType};
use ::parquet::errors::Result;
use ::parquet::file::properties::WriterProperties;
use ::parquet::file::writer::{SerializedFileWriter, SerializedRowGroupWriter};
use ::parquet::schema::types::Type;

use super::{SweepReport, verdict};
use crate::experiment::results::{MetricValue, Verdict};

/// What a metric's column holds.
const ENDS: [&str; 3] = ["", ".low", ".high"];

/// The metrics of all points, in the order in which they first appear.
fn names<'a>(report: &SweepReport<'a>) -> Vec<&'a str> {
    let (mut names, mut seen): (Vec<&str>, std::collections::BTreeSet<&str>) = Default::default();
    for (name, _) in report.points.iter().flat_map(|point| &point.results.metrics) {
        if seen.insert(name) {
            names.push(name);
        }
    }
    names
}

/// The three columns of a metric, as many values as points.
fn column(report: &SweepReport<'_>, name: &str, end: usize) -> Vec<Option<f64>> {
    let of = |point: &super::SweepPoint| {
        let estimate = point.results.metric(name)?;
        match end {
            0 => match estimate.value {
                MetricValue::Number(x) => Some(x + 0.0),
                MetricValue::Never => Some(f64::INFINITY),
                MetricValue::Absent => None,
            },
            1 => estimate.low.map(|x| x + 0.0),
            _ => estimate.high.map(|x| x + 0.0),
        }
    };
    report.points.iter().map(of).collect()
}

/// The table as comma-separated values (RFC 4180, with plain line feeds).
///
/// # Errors
/// None that a writer in memory can have; whatever the encoder says is passed on.
pub fn sweep_csv(report: &SweepReport<'_>) -> io::Result<String> {
    let names = names(report);
    let mut writer = ::csv::Writer::from_writer(Vec::new());
    for axis in report.axes {
        writer.write_field(&axis.path)?;
    }
    for fixed in ["replications", "complete", "verdict"] {
        writer.write_field(fixed)?;
    }
    for name in &names {
        for end in ENDS {
            writer.write_field(format!("{name}{end}"))?;
        }
    }
    writer.write_record(None::<&[u8]>)?;
    let columns: Vec<Vec<Option<f64>>> =
        names.iter().flat_map(|name| (0..3).map(|end| column(report, name, end))).collect();
    for (row, point) in report.points.iter().enumerate() {
        for value in &point.values {
            writer.write_field(value)?;
        }
        writer.write_field(point.results.replications.to_string())?;
        writer.write_field(point.complete.to_string())?;
        writer.write_field(verdict(&point.results).map_or("", Verdict::word))?;
        for column in &columns {
            writer.write_field(column[row].map_or_else(String::new, |x| x.to_string()))?;
        }
        writer.write_record(None::<&[u8]>)?;
    }
    let bytes = writer.into_inner().map_err(|error| io::Error::other(error.to_string()))?;
    String::from_utf8(bytes).map_err(|error| io::Error::new(io::ErrorKind::InvalidData, error))
}

/// An axis' column.
enum Cells {
    Numbers(Vec<f64>),
    Texts(Vec<ByteArray>),
}

fn axis(report: &SweepReport<'_>, at: usize) -> Cells {
    let texts = || report.points.iter().map(|point| point.values[at].as_str());
    let numbers: Option<Vec<f64>> = texts().map(|text| text.parse().ok()).collect();
    match numbers {
        Some(numbers) if report.points.len() == numbers.len() && !numbers.is_empty() => {
            Cells::Numbers(numbers)
        }
        _ => Cells::Texts(texts().map(ByteArray::from).collect()),
    }
}

/// The same table as a Parquet file: Snappy, one row group, neither time nor host.
///
/// # Errors
/// Whatever the encoder says; there is none known for a writer in memory.
pub fn sweep_parquet(report: &SweepReport<'_>) -> Result<Vec<u8>> {
    let names = names(report);
    let axes: Vec<Cells> = (0..report.axes.len()).map(|at| axis(report, at)).collect();
    let properties = WriterProperties::builder()
        .set_compression(Compression::SNAPPY)
        .set_created_by(concat!("surgesim ", env!("CARGO_PKG_VERSION")).to_owned())
        .build();
    let schema = Arc::new(schema(report, &axes, &names)?);
    let mut writer = SerializedFileWriter::new(Vec::new(), schema, Arc::new(properties))?;
    let mut group = writer.next_row_group()?;
    for cells in &axes {
        match cells {
            Cells::Numbers(numbers) => doubles(&mut group, numbers, None)?,
            Cells::Texts(texts) => strings(&mut group, texts, None)?,
        }
    }
    let counts: Vec<f64> = report.points.iter().map(|point| f64::from(point.results.replications)).collect();
    doubles(&mut group, &counts, None)?;
    let whole: Vec<bool> = report.points.iter().map(|point| point.complete).collect();
    if let Some(mut column) = group.next_column()? {
        column.typed::<BoolType>().write_batch(&whole, None, None)?;
        column.close()?;
    }
    let verdicts: Vec<Option<Verdict>> = report.points.iter().map(|point| verdict(&point.results)).collect();
    let present: Vec<ByteArray> = verdicts.iter().flatten().map(|v| ByteArray::from(v.word())).collect();
    strings(
        &mut group,
        &present,
        Some(&verdicts.iter().map(|v| i16::from(v.is_some())).collect::<Vec<_>>()),
    )?;
    for name in names {
        for end in 0..ENDS.len() {
            let cells = column(report, name, end);
            let present: Vec<f64> = cells.iter().flatten().copied().collect();
            let levels: Vec<i16> = cells.iter().map(|x| i16::from(x.is_some())).collect();
            doubles(&mut group, &present, Some(&levels))?;
        }
    }
    group.close()?;
    writer.into_inner()
}

fn schema(report: &SweepReport<'_>, axes: &[Cells], names: &[&str]) -> Result<Type> {
    let text = |name: &str, repetition| {
        Type::primitive_type_builder(name, Physical::BYTE_ARRAY)
            .with_logical_type(Some(LogicalType::String))
            .with_repetition(repetition)
            .build()
    };
    let plain = |name: &str, physical, repetition| {
        Type::primitive_type_builder(name, physical).with_repetition(repetition).build()
    };
    let mut fields = Vec::new();
    for (axis, cells) in report.axes.iter().zip(axes) {
        fields.push(Arc::new(match cells {
            Cells::Numbers(_) => plain(&axis.path, Physical::DOUBLE, Repetition::REQUIRED)?,
            Cells::Texts(_) => text(&axis.path, Repetition::REQUIRED)?,
        }));
    }
    fields.push(Arc::new(plain("replications", Physical::DOUBLE, Repetition::REQUIRED)?));
    fields.push(Arc::new(plain("complete", Physical::BOOLEAN, Repetition::REQUIRED)?));
    fields.push(Arc::new(text("verdict", Repetition::OPTIONAL)?));
    for name in names {
        for end in ENDS {
            fields.push(Arc::new(plain(&format!("{name}{end}"), Physical::DOUBLE, Repetition::OPTIONAL)?));
        }
    }
    Type::group_type_builder("sweep").with_fields(fields).build()
}

type Group<'a> = SerializedRowGroupWriter<'a, Vec<u8>>;

fn doubles(group: &mut Group<'_>, present: &[f64], levels: Option<&[i16]>) -> Result<()> {
    if let Some(mut column) = group.next_column()? {
        column.typed::<DoubleType>().write_batch(present, levels, None)?;
        column.close()?;
    }
    Ok(())
}

fn strings(group: &mut Group<'_>, present: &[ByteArray], levels: Option<&[i16]>) -> Result<()> {
    if let Some(mut column) = group.next_column()? {
        column.typed::<ByteArrayType>().write_batch(present, levels, None)?;
        column.close()?;
    }
    Ok(())
}
