//! What may be contributed, what may be released, and which aggregates are not believed.

use tacit_data::{
    DataError, LocalMoments, Reference, ReleasePolicy, Standardiser, Table, datasets,
};

fn table(values: &[f64]) -> Table {
    Table::new(vec!["x".into()], values.to_vec(), vec![0.0; values.len()]).unwrap()
}

fn aggregate(sums: &[f64], parties: usize) -> Result<Standardiser, DataError> {
    let reference = Reference::from_ranges(&[(0.0, 10.0)]).unwrap();
    Standardiser::from_aggregate(
        &["x".into()],
        &reference,
        &ReleasePolicy::default(),
        parties,
        sums,
    )
}

#[test]
fn a_party_with_few_rows_does_not_contribute() {
    let reference = Reference::from_ranges(&[(0.0, 10.0)]).unwrap();
    let policy = ReleasePolicy::default();
    let few: Vec<f64> = (0..19).map(f64::from).collect();
    let error = LocalMoments::of(&table(&few), &reference)
        .unwrap()
        .to_vector(&policy)
        .unwrap_err();
    assert!(
        matches!(
            error,
            DataError::TooFewRows {
                rows: 19,
                needed: 20,
                ..
            }
        ),
        "{error}"
    );
    assert!(error.to_string().contains("public ranges"));
}

#[test]
fn moments_about_a_range_are_clipped_and_counted() {
    let reference = Reference::from_ranges(&[(0.0, 10.0)]).unwrap();
    let policy = ReleasePolicy {
        min_rows_per_site: 2,
        ..ReleasePolicy::default()
    };
    let local = LocalMoments::of(&table(&[0.0, 5.0, 1e9, -7.0]), &reference).unwrap();
    assert_eq!(local.clipped(), [2]);
    assert_eq!(local.to_vector(&policy).unwrap(), [4.0, -1.0, 3.0]);
    assert_eq!(format!("{local:?}"), "LocalMoments(…)");
}

#[test]
fn a_column_constant_over_all_parties_is_named() {
    let error = aggregate(&[100.0, 20.0, 4.0], 3).unwrap_err();
    assert!(
        matches!(error, DataError::ConstantColumn { ref column, .. } if column == "x"),
        "{error}"
    );
    let zero = aggregate(&[100.0, 0.0, 0.0], 3).unwrap_err();
    assert!(matches!(zero, DataError::ConstantColumn { .. }), "{zero}");
}

#[test]
fn impossible_aggregates_are_not_used() {
    for sums in [
        [100.0, f64::NAN, 10.0],
        [100.0, 0.0, f64::INFINITY],
        [100.0, 0.0, 200.0],
        [100.0, 150.0, 90.0],
        [100.0, 0.0, -50.0],
        [100.0, 90.0, 10.0],
    ] {
        let error = aggregate(&sums, 3).unwrap_err();
        assert!(
            matches!(error, DataError::Aggregate { .. }),
            "{sums:?}: {error}"
        );
    }
    assert!(matches!(
        aggregate(&[59.0, 0.0, 9.0], 3),
        Err(DataError::TooFewRows { needed: 60, .. })
    ));
    assert!(matches!(
        aggregate(&[-5.0, 0.0, 9.0], 3),
        Err(DataError::TooFewRows { rows: 0, .. })
    ));
    assert!(matches!(
        aggregate(&[100.0, 0.0], 3),
        Err(DataError::Length { .. })
    ));
    assert!(aggregate(&[100.0, 0.0, 9.0], 3).is_ok());
}

#[test]
fn the_noise_of_encrypted_sums_is_harmless() {
    let exact = aggregate(&[100.0, 10.0, 30.0], 3).unwrap();
    let noisy = aggregate(&[100.000_01, 9.999_99, 30.000_01], 3).unwrap();
    assert_eq!(exact, noisy);
}

#[test]
fn senseless_references_and_policies_are_refused() {
    assert!(Reference::from_ranges(&[]).is_err());
    assert!(Reference::from_ranges(&[(1.0, 1.0)]).is_err());
    assert!(Reference::from_ranges(&[(2.0, 1.0)]).is_err());
    assert!(Reference::from_ranges(&[(f64::NAN, 1.0)]).is_err());
    assert!(Reference::from_ranges(&[(f64::MIN, f64::MAX)]).is_err());
    assert!(Reference::new(vec![0.0], vec![]).is_err());
    let good = ReleasePolicy::default();
    assert!(good.check().is_ok());
    for bad in [
        ReleasePolicy {
            min_rows_per_site: 1,
            ..good
        },
        ReleasePolicy {
            precision_bits: 0,
            ..good
        },
        ReleasePolicy {
            precision_bits: 50,
            ..good
        },
        ReleasePolicy { clip: 0.0, ..good },
        ReleasePolicy {
            unit_rows: f64::NAN,
            ..good
        },
    ] {
        assert!(
            matches!(bad.check(), Err(DataError::Parameter { .. })),
            "{bad:?}"
        );
    }
}

#[test]
fn a_standardiser_is_not_applied_to_other_columns() {
    let standardiser = Standardiser::from_ranges(&["y".into()], &[(0.0, 1.0)]).unwrap();
    let error = standardiser.apply(&table(&[1.0])).unwrap_err();
    assert!(matches!(error, DataError::SchemaMismatch { .. }), "{error}");
    assert!(matches!(
        standardiser.apply_row(&[1.0, 2.0]),
        Err(DataError::Length { .. })
    ));
    assert!(matches!(
        standardiser.apply_row(&[f64::NAN]),
        Err(DataError::NotFinite { .. })
    ));
}

#[test]
fn outliers_are_clipped_at_four_standard_deviations_and_counted() {
    let pima = datasets::pima().unwrap().table;
    let ranges = [
        (0.0, 20.0),
        (40.0, 200.0),
        (20.0, 130.0),
        (0.0, 100.0),
        (0.0, 900.0),
        (15.0, 70.0),
        (0.0, 2.5),
        (18.0, 90.0),
    ];
    let reference = Reference::from_ranges(&ranges).unwrap();
    let policy = ReleasePolicy::default();
    let sums = LocalMoments::of(&pima, &reference)
        .unwrap()
        .to_vector(&policy)
        .unwrap();
    let standardiser =
        Standardiser::from_aggregate(pima.names(), &reference, &policy, 1, &sums).unwrap();
    let (out, report) = standardiser.apply(&pima).unwrap();
    assert!(out.features().iter().all(|v| v.abs() <= 4.0));
    assert_eq!(
        report.total(),
        out.features().iter().filter(|v| v.abs() == 4.0).count() as u64
    );
    assert!(
        report.share() > 0.0 && report.share() < 0.01,
        "{}",
        report.share()
    );
}

#[test]
fn splits_refuse_what_cannot_be_split() {
    let table = table(&[1.0, 1.0, 1.0]);
    assert!(matches!(
        table.train_test(0.0, 1),
        Err(DataError::Parameter { .. })
    ));
    assert!(matches!(
        table.train_test(f64::NAN, 1),
        Err(DataError::Parameter { .. })
    ));
    assert!(matches!(
        table.train_test(0.5, 1),
        Err(DataError::TooFewRows { .. })
    ));
    assert!(matches!(
        table.split_sites(0, 1),
        Err(DataError::Parameter { .. })
    ));
    assert!(matches!(
        table.split_sites(2, 1),
        Err(DataError::TooFewRows { .. })
    ));
    assert!(matches!(
        table.split_sites_evenly(4, 1),
        Err(DataError::TooFewRows { .. })
    ));
    assert_eq!(
        format!("{table:?}"),
        "Table { rows: 3, names: [\"x\"], .. }"
    );
}
