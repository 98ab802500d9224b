//! The series as a Parquet file: the columns of the CSV, for DuckDB, pandas and the like.
//!
//! `variant` is a string and `t` a double, both required; every metric is an optional double, null where
//! nothing was measured. Compressed with Snappy, one row group. The file carries no time and no host name, so
//! equal runs give equal bytes.
//!
//! Reference: Apache Parquet format specification 2.

use std::sync::Arc;

use ::parquet::basic::{Compression, LogicalType, Repetition, Type as Physical};
use ::parquet::data_type::{ByteArray, ByteArrayType, DoubleType};
use ::parquet::errors::Result;
use ::parquet::file::properties::WriterProperties;
use ::parquet::file::writer::{SerializedFileWriter, SerializedRowGroupWriter};
use ::parquet::schema::types::Type;

use super::columns::{names, values};
use crate::experiment::results::RunResults;

/// The bytes of the whole file.
///
/// # Errors
/// Whatever the encoder says; there is none known for a writer in memory.
pub fn parquet(results: &RunResults) -> Result<Vec<u8>> {
    let names = names(results);
    let properties = WriterProperties::builder()
        .set_compression(Compression::SNAPPY)
        .set_created_by(concat!("surgesim ", env!("CARGO_PKG_VERSION")).to_owned())
        .build();
    let mut writer = SerializedFileWriter::new(Vec::new(), Arc::new(schema(&names)?), Arc::new(properties))?;
    let mut group = writer.next_row_group()?;
    write_variants(&mut group, results)?;
    let t: Vec<f64> = results.variants.iter().flat_map(|v| v.series.t.iter().copied()).collect();
    write_doubles(&mut group, &t, None)?;
    for name in names {
        let cells: Vec<Option<f64>> = results.variants.iter().flat_map(|v| values(v, name)).collect();
        let present: Vec<f64> = cells.iter().filter_map(|x| x.map(|x| x + 0.0)).collect();
        let levels: Vec<i16> = cells.iter().map(|x| i16::from(x.is_some())).collect();
        write_doubles(&mut group, &present, Some(&levels))?;
    }
    group.close()?;
    writer.into_inner()
}

fn schema(names: &[&str]) -> Result<Type> {
    let variant = Type::primitive_type_builder("variant", Physical::BYTE_ARRAY)
        .with_logical_type(Some(LogicalType::String))
        .with_repetition(Repetition::REQUIRED)
        .build()?;
    let double = |name, repetition| {
        Type::primitive_type_builder(name, Physical::DOUBLE).with_repetition(repetition).build()
    };
    let mut fields = vec![Arc::new(variant), Arc::new(double("t", Repetition::REQUIRED)?)];
    for name in names {
        fields.push(Arc::new(double(name, Repetition::OPTIONAL)?));
    }
    Type::group_type_builder("series").with_fields(fields).build()
}

fn write_variants(group: &mut SerializedRowGroupWriter<'_, Vec<u8>>, results: &RunResults) -> Result<()> {
    let mut cells = Vec::new();
    for variant in &results.variants {
        let name = ByteArray::from(variant.name.as_str());
        cells.extend(std::iter::repeat_n(name, variant.series.t.len()));
    }
    if let Some(mut column) = group.next_column()? {
        column.typed::<ByteArrayType>().write_batch(&cells, None, None)?;
        column.close()?;
    }
    Ok(())
}

fn write_doubles(
    group: &mut SerializedRowGroupWriter<'_, Vec<u8>>,
    present: &[f64],
    levels: Option<&[i16]>,
) -> Result<()> {
    if let Some(mut column) = group.next_column()? {
        column.typed::<DoubleType>().write_batch(present, levels, None)?;
        column.close()?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::fs::File;
    use std::io::Write;

    use ::parquet::file::reader::{FileReader, SerializedFileReader};
    use ::parquet::record::Field;

    use super::parquet;
    use crate::report::fixture;

    fn reader(bytes: &[u8]) -> SerializedFileReader<File> {
        let mut file = tempfile::tempfile().unwrap();
        file.write_all(bytes).unwrap();
        SerializedFileReader::new(file).unwrap()
    }

    #[test]
    fn it_reads_back_with_nulls_where_nothing_was_measured() {
        let mut results = fixture::two();
        results.variants[0].series.columns[1].median[3] = None;
        let bytes = parquet(&results).unwrap();
        assert_eq!(bytes, parquet(&results).unwrap());
        let reader = reader(&bytes);
        let rows: Vec<Vec<(String, Field)>> =
            reader.get_row_iter(None).unwrap().map(|row| row.unwrap().into_columns()).collect();
        assert_eq!(rows.len(), 2 * fixture::BUCKETS);
        let names: Vec<&str> = rows[0].iter().map(|(name, _)| name.as_str()).collect();
        assert_eq!(names, ["variant", "t", "offered", "p99", "errors.503", "db.offered_cpu", "app.queue"]);
        assert_eq!(rows[3][0].1, Field::Str("base".to_owned()));
        assert_eq!(rows[3][1].1, Field::Double(30.0));
        assert_eq!(rows[3][3].1, Field::Null);
        assert_eq!(rows[4][3].1, Field::Double(0.5));
        assert_eq!(rows[fixture::BUCKETS][0].1, Field::Str("bigger-db".to_owned()));
        assert_eq!(rows[fixture::BUCKETS][4].1, Field::Null);
    }

    #[test]
    fn without_designs_it_is_a_file_without_rows() {
        let mut results = fixture::launch();
        results.variants.clear();
        let reader = reader(&parquet(&results).unwrap());
        assert_eq!(reader.metadata().file_metadata().num_rows(), 0);
    }
}
