//! Cohorts by query: the same cohort as by path and filter, and nothing but reading.
#![cfg(feature = "sql")]

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;

use arrow_array::{ArrayRef, Int64Array, RecordBatch, StringArray};
use tacit_data::{Cohort, CohortSpec, DataError, LabelEncoding, MissingPolicy};

const PATIENTS: &str = "id,age,outcome\n1,54,no\n2,61,yes\n3,17,yes\n4,47,yes\n5,?,no\n6,70,no\n";
const LABS: &str = "id,glucose\n1,5.5\n2,9.1\n3,7\n4,\n5,6\n6,4.9\n";

fn folder() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("patients.csv"), PATIENTS).unwrap();
    std::fs::write(folder.path().join("labs.csv"), LABS).unwrap();
    folder
}

fn spec(query: &str) -> CohortSpec {
    let tables: BTreeMap<String, PathBuf> = [
        ("patients".into(), "patients.csv".into()),
        ("labs".into(), "labs.csv".into()),
    ]
    .into();
    CohortSpec {
        path: None,
        query: Some(query.into()),
        tables,
        min_rows: 1,
        ..CohortSpec::new("unused", "outcome", LabelEncoding::binary("yes"))
    }
}

fn failure(query: &str) -> DataError {
    Cohort::load(&spec(query), folder().path()).unwrap_err()
}

#[test]
fn a_join_gives_the_cohort_it_says() {
    let mut spec = spec(
        "select p.id, p.age, l.glucose, p.outcome from patients p join labs l on p.id = l.id \
         where p.id <> 3 order by p.id",
    );
    spec.key = Some("id".into());
    spec.missing = MissingPolicy::DropRow;
    spec.missing_tokens = vec!["?".into()];
    let cohort = Cohort::load(&spec, folder().path()).unwrap();
    assert_eq!(cohort.schema.features, ["age", "glucose"]);
    assert_eq!(cohort.table.features(), [54.0, 5.5, 61.0, 9.1, 70.0, 4.9]);
    assert_eq!(cohort.table.labels(), [0.0, 1.0, 0.0]);
    assert_eq!(
        (cohort.counts.read, cohort.counts.dropped_for_missing),
        (5, 2)
    );
}

#[test]
fn query_and_filter_agree() {
    let folder = folder();
    let query = spec(
        "select * from labs join (select id as i, outcome from patients) on id = i where glucose <= 7",
    );
    let by_query = Cohort::load(&query, folder.path()).unwrap();
    let joined = "id,glucose,i,outcome\n1,5.5,1,no\n2,9.1,2,yes\n3,7,3,yes\n4,,4,yes\n5,6,5,no\n6,4.9,6,no\n";
    std::fs::write(folder.path().join("joined.csv"), joined).unwrap();
    let by_filter = CohortSpec {
        filter: Some("glucose <= 7".into()),
        min_rows: 1,
        ..CohortSpec::new("joined.csv", "outcome", LabelEncoding::binary("yes"))
    };
    let by_filter = Cohort::load(&by_filter, folder.path()).unwrap();
    assert_eq!(by_query.table, by_filter.table);
}

#[test]
fn loading_works_inside_an_asynchronous_runtime() {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .build()
        .unwrap();
    let rows = runtime.block_on(async {
        let spec = spec("select age, outcome from patients where id < 4");
        Cohort::load(&spec, folder().path()).unwrap().table.rows()
    });
    assert_eq!(rows, 3);
}

#[test]
fn statements_that_change_or_write_anything_are_refused() {
    let folder = folder();
    let target = folder.path().join("stolen.csv");
    for statement in [
        format!("copy patients to '{}'", target.display()),
        format!(
            "create external table t stored as csv location '{}'",
            target.display()
        ),
        "create table t as select * from patients".to_owned(),
        "drop table patients".to_owned(),
        "insert into patients values (7, '1', 'no')".to_owned(),
        "set datafusion.execution.batch_size = 1".to_owned(),
    ] {
        let error = Cohort::load(&spec(&statement), folder.path()).unwrap_err();
        assert!(
            matches!(error, DataError::Sql { .. }),
            "{statement}: {error}"
        );
    }
    assert!(!target.exists());
}

#[test]
fn mistakes_in_queries_are_explained() {
    assert!(
        failure("select * from patient")
            .to_string()
            .contains("patient")
    );
    assert!(
        failure("select nothing from patients")
            .to_string()
            .contains("nothing")
    );
    assert!(failure("selekt").to_string().contains("query failed"));
    assert!(matches!(
        failure("select age from patients"),
        DataError::MissingColumn { .. }
    ));
    let mut spec = spec("select * from patients");
    spec.tables.insert("more".into(), "nowhere.csv".into());
    let error = Cohort::load(&spec, folder().path()).unwrap_err();
    assert!(error.to_string().contains("nowhere.csv"));
    let folder = folder();
    std::fs::write(folder.path().join("patients.xlsx"), "").unwrap();
    spec.tables.insert("more".into(), "patients.xlsx".into());
    let error = Cohort::load(&spec, folder.path()).unwrap_err();
    assert!(
        matches!(
            error,
            DataError::Spec {
                field: "tables",
                ..
            }
        ),
        "{error}"
    );
}

#[test]
fn only_the_named_files_can_be_read() {
    let folder = folder();
    let other = folder.path().join("labs.csv").display().to_string();
    let error =
        Cohort::load(&spec(&format!("select * from '{other}'")), folder.path()).unwrap_err();
    assert!(matches!(error, DataError::Sql { .. }), "{error}");
}

#[test]
fn parquet_tables_keep_their_types() {
    let folder = folder();
    let columns: [(&str, ArrayRef); 2] = [
        ("id", Arc::new(Int64Array::from(vec![1, 2, 4, 6]))),
        (
            "ward",
            Arc::new(StringArray::from(vec!["a", "b", "b", "a"])),
        ),
    ];
    let batch = RecordBatch::try_from_iter(columns).unwrap();
    let file = std::fs::File::create(folder.path().join("wards.parquet")).unwrap();
    let mut writer = parquet::arrow::ArrowWriter::try_new(file, batch.schema(), None).unwrap();
    writer.write(&batch).unwrap();
    writer.close().unwrap();
    let mut spec = spec(
        "select w.ward, w.id, outcome from patients p join wards w on p.id = w.id order by w.id",
    );
    spec.tables.insert("wards".into(), "wards.parquet".into());
    spec.categorical
        .insert("ward".into(), vec!["a".into(), "b".into()]);
    let cohort = Cohort::load(&spec, folder.path()).unwrap();
    assert_eq!(cohort.schema.features, ["ward=a", "ward=b", "id"]);
    assert_eq!(cohort.table.row(1), [0.0, 1.0, 2.0]);
    assert_eq!(cohort.table.labels(), [0.0, 1.0, 1.0, 0.0]);
}
