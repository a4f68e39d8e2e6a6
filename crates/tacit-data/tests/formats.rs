//! The same rows give the same cohort, whatever file they come in.

use std::fs::File;
use std::io::Write;
use std::path::Path;
use std::sync::Arc;

use arrow_array::types::Int8Type;
use arrow_array::{
    ArrayRef, BooleanArray, Date32Array, Decimal128Array, DictionaryArray, Float32Array,
    Float64Array, Int16Array, Int64Array, LargeStringArray, RecordBatch, StringArray, UInt64Array,
};
use parquet::arrow::ArrowWriter;
use parquet::basic::{Compression, GzipLevel};
use parquet::file::properties::WriterProperties;
use tacit_data::idx::ImageSet;
use tacit_data::{Cohort, CohortSpec, DataError, LabelEncoding, MissingPolicy, datasets};

fn write_parquet(path: &Path, columns: &[(&str, ArrayRef)], compression: Compression) {
    let batch = RecordBatch::try_from_iter_with_nullable(
        columns
            .iter()
            .map(|(name, array)| (*name, array.clone(), true)),
    )
    .unwrap();
    let properties = WriterProperties::builder()
        .set_compression(compression)
        .set_max_row_group_row_count(Some(7))
        .build();
    let file = File::create(path).unwrap();
    let mut writer = ArrowWriter::try_new(file, batch.schema(), Some(properties)).unwrap();
    writer.write(&batch).unwrap();
    writer.close().unwrap();
}

fn spec(path: &str, encoding: LabelEncoding) -> CohortSpec {
    CohortSpec {
        min_rows: 1,
        ..CohortSpec::new(path, "y", encoding)
    }
}

#[test]
fn csv_gzip_and_parquet_give_the_same_cohort() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    let csv =
        "id,age,dose,sex,smoker,y\n1,54,0.5,f,true,no\n2,61,,m,false,yes\n3,47,2.25,f,true,yes\n";
    std::fs::write(at("t.csv"), csv).unwrap();
    std::fs::write(at("t.tsv"), csv.replace(',', "\t")).unwrap();
    let mut gzip = flate2::write::GzEncoder::new(
        File::create(at("t.csv.gz")).unwrap(),
        flate2::Compression::default(),
    );
    gzip.write_all(csv.as_bytes()).unwrap();
    gzip.finish().unwrap();
    let columns: [(&str, ArrayRef); 6] = [
        ("id", Arc::new(Int64Array::from(vec![1, 2, 3]))),
        ("age", Arc::new(Int16Array::from(vec![54, 61, 47]))),
        (
            "dose",
            Arc::new(Float32Array::from(vec![Some(0.5), None, Some(2.25)])),
        ),
        (
            "sex",
            Arc::new(
                vec!["f", "m", "f"]
                    .into_iter()
                    .collect::<DictionaryArray<Int8Type>>(),
            ),
        ),
        (
            "smoker",
            Arc::new(BooleanArray::from(vec![true, false, true])),
        ),
        (
            "y",
            Arc::new(LargeStringArray::from(vec!["no", "yes", "yes"])),
        ),
    ];
    let gz = Compression::GZIP(GzipLevel::default());
    for (name, compression) in [
        ("snappy", Compression::SNAPPY),
        ("gzip", gz),
        ("lz4", Compression::LZ4_RAW),
        ("plain", Compression::UNCOMPRESSED),
    ] {
        write_parquet(&at(&format!("{name}.parquet")), &columns, compression);
    }

    let load = |name: &str| {
        let mut spec = spec(name, LabelEncoding::binary("yes"));
        spec.key = Some("id".into());
        spec.delimiter = if name == "t.tsv" { '\t' } else { ',' };
        spec.categorical
            .insert("sex".into(), vec!["f".into(), "m".into()]);
        spec.categorical
            .insert("smoker".into(), vec!["true".into(), "false".into()]);
        spec.missing = MissingPolicy::Impute {
            value: Some(1.0),
            columns: [].into(),
        };
        spec.filter = Some("age > 40 and (dose is missing or dose < 3)".into());
        Cohort::load(&spec, folder.path()).unwrap()
    };
    let expected = load("t.csv");
    assert_eq!(
        expected.schema.features,
        [
            "age",
            "dose",
            "sex=f",
            "sex=m",
            "smoker=true",
            "smoker=false"
        ]
    );
    assert_eq!(expected.table.row(1), [61.0, 1.0, 0.0, 1.0, 0.0, 1.0]);
    for name in [
        "t.tsv",
        "t.csv.gz",
        "snappy.parquet",
        "gzip.parquet",
        "lz4.parquet",
        "plain.parquet",
    ] {
        assert_eq!(load(name), expected, "{name}");
    }
}

#[test]
fn every_numeric_type_and_many_row_groups_are_read() {
    let folder = tempfile::tempdir().unwrap();
    let n = 10_000i64;
    let decimal = Decimal128Array::from_iter_values((0..n).map(|i| i128::from(i) * 25))
        .with_precision_and_scale(12, 2)
        .unwrap();
    let columns: [(&str, ArrayRef); 5] = [
        (
            "u",
            Arc::new(UInt64Array::from_iter_values((0..n).map(|i| i as u64))),
        ),
        ("d", Arc::new(decimal)),
        (
            "t",
            Arc::new(StringArray::from_iter_values(
                (0..n).map(|i| format!("{i}.5")),
            )),
        ),
        (
            "b",
            Arc::new((0..n).map(|i| Some(i % 3 == 0)).collect::<BooleanArray>()),
        ),
        (
            "y",
            Arc::new(Float64Array::from_iter_values(
                (0..n).map(|i| i as f64 / 8.0),
            )),
        ),
    ];
    write_parquet(
        &folder.path().join("t.parquet"),
        &columns,
        Compression::SNAPPY,
    );
    let table = Cohort::load(&spec("t.parquet", LabelEncoding::Real), folder.path())
        .unwrap()
        .table;
    assert_eq!(table.rows(), 10_000);
    assert_eq!(table.row(9_999), [9_999.0, 2_499.75, 9_999.5, 1.0]);
    assert_eq!(table.labels()[9_999], 1_249.875);
}

#[test]
fn a_bad_cell_deep_in_a_parquet_file_is_located() {
    let folder = tempfile::tempdir().unwrap();
    let mut values: Vec<f64> = (0..9_000).map(f64::from).collect();
    values[8_500] = f64::NAN;
    let y: Vec<i64> = (0..9_000).collect();
    let columns: [(&str, ArrayRef); 2] = [
        ("x", Arc::new(Float64Array::from(values))),
        ("y", Arc::new(Int64Array::from(y))),
    ];
    write_parquet(
        &folder.path().join("t.parquet"),
        &columns,
        Compression::SNAPPY,
    );
    let spec = spec("t.parquet", LabelEncoding::Count);
    match Cohort::load(&spec, folder.path()).unwrap_err() {
        DataError::NotFinite { place, column, .. } => {
            assert_eq!((place.row, place.line, column.as_str()), (8_501, None, "x"));
        }
        other => panic!("{other}"),
    }
}

#[test]
fn a_numeric_missing_token_means_the_same_in_every_format() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(
        folder.path().join("t.csv"),
        "x,y\n1,1\n-999,2\n-999.0,3\n4,4\n",
    )
    .unwrap();
    let columns: [(&str, ArrayRef); 2] = [
        (
            "x",
            Arc::new(Float64Array::from(vec![1.0, -999.0, -999.0, 4.0])),
        ),
        ("y", Arc::new(Int64Array::from(vec![1, 2, 3, 4]))),
    ];
    write_parquet(
        &folder.path().join("t.parquet"),
        &columns,
        Compression::SNAPPY,
    );
    for name in ["t.csv", "t.parquet"] {
        let mut spec = spec(name, LabelEncoding::Real);
        spec.missing_tokens = vec!["-999".into()];
        spec.missing = MissingPolicy::DropRow;
        let table = Cohort::load(&spec, folder.path()).unwrap().table;
        assert_eq!(table.features(), [1.0, 4.0], "{name}");
    }
}

#[test]
fn a_date_is_neither_number_nor_text() {
    let folder = tempfile::tempdir().unwrap();
    let columns: [(&str, ArrayRef); 2] = [
        ("born", Arc::new(Date32Array::from(vec![1, 2]))),
        ("y", Arc::new(Int64Array::from(vec![1, 2]))),
    ];
    write_parquet(
        &folder.path().join("t.parquet"),
        &columns,
        Compression::SNAPPY,
    );
    let error = Cohort::load(&spec("t.parquet", LabelEncoding::Real), folder.path()).unwrap_err();
    assert!(matches!(error, DataError::UnsupportedColumn { ref column, .. } if column == "born"));
}

#[test]
fn shipped_data_sets_have_the_published_sizes() {
    let cancer = datasets::breast_cancer().unwrap();
    assert_eq!(cancer.counts.read, 699);
    assert_eq!(cancer.counts.dropped_for_missing, 16);
    assert_eq!(cancer.table.labels().iter().sum::<f64>(), 239.0);
    let pima = datasets::pima().unwrap();
    assert_eq!(pima.counts.read, 768);
    assert_eq!(pima.counts.imputed_cells, 5 + 35 + 227 + 374 + 11);
    assert_eq!(pima.table.labels().iter().sum::<f64>(), 268.0);
}

#[test]
fn an_idx_pair_is_loaded_gzipped_or_not_and_checked() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    let mut images = vec![0, 0, 8, 3, 0, 0, 0, 2, 0, 0, 0, 1, 0, 0, 0, 2];
    images.extend([0, 255, 51, 102]);
    std::fs::write(at("images"), &images).unwrap();
    let mut gzip = flate2::write::GzEncoder::new(
        File::create(at("labels.gz")).unwrap(),
        flate2::Compression::best(),
    );
    gzip.write_all(&[0, 0, 8, 1, 0, 0, 0, 2, 7, 3]).unwrap();
    gzip.finish().unwrap();
    let set = ImageSet::load(&at("images"), &at("labels.gz"), 10).unwrap();
    assert_eq!((set.len(), set.height(), set.width()), (2, 1, 2));
    assert_eq!(set.image(1), [51, 102]);
    let table = set.to_table(None).unwrap();
    assert_eq!(table.row(1), [0.2, 0.4]);
    assert_eq!(table.labels(), [7.0, 3.0]);
    assert_eq!(table.names(), ["pixel_0_0", "pixel_0_1"]);
    assert_eq!(set.to_table(Some(1)).unwrap().rows(), 1);

    let error = ImageSet::load(&at("images"), &at("labels.gz"), 5)
        .unwrap_err()
        .to_string();
    assert!(
        error.contains("row 1") && error.contains("below 5"),
        "{error}"
    );
    std::fs::write(at("one"), [0, 0, 8, 1, 0, 0, 0, 1, 7]).unwrap();
    assert!(matches!(
        ImageSet::load(&at("images"), &at("one"), 10),
        Err(DataError::Length { .. })
    ));
    assert!(ImageSet::load(&at("labels.gz"), &at("images"), 10).is_err());
    let error = ImageSet::mnist(folder.path()).unwrap_err().to_string();
    assert!(error.contains("train-images-idx3-ubyte"), "{error}");
}
