//! Every way in which a table can be wrong is a named error with the culprit and the remedy.

use std::io::Cursor;
use std::path::Path;

use tacit_data::{Cohort, CohortSpec, DataError, LabelEncoding, Level, MissingPolicy};

fn spec() -> CohortSpec {
    let mut spec = CohortSpec::new("t.csv", "y", LabelEncoding::binary("yes"));
    spec.min_rows = 2;
    spec
}

fn load(csv: &str, spec: &CohortSpec) -> Result<Cohort, DataError> {
    Cohort::from_csv("t.csv", Cursor::new(csv.to_owned()), spec)
}

/// The error, after checking that its message contains every one of these.
fn refused(csv: &str, spec: &CohortSpec, words: &[&str]) -> DataError {
    let error = load(csv, spec).expect_err("should be refused");
    let message = error.to_string();
    for word in words {
        assert!(
            message.contains(word),
            "{message:?} does not mention {word:?}"
        );
    }
    error
}

#[test]
fn missing_column_suggests_the_nearest_name() {
    let mut spec = spec();
    spec.features = Some(vec!["glocuse".into()]);
    let error = refused(
        "glucose,y\n1,yes\n2,no\n",
        &spec,
        &["t.csv", "glocuse", "did you mean \"glucose\""],
    );
    assert!(matches!(
        error,
        DataError::MissingColumn {
            role: "feature",
            ..
        }
    ));
    spec.features = None;
    let error = refused("glucose,label\n1,yes\n", &spec, &["\"y\"", "label"]);
    assert!(matches!(
        error,
        DataError::MissingColumn { role: "label", .. }
    ));
}

#[test]
fn columns_named_for_any_role_must_exist() {
    let csv = "a,b,y\n1,2,yes\n2,1,no\n";
    let with = |change: &dyn Fn(&mut CohortSpec)| {
        let mut spec = spec();
        change(&mut spec);
        match load(csv, &spec).unwrap_err() {
            DataError::MissingColumn { role, .. } => role,
            other => panic!("{other}"),
        }
    };
    assert_eq!(with(&|s| s.key = Some("id".into())), "key");
    assert_eq!(with(&|s| s.exclude = vec!["c".into()]), "exclude");
    assert_eq!(
        with(&|s| s.zero_is_missing = vec!["c".into()]),
        "zero_is_missing"
    );
    assert_eq!(with(&|s| s.filter = Some("c > 1".into())), "filter");
    assert_eq!(
        with(&|s| drop(
            s.categorical
                .insert("c".into(), vec!["x".into(), "y".into()])
        )),
        "categorical"
    );
}

#[test]
fn nan_and_infinities_are_refused_with_row_and_column() {
    for value in ["NaN", "inf", "-Infinity", "1e999"] {
        let csv = format!("a,b,y\n1,2,yes\n2,{value},no\n");
        let error = refused(&csv, &spec(), &["row 2 (line 3", "\"b\"", "missing_tokens"]);
        assert!(
            matches!(error, DataError::NotFinite { .. }),
            "{value}: {error}"
        );
    }
}

#[test]
fn nan_can_be_declared_to_mean_missing() {
    let mut spec = spec();
    spec.missing_tokens = vec!["NaN".into()];
    spec.missing = MissingPolicy::DropRow;
    let cohort = load("a,y\n1,yes\nNaN,no\n3,no\n", &spec).unwrap();
    assert_eq!(
        (cohort.table.rows(), cohort.counts.dropped_for_missing),
        (2, 1)
    );
}

#[test]
fn text_in_a_numeric_column_is_quoted_and_shortened() {
    let csv = format!("a,y\n1,yes\n{},no\n", "x".repeat(500));
    let error = refused(
        &csv,
        &spec(),
        &["row 2", "\"a\"", "is not a number", "…", "categorical"],
    );
    assert!(error.to_string().len() < 300);
    refused(
        "a,y\n1,yes\n\"1,5\",no\n",
        &spec(),
        &["\"1,5\" is not a number"],
    );
}

#[test]
fn constant_column_is_refused_unless_allowed() {
    let csv = "a,b,y\n1,7,yes\n2,7,no\n3,7.0,no\n";
    let error = refused(
        csv,
        &spec(),
        &["\"b\"", "constant (7)", "allow_constant_columns"],
    );
    assert!(matches!(error, DataError::ConstantColumn { .. }));
    let mut spec = spec();
    spec.allow_constant_columns = true;
    assert!(load(csv, &spec).is_ok());
}

#[test]
fn labels_outside_the_range_of_the_family_are_refused() {
    let cases: [(LabelEncoding, &str, &str); 8] = [
        (LabelEncoding::binary("yes"), "maybe", "\"yes\" or \"no\""),
        (
            LabelEncoding::classes(["yes", "no"]),
            "Yes",
            "one of yes, no",
        ),
        (LabelEncoding::Count, "-1", "whole number"),
        (LabelEncoding::Count, "2.5", "whole number"),
        (LabelEncoding::Count, "1e300", "whole number"),
        (LabelEncoding::Count, "many", "whole number"),
        (LabelEncoding::Real, "inf", "finite"),
        (LabelEncoding::Real, "high", "finite"),
    ];
    for (encoding, bad, expected) in cases {
        let numeric = encoding.class_count().is_none();
        let (one, two) = if numeric { ("0", "3") } else { ("yes", "no") };
        let csv = format!("a,y\n1,{one}\n2,{two}\n3,{bad}\n");
        let spec = CohortSpec { encoding, ..spec() };
        let error = refused(&csv, &spec, &["row 3 (line 4", "\"y\"", bad, expected]);
        assert!(matches!(error, DataError::LabelOutsideRange { .. }));
    }
}

#[test]
fn absent_class_is_named() {
    let csv = "a,y\n1,no\n2,no\n3,no\n";
    let error = refused(csv, &spec(), &["class \"yes\"", "allow_absent_classes"]);
    assert!(matches!(error, DataError::ClassAbsent { .. }));
    let encoding = LabelEncoding::classes(["no", "yes", "perhaps"]);
    let mut spec = CohortSpec { encoding, ..spec() };
    refused("a,y\n1,no\n2,yes\n", &spec, &["\"perhaps\""]);
    spec.allow_absent_classes = true;
    assert!(load("a,y\n1,no\n2,yes\n", &spec).is_ok());
}

#[test]
fn too_few_rows_says_where_they_went() {
    let mut spec = spec();
    spec.min_rows = 3;
    spec.filter = Some("a > 1".into());
    spec.missing = MissingPolicy::DropRow;
    let csv = "a,b,y\n1,1,yes\n2,,no\n3,2,yes\n4,5,no\n";
    refused(
        csv,
        &spec,
        &[
            "2 rows left of 4",
            "1 filtered out",
            "1 dropped",
            "at least 3",
            "min_rows",
        ],
    );
}

#[test]
fn ragged_rows_are_located_even_after_blank_and_multi_line_records() {
    let error = refused(
        "a,b,y\n1,2,yes\n3,4\n",
        &spec(),
        &["row 2 (line 3", "2 fields", "header has 3"],
    );
    assert!(matches!(error, DataError::RaggedRow { .. }));
    refused(
        "a,b,y\n1,2,yes\n\n3,4,5,no\n",
        &spec(),
        &["row 2 (line 4", "4 fields"],
    );
    refused(
        "a,b,y\r\n1,2,yes\r\n\r\n3,4,5,no",
        &spec(),
        &["row 2 (line 4", "4 fields"],
    );
    let mut two = spec();
    two.features = Some(vec!["b".into()]);
    refused(
        "a,b,y\n\"x\nx\",2,yes\nz,oops,no\n",
        &two,
        &["row 2 (line 4", "oops"],
    );
}

#[test]
fn missing_values_follow_the_policy() {
    let csv = "a,b,y\n1,?,yes\n2,5,no\n3,0,\n4,6,yes\n";
    let mut spec = spec();
    spec.missing_tokens = vec!["?".into()];
    spec.zero_is_missing = vec!["b".into()];
    let error = refused(csv, &spec, &["row 1", "\"b\"", "drop_row", "impute"]);
    assert!(matches!(error, DataError::MissingValue { .. }));

    spec.missing = MissingPolicy::DropRow;
    let cohort = load(csv, &spec).unwrap();
    assert_eq!(cohort.table.features(), [2.0, 5.0, 4.0, 6.0]);
    assert_eq!(cohort.counts.dropped_for_missing, 2);

    spec.missing = MissingPolicy::Impute {
        value: Some(9.0),
        columns: [("b".into(), 7.5)].into(),
    };
    refused(csv, &spec, &["row 3", "\"y\"", "missing"]);
    let cohort = load(&csv.replace("3,0,\n", "3,0,no\n"), &spec).unwrap();
    assert_eq!(cohort.table.row(0), [1.0, 7.5]);
    assert_eq!(cohort.table.row(2), [3.0, 7.5]);
    assert_eq!(cohort.counts.imputed_cells, 2);
}

#[test]
fn impute_without_a_value_for_the_column_is_still_missing() {
    let mut spec = spec();
    spec.missing = MissingPolicy::Impute {
        value: None,
        columns: [("a".into(), 1.0)].into(),
    };
    refused("a,b,y\n,1,yes\n2,,no\n", &spec, &["row 2", "\"b\""]);
}

#[test]
fn a_missing_key_is_refused() {
    let mut spec = spec();
    spec.key = Some("id".into());
    refused(
        "id,a,y\n1,1,yes\n,2,no\n",
        &spec,
        &["row 2", "\"id\"", "missing"],
    );
}

#[test]
fn unknown_level_lists_the_known_ones() {
    let mut spec = spec();
    spec.categorical
        .insert("sex".into(), vec![Level::from("f"), Level::from("m")]);
    let good = load("sex,a,y\nm,1,yes\nf,2,no\n", &spec).unwrap();
    assert_eq!(good.schema.features, ["sex=f", "sex=m", "a"]);
    assert_eq!(good.table.row(0), [0.0, 1.0, 1.0]);
    refused(
        "sex,a,y\nm,1,yes\nx,2,no\n",
        &spec,
        &["row 2", "\"sex\"", "\"x\"", "f, m"],
    );
}

#[test]
fn damaged_files_are_refused() {
    refused("", &spec(), &["CSV", "empty"]);
    refused("a,a,y\n1,2,yes\n", &spec(), &["\"a\"", "twice"]);
    let latin1 = b"a,y\n1,yes\n2,n\xf6\n".to_vec();
    let error = Cohort::from_csv("t.csv", Cursor::new(latin1), &spec()).unwrap_err();
    assert!(
        error.to_string().contains("line 3") && error.to_string().contains("UTF-8"),
        "{error}"
    );

    let folder = tempfile::tempdir().unwrap();
    let write = |name: &str, bytes: &[u8]| std::fs::write(folder.path().join(name), bytes).unwrap();
    let failure = |name: &str| {
        let spec = CohortSpec {
            path: Some(name.into()),
            ..spec()
        };
        Cohort::load(&spec, folder.path()).unwrap_err().to_string()
    };
    write("cut.csv.gz", &[0x1f, 0x8b, 8, 0, 0, 0, 0, 0]);
    assert!(failure("cut.csv.gz").contains("truncated or damaged"));
    write("cut.parquet", b"PAR1 but not for long");
    assert!(failure("cut.parquet").contains("Parquet"));
    assert!(failure("nowhere.csv").contains("nowhere.csv"));
    assert!(
        Cohort::load(
            &CohortSpec {
                path: Some(".".into()),
                ..spec()
            },
            Path::new(folder.path())
        )
        .is_err()
    );
}

#[test]
fn bom_blank_lines_and_spaces_are_forgiven() {
    let cohort = load("\u{feff}a , y\n 1, yes\n\n2 ,no \n", &spec()).unwrap();
    assert_eq!(cohort.schema.features, ["a"]);
    assert_eq!(cohort.table.labels(), [1.0, 0.0]);
}

#[test]
fn contradictory_specifications_are_refused_before_any_file_is_opened() {
    let field = |change: &dyn Fn(&mut CohortSpec)| {
        let mut spec = spec();
        change(&mut spec);
        match spec.check() {
            Err(DataError::Spec { field, .. }) => field,
            other => panic!("{other:?}"),
        }
    };
    assert_eq!(field(&|s| s.path = None), "path");
    assert_eq!(field(&|s| s.query = Some("select 1".into())), "path");
    assert_eq!(
        field(&|s| drop(s.tables.insert("t".into(), "t.csv".into()))),
        "tables"
    );
    assert_eq!(field(&|s| s.delimiter = 'é'), "delimiter");
    assert_eq!(field(&|s| s.features = Some(vec![])), "features");
    assert_eq!(
        field(&|s| s.features = Some(vec!["a".into(), "a".into()])),
        "features"
    );
    assert_eq!(field(&|s| s.features = Some(vec!["y".into()])), "features");
    assert_eq!(
        field(&|s| drop(s.categorical.insert("c".into(), vec!["x".into()]))),
        "categorical"
    );
    assert_eq!(field(&|s| s.min_rows = 0), "min_rows");
    assert_eq!(
        field(&|s| s.missing = MissingPolicy::Impute {
            value: None,
            columns: [].into()
        }),
        "missing"
    );
    assert_eq!(
        field(&|s| s.missing = MissingPolicy::Impute {
            value: Some(f64::NAN),
            columns: [].into()
        }),
        "missing"
    );
    assert_eq!(
        field(&|s| s.encoding = LabelEncoding::classes(["a"])),
        "encoding"
    );
    assert_eq!(
        field(&|s| s.encoding = LabelEncoding::classes(["a", "a"])),
        "encoding"
    );
    let mut spec = spec();
    spec.filter = Some("a >".into());
    assert!(matches!(spec.check(), Err(DataError::FilterSyntax { .. })));
}

#[test]
fn unknown_fields_in_a_plan_are_refused() {
    let read = |text: &str| toml::from_str::<CohortSpec>(text);
    let good = "path = 'p.csv'\nlabel = 'y'\nencoding = { kind = 'binary', positive = 1 }\n";
    assert_eq!(read(good).unwrap().encoding, LabelEncoding::binary("1"));
    for bad in [
        "fliter = 'a > 1'",
        "missing = { policy = 'ignore' }",
        "missing = { policy = 'drop_row', value = 1.0 }",
        "min_rows = -1",
    ] {
        assert!(read(&format!("{good}{bad}\n")).is_err(), "{bad}");
    }
    let encoding = "path = 'p.csv'\nlabel = 'y'\nencoding = { kind = 'binary', positiv = 1 }\n";
    for bad in [
        "real', classes = ['a', 'b'] }",
        "classes', positive = 'a' }",
        "binary' }",
    ] {
        let plan = format!("path = 'p.csv'\nlabel = 'y'\nencoding = {{ kind = '{bad}\n");
        assert!(
            read(&plan).unwrap_err().to_string().contains("`encoding`"),
            "{bad}"
        );
    }
    assert!(read(encoding).unwrap_err().to_string().contains("positiv"));
    let spec: CohortSpec = read(good).unwrap();
    assert_eq!(read(&toml::to_string(&spec).unwrap()).unwrap(), spec);
}

#[cfg(not(feature = "sql"))]
#[test]
fn a_query_without_sql_support_says_how_to_get_it() {
    let mut spec = spec();
    spec.path = None;
    spec.query = Some("select * from t".into());
    spec.tables.insert("t".into(), "t.csv".into());
    let error = Cohort::load(&spec, Path::new(".")).unwrap_err();
    assert!(error.to_string().contains("--features sql"));
}
