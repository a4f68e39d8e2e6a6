//! Discrete logarithms: right or refused, within a stated number of steps.

use std::sync::LazyLock;
use std::sync::atomic::{AtomicU64, Ordering};

use proptest::prelude::*;
use tacit_fe::group::Gt;
use tacit_fe::{DlogError, DlogTable, TableSize};

static TABLE: LazyLock<DlogTable> =
    LazyLock::new(|| DlogTable::build(TableSize::mib(1).unwrap(), &|_, _| {}));

fn power(v: i64) -> Gt {
    Gt::generator().pow_signed(v)
}

/// Width of a giant step and of a block of them, from which the interesting values are made.
fn width() -> i64 {
    2 * i64::from(TABLE.baby_steps()) + 1
}

fn refused_with(path: &std::path::Path, needle: &str) {
    let error = DlogTable::open(path).unwrap_err();
    let text = error.to_string();
    assert!(matches!(error, DlogError::CorruptTable { .. }), "{text}");
    assert!(text.contains(needle) && text.contains("rebuild"), "{text}");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn every_value_within_the_limit_is_found(bits in 0u32..34, v in any::<i64>(), slack in 0u64..1 << 20) {
        let v = v >> (63 - bits);
        prop_assert_eq!(TABLE.solve(&power(v), v.unsigned_abs() + slack), Ok(v));
    }

    #[test]
    fn every_value_beyond_the_limit_is_refused(limit in 0u64..1 << 24, excess in 1u64..1 << 30, sign in any::<bool>()) {
        let v = (limit + excess) as i64 * if sign { 1 } else { -1 };
        let steps = TABLE.max_steps(limit);
        prop_assert_eq!(
            TABLE.solve(&power(v), limit),
            Err(DlogError::OutputBeyondRange { limit, steps })
        );
    }
}

#[test]
fn values_at_the_seams_of_steps_and_blocks_are_found() {
    let (width, half) = (width(), i64::from(TABLE.baby_steps()));
    let block = 513 * width;
    for centre in [
        0,
        half,
        width,
        255 * width,
        256 * width,
        256 * width + half,
        block,
        2 * block,
    ] {
        for v in centre - 2..=centre + 2 {
            for v in [v, -v] {
                let found = TABLE.solve(&power(v), v.unsigned_abs());
                assert_eq!(found, Ok(v));
            }
        }
    }
}

#[test]
fn a_random_element_is_refused_and_never_answered() {
    // An exponent of 64 bits: the search meets some false hits and no true one.
    let y = Gt::generator().pow(0x9e37_79b9_7f4a_7c15);
    let error = TABLE.solve(&y, 1 << 30).unwrap_err();
    assert!(error.to_string().contains("Raise the limit"));
}

#[test]
fn a_limit_beyond_every_model_is_refused_at_once() {
    let error = TABLE.solve(&power(1), DlogTable::MOST + 1).unwrap_err();
    assert!(matches!(error, DlogError::LimitTooLarge { .. }));
}

#[test]
fn steps_follow_the_limit_and_the_table() {
    let reach = u64::from(TABLE.baby_steps());
    assert_eq!(TABLE.max_steps(0), 1);
    assert_eq!(TABLE.max_steps(reach), 1);
    assert_eq!(TABLE.max_steps(reach + 1), 2);
    let (near, far) = (TABLE.max_steps(1 << 33), TABLE.max_steps(1 << 36));
    let per_step = (1u64 << 33) / width() as u64;
    assert!(near >= per_step && near < per_step + 600);
    assert!(far > 7 * near && far < 9 * near);
}

#[test]
fn calibration_picks_the_smallest_table_that_is_fast_enough() {
    assert_eq!(TableSize::for_magnitude(1 << 20, 2000).get(), 1);
    let size = TableSize::for_magnitude(1 << 33, 2000).get();
    assert!((8..=16).contains(&size), "{size}");
    assert_eq!(
        TableSize::for_magnitude(1 << 48, 1).get(),
        TableSize::MOST_MIB
    );
    for mib in [0, 1025] {
        assert!(matches!(
            TableSize::mib(mib),
            Err(DlogError::TableSize { .. })
        ));
    }
}

#[test]
fn a_batch_keeps_order_and_reports_each() {
    let values: Vec<i64> = (-20..20).map(|i| i * 1_234_567).collect();
    let targets: Vec<Gt> = values.iter().map(|&v| power(v)).collect();
    let calls = AtomicU64::new(0);
    let results = TABLE.solve_batch(&targets, 1 << 26, &|done, total| {
        assert!(done >= 1 && done <= total && total == 40);
        calls.fetch_add(1, Ordering::Relaxed);
    });
    let found: Vec<i64> = results.into_iter().map(Result::unwrap).collect();
    assert_eq!(found, values);
    assert_eq!(calls.into_inner(), 40);
}

#[test]
fn the_file_is_written_once_and_read_back() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("table");
    let size = TableSize::mib(1).unwrap();
    assert!(matches!(DlogTable::open(&path), Err(DlogError::Io { .. })));
    let calls = AtomicU64::new(0);
    let count = |_, _| {
        calls.fetch_add(1, Ordering::Relaxed);
    };
    DlogTable::open_or_build(&path, size, &count).unwrap();
    let built = calls.load(Ordering::Relaxed);
    assert!(built > 0);
    assert!(std::fs::metadata(&path).unwrap().len() <= 1 << 20);
    let again = DlogTable::open_or_build(&path, size, &count).unwrap();
    assert_eq!(calls.load(Ordering::Relaxed), built);
    assert_eq!(again.solve(&power(-987_654_321), 1 << 30), Ok(-987_654_321));

    let other = DlogTable::open_or_build(&path, TableSize::mib(2).unwrap(), &count).unwrap_err();
    assert!(other.to_string().contains("a table of 2 MiB has"));
}

#[test]
fn the_table_is_the_same_on_every_machine() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("table");
    DlogTable::rebuild(&path, TableSize::mib(1).unwrap(), &|_, _| {}).unwrap();
    let hash = blake3::hash(&std::fs::read(&path).unwrap()).to_string();
    assert_eq!(hash, KNOWN_TABLE);
}

const KNOWN_TABLE: &str = "c2129afcc27f1b30a17432cd702caf080608debfa7a392a3602239dc02760a99";

#[test]
fn a_damaged_file_is_named_and_rebuilt_only_when_asked() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("table");
    let size = TableSize::mib(1).unwrap();
    DlogTable::rebuild(&path, size, &|_, _| {}).unwrap();
    let good = std::fs::read(&path).unwrap();

    for at in [100, good.len() / 2, good.len() - 1] {
        let mut bad = good.clone();
        bad[at] ^= 1;
        std::fs::write(&path, &bad).unwrap();
        refused_with(&path, "checksum");
        let error = DlogTable::open_or_build(&path, size, &|_, _| {}).unwrap_err();
        assert!(matches!(error, DlogError::CorruptTable { .. }));
    }
    for (at, needle) in [
        (0, "not a table"),
        (10, "version"),
        (20, "generator"),
        (46, "powers"),
    ] {
        let mut bad = good.clone();
        bad[at] ^= 0x40;
        std::fs::write(&path, &bad).unwrap();
        refused_with(&path, needle);
    }
    std::fs::write(&path, &good[..good.len() - 1]).unwrap();
    refused_with(&path, "expected");
    std::fs::write(&path, &good[..20]).unwrap();
    refused_with(&path, "header");
    std::fs::write(&path, [&good[..], b"x"].concat()).unwrap();
    refused_with(&path, "expected");
    std::fs::File::create(&path)
        .unwrap()
        .set_len(1 << 40)
        .unwrap();
    refused_with(&path, "no table has more");

    DlogTable::rebuild(&path, size, &|_, _| {}).unwrap();
    assert_eq!(std::fs::read(&path).unwrap(), good);
}

#[test]
fn a_table_with_false_entries_gives_no_wrong_answer() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("table");
    DlogTable::rebuild(&path, TableSize::mib(1).unwrap(), &|_, _| {}).unwrap();
    // Every entry's index flipped, checksum made to fit: what a malicious file could do.
    let mut bytes = std::fs::read(&path).unwrap();
    let end = bytes.len() - 32;
    let entries = end - 4 * (TABLE.baby_steps() as usize + 1);
    for entry in bytes[entries..end].as_chunks_mut::<4>().0 {
        entry[0] ^= 1;
    }
    let checksum = blake3::hash(&bytes[..end]);
    bytes[end..].copy_from_slice(checksum.as_bytes());
    let table = DlogTable::from_bytes(&bytes).unwrap();
    for v in [0, 5, -77_777, 1 << 25] {
        assert!(table.solve(&power(v), 1 << 26).is_err());
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]
    #[test]
    fn decoding_arbitrary_bytes_never_panics(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
        let mut prefixed = b"tacit.dlog\x01".to_vec();
        prefixed.extend_from_slice(&bytes);
        prop_assert!(DlogTable::from_bytes(&bytes).is_err());
        prop_assert!(DlogTable::from_bytes(&prefixed).is_err());
    }
}
