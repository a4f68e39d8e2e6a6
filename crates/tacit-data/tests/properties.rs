//! Claims that hold for any table, by random trial.

use std::collections::{BTreeMap, BTreeSet};
use std::io::Cursor;

use proptest::prelude::*;
use tacit_data::{
    Cohort, CohortSpec, DataError, Filter, LabelEncoding, LocalMoments, Reference, ReleasePolicy,
    Standardiser, Table,
};

fn names(d: usize) -> Vec<String> {
    (0..d).map(|j| format!("x{j}")).collect()
}

/// Tables with few different values, so that equal rows occur.
fn tables() -> impl Strategy<Value = Table> {
    (1usize..4, 30usize..200).prop_flat_map(|(d, n)| {
        prop::collection::vec(-3i8..4, d * n).prop_map(move |values| {
            let labels = (0..n).map(|i| (i % 2) as f64).collect();
            Table::new(
                names(d),
                values.into_iter().map(f64::from).collect(),
                labels,
            )
            .unwrap()
        })
    })
}

/// Rows as comparable bits, with how often they occur.
fn multiset(table: &Table) -> BTreeMap<Vec<u64>, usize> {
    let mut rows = BTreeMap::new();
    for (row, label) in table.iter_rows().zip(table.labels()) {
        let bits: Vec<u64> = row.iter().chain([label]).map(|v| v.to_bits()).collect();
        *rows.entry(bits).or_default() += 1;
    }
    rows
}

fn contents(table: &Table) -> BTreeSet<Vec<u64>> {
    table
        .iter_rows()
        .map(|row| row.iter().map(|v| v.to_bits()).collect())
        .collect()
}

/// Mean and standard deviation the slow way.
fn pooled(table: &Table, j: usize) -> (f64, f64) {
    let n = table.rows() as f64;
    let mean = table.iter_rows().map(|r| r[j]).sum::<f64>() / n;
    let variance = table
        .iter_rows()
        .map(|r| (r[j] - mean).powi(2))
        .sum::<f64>()
        / n;
    (mean, variance.sqrt())
}

fn sum_of_vectors(sites: &[Table], reference: &Reference, policy: &ReleasePolicy) -> Vec<f64> {
    let mut sums = vec![0.0; 1 + 2 * reference.columns()];
    for site in sites {
        let local = LocalMoments::of(site, reference)
            .unwrap()
            .to_vector(policy)
            .unwrap();
        sums.iter_mut().zip(local).for_each(|(s, v)| *s += v);
    }
    sums
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn splits_keep_every_row_once_and_equal_rows_together(table in tables(), seed: u64, n in 2usize..6) {
        if let Ok((train, test)) = table.train_test(0.3, seed) {
            let joined = Table::concat([&train, &test]).unwrap();
            prop_assert_eq!(multiset(&joined), multiset(&table));
            prop_assert!(contents(&train).is_disjoint(&contents(&test)));
        }
        if let Ok(sites) = table.split_sites(n, seed) {
            prop_assert_eq!(multiset(&Table::concat(&sites).unwrap()), multiset(&table));
            for (i, a) in sites.iter().enumerate() {
                for b in &sites[..i] {
                    prop_assert!(contents(a).is_disjoint(&contents(b)));
                }
            }
        }
        let even = table.split_sites_evenly(n, seed).unwrap();
        prop_assert_eq!(multiset(&Table::concat(&even).unwrap()), multiset(&table));
        let sizes: Vec<usize> = even.iter().map(Table::rows).collect();
        prop_assert!(sizes.iter().max().unwrap() - sizes.iter().min().unwrap() <= 1);
    }

    #[test]
    fn splits_do_not_depend_on_the_order_of_rows(table in tables(), seed: u64, turn in 0usize..200) {
        let mut order: Vec<usize> = (0..table.rows()).rev().collect();
        order.rotate_left(turn % table.rows());
        let other = table.select(&order);
        match (table.train_test(0.3, seed), other.train_test(0.3, seed)) {
            (Ok((a, _)), Ok((b, _))) => prop_assert_eq!(multiset(&a), multiset(&b)),
            (a, b) => prop_assert_eq!(a.is_ok(), b.is_ok()),
        }
        if let (Ok(a), Ok(b)) = (table.split_sites(3, seed), other.split_sites(3, seed)) {
            for (a, b) in a.iter().zip(&b) {
                prop_assert_eq!(multiset(a), multiset(b));
            }
        }
    }

    #[test]
    fn aggregated_moments_standardise_as_the_pooled_data_would(
        values in prop::collection::vec(-50.0f64..50.0, 120),
        offset in -1e3f64..1e3,
        unit in prop::sample::select(vec![1.0, 64.0, 1e4]),
    ) {
        let features: Vec<f64> = values.iter().map(|v| v + offset).collect();
        let table = Table::new(names(2), features, vec![0.0; 60]).unwrap();
        let sites = table.split_sites_evenly(3, 1).unwrap();
        let policy = ReleasePolicy { min_rows_per_site: 10, precision_bits: 20, clip: 9.0, unit_rows: unit };
        let reference = Reference::from_ranges(&[(offset - 50.0, offset + 50.0); 2]).unwrap();
        let sums = sum_of_vectors(&sites, &reference, &policy);
        let fine = Standardiser::from_aggregate(&names(2), &reference, &policy, 3, &sums).unwrap();
        let coarse = ReleasePolicy { precision_bits: 5, ..policy };
        let coarse = Standardiser::from_aggregate(&names(2), &reference, &coarse, 3, &sums).unwrap();
        for j in 0..2 {
            let (mean, sd) = pooled(&table, j);
            prop_assert!((fine.centre()[j] - mean).abs() < 1e-5 * sd);
            prop_assert!((fine.scale()[j] / sd - 1.0).abs() < 1e-5);
            prop_assert!((coarse.centre()[j] - mean).abs() <= sd / 63.0);
            prop_assert!((coarse.scale()[j] / sd - 1.0).abs() <= 1.0 / 31.0);
        }
        let (_, report) = fine.apply(&table).unwrap();
        prop_assert_eq!(report.total(), 0);
    }

    #[test]
    fn standardised_values_are_within_the_clip_and_rows_agree_with_tables(
        values in prop::collection::vec(prop::num::f64::NORMAL.prop_map(|v| v % 1e12), 40),
    ) {
        let table = Table::new(names(2), values, vec![0.0; 20]).unwrap();
        let standardiser = Standardiser::from_ranges(&names(2), &[(-1.0, 3.0), (0.0, 1e6)]).unwrap();
        let (out, report) = standardiser.apply(&table).unwrap();
        let outside = table.iter_rows().filter(|r| !(-1.0..=3.0).contains(&r[0])).count() as u64;
        prop_assert_eq!(report.by_column[0], outside);
        for (raw, row) in table.iter_rows().zip(out.iter_rows()) {
            prop_assert!(row.iter().all(|v| v.abs() <= 1.0));
            prop_assert_eq!(standardiser.apply_row(raw).unwrap(), row);
        }
    }

    #[test]
    fn no_text_makes_the_loader_panic(text in "[a-c,\"\n\r .0-9y-]{0,200}", filter in "[a-c<>=() '0-9and orti\"]{0,40}") {
        let mut spec = CohortSpec::new("t.csv", "y", LabelEncoding::binary("1"));
        spec.min_rows = 1;
        let _ = Cohort::from_csv("t.csv", Cursor::new(text.clone()), &spec);
        let _ = Cohort::from_csv("t.csv", Cursor::new(format!("a,y\n{text}")), &spec);
        spec.filter = Some(filter.clone());
        let _ = Cohort::from_csv("t.csv", Cursor::new("a,b,c,y\n1,2,x,1\n2,3,,0\n"), &spec);
        if let Err(error) = Filter::parse(&filter) {
            let located = matches!(error, DataError::FilterSyntax { position, .. } if position <= filter.chars().count() + 1);
            prop_assert!(located);
        }
    }

    #[test]
    fn numbers_survive_the_way_through_csv(values in prop::collection::vec(prop::num::f64::NORMAL, 2..40)) {
        let lines: Vec<String> = values.iter().map(|v| format!("{v:?},0.5")).collect();
        let csv = format!("x,y\n{}\n", lines.join("\n"));
        let mut spec = CohortSpec::new("t.csv", "y", LabelEncoding::Real);
        spec.min_rows = 1;
        spec.allow_constant_columns = true;
        let table = Cohort::from_csv("t.csv", Cursor::new(csv), &spec).unwrap().table;
        prop_assert_eq!(table.features(), &values[..]);
    }

    #[test]
    fn the_filter_selects_what_the_comparison_says(values in prop::collection::vec(-5i32..6, 1..60), bound in -5i32..6) {
        let lines: Vec<String> = values.iter().map(|v| format!("{v},{v}")).collect();
        let csv = format!("x,y\n{}\n", lines.join("\n"));
        let mut spec = CohortSpec::new("t.csv", "y", LabelEncoding::Real);
        spec.min_rows = 1;
        spec.allow_constant_columns = true;
        spec.filter = Some(format!("x >= {bound} and not (x = 2 or x in (3, {bound}))"));
        let expected: Vec<f64> = values.iter().filter(|&&v| v > bound && v != 2 && v != 3).map(|&v| v.into()).collect();
        match Cohort::from_csv("t.csv", Cursor::new(csv), &spec) {
            Ok(cohort) => prop_assert_eq!(cohort.table.features(), &expected[..]),
            Err(error) => {
                prop_assert!(expected.is_empty(), "{}", error);
                let few = matches!(error, DataError::TooFewRows { .. });
                prop_assert!(few);
            }
        }
    }
}
