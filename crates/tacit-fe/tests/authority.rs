//! The authority: what it issues, what it refuses, and what it notices when it comes back.

use std::path::{Path, PathBuf};

use proptest::prelude::*;
use tacit_fe::authority::log::{Event, verify};
use tacit_fe::authority::{Authority, AuthorityError, Policy, Request, Unlock, Warning};
use tacit_fe::group::Gt;
use tacit_fe::scheme::{Encryptor, EvaluationPlan, Timing};
use tacit_fe::{FeError, IntegerModel};

const INPUTS: usize = 4;

fn unlock() -> Unlock {
    Unlock::key([42; 32]).unwrap()
}

fn at(time: u64) -> Request<'static> {
    Request {
        who: "tester",
        time,
    }
}

fn policy(rank_budget: usize) -> Policy {
    Policy {
        rank_budget,
        ..Policy::new(INPUTS)
    }
}

fn create(budget: usize) -> (tempfile::TempDir, Authority) {
    let folder = tempfile::tempdir().unwrap();
    let authority = Authority::create(folder.path(), policy(budget), &unlock(), at(1)).unwrap();
    (folder, authority)
}

fn reopen(folder: &tempfile::TempDir, authority: Authority) -> Result<Authority, FeError> {
    drop(authority);
    Authority::open(folder.path(), &unlock())
}

/// One output: a weighted sum of squares of linear forms.
fn form(terms: &[([i16; INPUTS], i16)]) -> IntegerModel {
    let d = terms.len();
    let p = (0..INPUTS)
        .flat_map(|i| terms.iter().map(move |(form, _)| form[i]))
        .collect();
    let combination = terms.iter().map(|(_, weight)| *weight).collect();
    IntegerModel::new((INPUTS, d, 1), p, combination, 255).unwrap()
}

fn square(form_: [i16; INPUTS]) -> IntegerModel {
    form(&[(form_, 1)])
}

fn broken_line(result: Result<Authority, FeError>, needle: &str) -> usize {
    match result.unwrap_err() {
        FeError::Authority(AuthorityError::BrokenLog { line, reason, .. }) => {
            assert!(reason.contains(needle), "{reason}");
            line
        }
        other => panic!("{other}"),
    }
}

fn log_path(folder: &tempfile::TempDir) -> PathBuf {
    folder.path().join("audit.log")
}

fn lines(path: &Path) -> Vec<String> {
    let text = std::fs::read_to_string(path).unwrap();
    text.lines().map(|line| format!("{line}\n")).collect()
}

/// An authority with four lines in its log: created, issued, refused, issued.
fn with_history() -> (tempfile::TempDir, Authority) {
    let (folder, mut authority) = create(2);
    authority.issue(&square([1, 0, 0, 0]), at(2)).unwrap();
    let three = IntegerModel::new(
        (INPUTS, 3, 2),
        vec![1, 0, 0, 0, 1, 0, 0, 0, 1, 1, 1, 1],
        vec![1, 0, 0, 1, 1, 1],
        255,
    );
    authority.issue(&three.unwrap(), at(3)).unwrap_err();
    authority.issue(&square([0, 1, 0, 0]), at(4)).unwrap();
    (folder, authority)
}

#[test]
fn issued_keys_open_ciphertexts() {
    let (_folder, mut authority) = create(4);
    let model = square([1, -2, 3, 0]);
    let issued = authority.issue(&model, at(2)).unwrap();
    let plan = EvaluationPlan::new(&issued.key, &model, 1).unwrap();
    let x = [5, 200, 7, 255];
    let expected = Gt::generator().pow_signed(model.evaluate(&x).unwrap()[0]);
    let public = Encryptor::public(authority.public_key(), Timing::ConstantTime);
    for encryptor in [public, authority.encryptor(Timing::ConstantTime)] {
        let ciphertext = encryptor.encrypt(&x).unwrap();
        assert_eq!(plan.evaluate(&ciphertext).unwrap(), [expected]);
    }
}

#[test]
fn keys_past_the_rank_budget_are_refused_and_logged() {
    let (folder, mut authority) = create(2);
    assert_eq!(
        authority.issue(&square([1, 0, 0, 0]), at(2)).unwrap().rank,
        1
    );
    let second = authority.issue(&square([0, 1, 0, 0]), at(3)).unwrap();
    assert_eq!(second.rank, 2);
    assert!(
        second
            .warnings
            .contains(&Warning::BudgetUsedUp { budget: 2 })
    );
    // (x0 + x1)² has the mixed term that neither square has.
    let third = square([1, 1, 0, 0]);
    for time in [4, 5] {
        match authority.issue(&third, at(time)).unwrap_err() {
            FeError::Authority(AuthorityError::BudgetExceeded {
                rank_before: 2,
                rank_after: 3,
                budget: 2,
                ..
            }) => {}
            other => panic!("{other}"),
        }
    }
    let authority = reopen(&folder, authority).unwrap();
    assert_eq!(authority.rank(), 2);
    assert!(authority.preview(&third).is_err());
    let refused = authority
        .log()
        .iter()
        .filter(|e| matches!(e.event(), Event::Refused { .. }));
    assert_eq!(refused.count(), 2);
}

#[test]
fn the_same_model_and_combinations_of_what_is_out_cost_nothing() {
    let (folder, mut authority) = create(2);
    let (x, y) = ([1, 2, 0, 0], [0, 1, -1, 3]);
    authority.issue(&square(x), at(2)).unwrap();
    authority.issue(&square(y), at(3)).unwrap();
    assert_eq!(authority.issue(&square(x), at(4)).unwrap().rank, 2);
    assert_eq!(
        authority
            .issue(&form(&[(x, 7), (y, -3)]), at(5))
            .unwrap()
            .rank,
        2
    );
    let mut authority = reopen(&folder, authority).unwrap();
    assert_eq!(authority.issue(&form(&[(y, 11)]), at(6)).unwrap().rank, 2);
    assert!(
        authority
            .issue(&form(&[(x, 1), ([0, 0, 0, 1], 1)]), at(7))
            .is_err()
    );
}

#[test]
fn models_that_the_policy_forbids_are_named() {
    let folder = tempfile::tempdir().unwrap();
    let rules = Policy {
        output_bits: 20,
        ..policy(4)
    };
    let mut authority = Authority::create(folder.path(), rules, &unlock(), at(1)).unwrap();
    let refusal = |error: FeError| match error {
        FeError::Authority(error) => error,
        other => panic!("{other}"),
    };
    let large = refusal(authority.issue(&square([5, 0, 0, 0]), at(2)).unwrap_err());
    assert!(matches!(
        large,
        AuthorityError::OutputBound {
            output: 0,
            allowed_bits: 20,
            ..
        }
    ));
    let other = IntegerModel::new((3, 1, 1), vec![1; 3], vec![1], 255).unwrap();
    let shape = refusal(authority.issue(&other, at(3)).unwrap_err());
    assert!(matches!(
        shape,
        AuthorityError::Inputs {
            inputs: 3,
            expected_inputs: 4,
            ..
        }
    ));
    let other = IntegerModel::new((4, 1, 1), vec![1; 4], vec![1], 256).unwrap();
    assert!(matches!(
        refusal(authority.issue(&other, at(3)).unwrap_err()),
        AuthorityError::Inputs { input_max: 256, .. }
    ));
    assert!(matches!(
        authority.issue(&form(&[([1, 0, 0, 0], 0)]), at(4)),
        Err(FeError::ZeroOutput { output: 0 })
    ));
    assert!(
        authority
            .issue(&square([1, 0, 0, 0]), Request { who: "", time: 5 })
            .is_err()
    );
    for bad in [
        Policy { inputs: 0, ..rules },
        Policy {
            input_max: 0,
            ..rules
        },
        Policy {
            rank_budget: 0,
            ..rules
        },
        Policy {
            rank_budget: 257,
            ..rules
        },
        Policy {
            output_bits: 49,
            ..rules
        },
    ] {
        let folder = tempfile::tempdir().unwrap();
        let error = Authority::create(folder.path(), bad, &unlock(), at(1)).unwrap_err();
        assert!(matches!(refusal(error), AuthorityError::Field { .. }));
    }
}

#[test]
fn outputs_close_to_the_hidden_dimension_are_warned_about() {
    let (_folder, mut authority) = create(16);
    let p = [[1, 0, 0, 0], [0, 1, 0, 0], [0, 0, 1, 0], [0, 0, 0, 1]];
    let model = |weights: [i16; 4]| form(&std::array::from_fn::<_, 4, _>(|j| (p[j], weights[j])));
    assert!(
        authority
            .issue(&model([1, 0, 0, 0]), at(2))
            .unwrap()
            .warnings
            .is_empty()
    );
    let issued = authority.issue(&model([1, 1, 0, 0]), at(3)).unwrap();
    assert_eq!(
        issued.warnings,
        [Warning::ApproachesHidden { rank: 2, hidden: 4 }]
    );
}

#[test]
fn rotation_retires_the_old_key_and_starts_a_new_budget() {
    let (folder, mut authority) = create(1);
    let model = square([1, 2, 3, 4]);
    let old_key = authority.issue(&model, at(2)).unwrap().key;
    let old_public = authority.public_key().clone();
    let x = [1, 2, 3, 4];
    let old = Encryptor::public(&old_public, Timing::ConstantTime)
        .encrypt(&x)
        .unwrap();

    let new_public = authority.rotate(at(3)).unwrap().clone();
    assert_ne!(new_public.hash(), old_public.hash());
    assert_eq!(authority.rank(), 0);
    let mut authority = reopen(&folder, authority).unwrap();
    assert_eq!(authority.public_key(), &new_public);
    let other = square([0, 0, 0, 1]);
    let new_key = authority.issue(&other, at(4)).unwrap().key;

    // The old ciphertext stays open to the old key, and closed to the new one.
    let plan = EvaluationPlan::new(&old_key, &model, 1).unwrap();
    assert_eq!(plan.evaluate(&old).unwrap(), [Gt::generator().pow(900)]);
    let plan = EvaluationPlan::new(&new_key, &other, 1).unwrap();
    assert!(matches!(
        plan.evaluate(&old),
        Err(FeError::CiphertextForOtherKey { .. })
    ));

    let file = |hash: String, kind| folder.path().join(format!("keys/{hash}.{kind}"));
    let (old, new) = (old_public.hash().to_string(), new_public.hash().to_string());
    assert!(file(old.clone(), "public").exists() && !file(old, "sealed").exists());
    assert!(file(new, "sealed").exists());
}

#[test]
fn only_the_right_secret_opens_the_authority() {
    let folder = tempfile::tempdir().unwrap();
    let passphrase = |text: &str| Unlock::passphrase_with(text, 64, 1).unwrap();
    let right = passphrase("correct horse battery");
    let authority = Authority::create(folder.path(), policy(2), &right, at(1)).unwrap();
    let hash = authority.public_key().hash();
    drop(authority);
    for wrong in [passphrase("correct horse staple"), unlock()] {
        match Authority::open(folder.path(), &wrong).unwrap_err() {
            FeError::Authority(AuthorityError::Sealed { path, .. }) => {
                assert!(path.ends_with("authority.sealed"));
            }
            other => panic!("{other}"),
        }
    }
    let authority = Authority::open(folder.path(), &right).unwrap();
    assert_eq!(authority.public_key().hash(), hash);
    authority.change_unlock(&unlock()).unwrap();
    drop(authority);
    assert!(Authority::open(folder.path(), &right).is_err());
    assert!(Authority::open(folder.path(), &unlock()).is_ok());
}

#[test]
fn one_process_at_a_time_and_one_authority_per_folder() {
    let (folder, authority) = create(2);
    for result in [
        Authority::open(folder.path(), &unlock()),
        Authority::create(folder.path(), policy(2), &unlock(), at(1)),
    ] {
        assert!(matches!(
            result,
            Err(FeError::Authority(AuthorityError::Locked { .. }))
        ));
    }
    drop(authority);
    assert!(matches!(
        Authority::create(folder.path(), policy(2), &unlock(), at(1)),
        Err(FeError::Authority(AuthorityError::Exists { .. }))
    ));
    assert!(Authority::open(folder.path(), &unlock()).is_ok());
}

#[test]
fn the_log_tells_who_when_and_what_and_anyone_can_verify_it() {
    let (folder, authority) = with_history();
    let entries = verify(&std::fs::read(log_path(&folder)).unwrap(), "copy").unwrap();
    assert_eq!(entries, authority.log());
    let told: Vec<_> = entries
        .iter()
        .map(|e| (e.sequence(), e.time(), e.who()))
        .collect();
    assert_eq!(
        told,
        [
            (0, 1, "tester"),
            (1, 2, "tester"),
            (2, 3, "tester"),
            (3, 4, "tester")
        ]
    );
    match entries[3].event() {
        Event::Issued {
            model,
            forms: 1,
            rank_before: 1,
            rank_after: 2,
            ..
        } => {
            assert_eq!(*model, square([0, 1, 0, 0]).hash().to_string());
        }
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_changed_cut_or_lengthened_log_is_named_with_its_line() {
    let (folder, authority) = with_history();
    drop(authority);
    let path = log_path(&folder);
    let good = lines(&path);
    let open_with = |lines: &[String]| {
        std::fs::write(&path, lines.concat()).unwrap();
        Authority::open(folder.path(), &unlock())
    };

    let mut changed = good.clone();
    changed[2] = changed[2].replace("tester", "nobody");
    assert_eq!(broken_line(open_with(&changed), "hash does not match"), 3);
    let missing = [&good[..1], &good[2..]].concat();
    assert_eq!(broken_line(open_with(&missing), "does not follow"), 2);
    let swapped = [&good[..1], &good[2..3], &good[1..2], &good[3..]].concat();
    assert_eq!(broken_line(open_with(&swapped), "does not follow"), 2);
    assert_eq!(
        broken_line(open_with(&good[..3]), "4 lines were written"),
        3
    );
    assert_eq!(broken_line(open_with(&[]), "4 lines were written"), 0);
    let spaced = [&good[..3], &[good[3].replace(",\"", ", \"")]].concat();
    assert_eq!(broken_line(open_with(&spaced), "other spacing"), 4);
    assert!(open_with(&good).is_ok());
}

#[test]
fn a_log_written_anew_without_the_secret_is_noticed() {
    // Another authority's log has an intact chain, but not this one's anchor.
    let (folder, authority) = with_history();
    let (other, another) = with_history();
    drop((authority, another));
    std::fs::copy(log_path(&other), log_path(&folder)).unwrap();
    assert_eq!(
        broken_line(Authority::open(folder.path(), &unlock()), "not the line"),
        4
    );
    let anchor = |folder: &tempfile::TempDir| folder.path().join("anchor.json");
    std::fs::copy(anchor(&other), anchor(&folder)).unwrap();
    broken_line(
        Authority::open(folder.path(), &unlock()),
        "anchor.json was changed",
    );
}

#[test]
fn a_crash_between_two_writes_loses_nothing_that_was_acknowledged() {
    let (folder, authority) = with_history();
    let anchor = folder.path().join("anchor.json");
    let before = std::fs::read(&anchor).unwrap();
    let mut authority = authority;
    // The line was written, the anchor was not: the line counts.
    authority.issue(&square([0, 1, 0, 0]), at(5)).unwrap();
    std::fs::write(&anchor, &before).unwrap();
    let authority = reopen(&folder, authority).unwrap();
    assert_eq!(authority.log().len(), 5);
    // Part of a line was written: it is cut off.
    let whole = std::fs::read(log_path(&folder)).unwrap();
    std::fs::write(log_path(&folder), [&whole[..], b"{\"body\":{"].concat()).unwrap();
    let authority = reopen(&folder, authority).unwrap();
    assert_eq!(authority.log().len(), 5);
    assert_eq!(std::fs::read(log_path(&folder)).unwrap(), whole);
    // Two lines ahead cannot happen.
    drop(authority);
    std::fs::write(&anchor, &before).unwrap();
    let mut authority = Authority::open(folder.path(), &unlock()).unwrap();
    authority.issue(&square([0, 1, 0, 0]), at(6)).unwrap();
    std::fs::write(&anchor, &before).unwrap();
    broken_line(reopen(&folder, authority), "more lines");
}

#[test]
fn a_changed_model_or_secret_in_the_folder_is_noticed() {
    let (folder, authority) = with_history();
    let hash = authority.public_key().hash().to_string();
    let model = square([1, 0, 0, 0]);
    drop(authority);
    let path = folder.path().join(format!("models/{}.json", model.hash()));
    let other = square([1, 1, 0, 0]);
    other.save(&path).unwrap();
    let error = Authority::open(folder.path(), &unlock()).unwrap_err();
    assert!(
        error
            .to_string()
            .contains("not the model for which a key was issued")
    );
    model.save(&path).unwrap();
    assert!(Authority::open(folder.path(), &unlock()).is_ok());

    let path = folder.path().join(format!("keys/{hash}.sealed"));
    let mut sealed = std::fs::read(&path).unwrap();
    let last = sealed.len() - 1;
    sealed[last] ^= 1;
    std::fs::write(&path, sealed).unwrap();
    assert!(matches!(
        Authority::open(folder.path(), &unlock()),
        Err(FeError::Authority(AuthorityError::Sealed { .. }))
    ));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(12))]

    /// However models are cut into requests, what was issued never spans more than the budget.
    #[test]
    fn no_order_of_requests_exceeds_the_budget(
        budget in 1usize..5,
        forms in prop::collection::vec(prop::array::uniform4(-2i16..=2), 1..8),
    ) {
        let (_folder, mut authority) = create(budget);
        let mut issued: Vec<[i16; INPUTS]> = vec![];
        for (time, form_) in forms.iter().enumerate() {
            if authority.issue(&square(*form_), at(time as u64 + 2)).is_ok() {
                issued.push(*form_);
            }
            prop_assert!(authority.rank() <= budget);
        }
        // Squares of up to three pairwise different lines are independent.
        let mut lines: Vec<[i16; INPUTS]> = vec![];
        for a in issued {
            let same = |b: &[i16; INPUTS]| {
                (0..INPUTS).all(|i| (0..INPUTS).all(|j| a[i] * b[j] == a[j] * b[i]))
            };
            if a != [0; INPUTS] && !lines.iter().any(same) {
                lines.push(a);
            }
        }
        prop_assert!(lines.len().min(3) <= budget);
    }

    #[test]
    fn verifying_arbitrary_logs_never_panics(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        let _ = verify(&bytes, "noise");
        let lines = [b"{\"body\":{\"sequence\":0,\"previous\":\"\",", &bytes[..], b"}\n"].concat();
        prop_assert!(verify(&lines, "noise").is_err());
    }
}
