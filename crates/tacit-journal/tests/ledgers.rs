//! The ledger of a key, in memory and on the disk: one answer per c_1, and older copies are noticed.

use std::fs;
use std::path::{Path, PathBuf};

use tacit_ckks::{
    Ciphertext, Encoder, Parameters, ParametersLiteral, PublicKey, SecretKey, encrypt,
};
use tacit_journal::{Error, FileJournal, LedgerFile, Ledgered};
use tacit_mhe::{Ledger, MheError, PartySecret, Protocol, Release, SessionContext, SmudgingBits};
use tacit_ring::{RingKind, Seed};
use tacit_session::simulation::Simulation;
use tacit_session::{Digest, Journal, MemoryJournal, Nonce, PartyIndex, Record};

fn params() -> Parameters {
    Parameters::insecure_toy(&ParametersLiteral {
        kind: RingKind::ConjugateInvariant,
        log_n: 4,
        q_bits: vec![50, 40],
        p_bits: vec![50],
        log_scale: 30,
    })
    .unwrap()
}

fn secret(params: &Parameters) -> PartySecret {
    PartySecret::from_seed(params, &Seed::from_bytes([5; 32]))
}

fn ciphertext(params: &Parameters, tag: u8) -> Ciphertext {
    let mut xof = Seed::from_bytes([tag; 32]).expand();
    let sk = SecretKey::sample(params, &mut xof);
    let pk = PublicKey::generate(params, &sk, &mut xof);
    let m = Encoder::new(params).encode(&[0.5], 1, params.scale());
    encrypt(params, &pk, &m.unwrap(), &mut xof)
}

fn release(params: &Parameters, ct: &Ciphertext, session: u8) -> Release {
    let context = SessionContext::derive(&[session; 32], &[2; 32], &[[3; 32], [4; 32]]);
    Release::new(params, &context.instance(2), ct, SmudgingBits::new(20)).unwrap()
}

struct Shelf(tempfile::TempDir);

impl Shelf {
    fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    fn ledger(&self) -> Result<LedgerFile, Error> {
        let key = Digest::of(b"public key");
        LedgerFile::open(self.path("ledger.log"), self.path("ledger.mark"), key)
    }

    /// A process with this key: its secret, and the journal to write before anything leaves.
    fn process(&self, params: &Parameters) -> (PartySecret, Ledgered<MemoryJournal>) {
        let secret = secret(params);
        let live = secret.shared_ledger();
        let journal = Ledgered::new(MemoryJournal::new(), self.ledger().unwrap(), live);
        (secret, journal)
    }
}

fn record() -> Record {
    Record::Nonce(Nonce([4; 32]))
}

#[test]
fn what_one_process_answered_the_next_one_refuses_to_answer_otherwise() {
    let (shelf, params) = (Shelf::new(), params());
    let (one, two) = (ciphertext(&params, 1), ciphertext(&params, 2));
    let (secret, mut journal) = shelf.process(&params);
    let first = release(&params, &one, 1).share(&secret).unwrap();
    journal.append(&record()).unwrap();
    drop((secret, journal));

    let (secret, mut journal) = shelf.process(&params);
    let again = release(&params, &one, 1).share(&secret).unwrap();
    assert_eq!(again, first, "the same request, the same bytes");
    let refused = release(&params, &one, 7).share(&secret);
    assert!(matches!(refused, Err(MheError::SecondShare { .. })));
    release(&params, &two, 7).share(&secret).unwrap();
    journal.append(&record()).unwrap();
    drop((secret, journal));
    let names: Vec<[u8; 32]> = shelf.ledger().unwrap().entries().map(|e| e.0).collect();
    for ct in [&one, &two] {
        assert!(names.contains(&Ledger::name_of(&ct.polys()[1])));
    }
}

#[test]
fn no_record_is_written_before_the_entry_of_its_share_is() {
    let (shelf, params) = (Shelf::new(), params());
    let ct = ciphertext(&params, 1);
    let (secret, mut journal) = shelf.process(&params);
    journal.append(&record()).unwrap();
    // A secret that answered before the ledger was joined to it: the contradiction stops the record.
    release(&params, &ct, 1).share(&secret).unwrap();
    journal.append(&record()).unwrap();
    drop((secret, journal));
    let hasty = self::secret(&params);
    release(&params, &ct, 7).share(&hasty).unwrap();
    let kept = MemoryJournal::new();
    let live = hasty.shared_ledger();
    let mut journal = Ledgered::new(kept.clone(), shelf.ledger().unwrap(), live);
    let refused = journal.append(&record());
    assert!(matches!(refused, Err(Error::SecondShare { .. })));
    assert!(kept.is_empty(), "no share without its entry");
}

#[test]
fn the_file_refuses_a_second_request_on_one_polynomial_and_keeps_nothing_of_that_batch() {
    let shelf = Shelf::new();
    let (c1, one, two) = ([1; 32], [2; 32], [3; 32]);
    let mut ledger = shelf.ledger().unwrap();
    ledger.keep([(c1, one)]).unwrap();
    ledger.keep([(c1, one), (two, two)]).unwrap();
    drop(ledger);
    let mut ledger = shelf.ledger().unwrap();
    assert_eq!(ledger.entries().count(), 2);
    for batch in [
        [([9; 32], one), (c1, two)],
        [([8; 32], one), ([8; 32], two)],
    ] {
        assert!(matches!(ledger.keep(batch), Err(Error::SecondShare { .. })));
    }
    assert_eq!(ledger.entries().count(), 2, "nothing of a refused batch");
    drop(ledger);
    let (file, mark) = (shelf.path("ledger.log"), shelf.path("ledger.mark"));
    let other = LedgerFile::open(file, mark, Digest::of(b"another key"));
    assert!(matches!(other, Err(Error::Foreign { .. })));
}

/// Files after 0, 1, … entries.
fn moments(shelf: &Shelf, entries: u8) -> Vec<[Vec<u8>; 2]> {
    let take = || ["ledger.log", "ledger.mark"].map(|name| fs::read(shelf.path(name)).unwrap());
    drop(shelf.ledger().unwrap());
    let mut moments = vec![take()];
    for i in 0..entries {
        shelf.ledger().unwrap().keep([([i; 32], [i; 32])]).unwrap();
        moments.push(take());
    }
    moments
}

fn restored(shelf: &Shelf, log: &[u8], mark: &[u8]) -> Result<LedgerFile, Error> {
    fs::write(shelf.path("ledger.log"), log).unwrap();
    fs::write(shelf.path("ledger.mark"), mark).unwrap();
    shelf.ledger()
}

#[test]
fn an_older_copy_of_the_ledger_or_of_its_mark_is_refused_and_of_both_is_not_noticed() {
    let shelf = Shelf::new();
    let moments = moments(&shelf, 4);
    for (i, [log, _]) in moments.iter().enumerate() {
        for (j, [_, mark]) in moments.iter().enumerate() {
            let opened = restored(&shelf, log, mark);
            match opened {
                Ok(ledger) => {
                    assert!(i == j || i == j + 1, "{i} entries, mark of {j}");
                    assert_eq!(ledger.entries().count(), i);
                }
                Err(Error::Older {
                    found,
                    acknowledged,
                    ..
                }) => {
                    assert!(i < j);
                    assert_eq!((found, acknowledged), (i, j as u64));
                }
                Err(Error::Mark { .. }) => assert!(i > j + 1, "{i} entries, mark of {j}"),
                Err(other) => panic!("{other}"),
            }
        }
    }
}

#[test]
fn a_ledger_that_went_on_from_an_older_copy_is_refused_by_the_newest_mark() {
    let shelf = Shelf::new();
    let moments = moments(&shelf, 3);
    // Restored with its mark, so that nobody noticed, and gone on; then the newest mark comes back.
    let mut forked = restored(&shelf, &moments[1][0], &moments[1][1]).unwrap();
    forked.keep([([70; 32], [0; 32])]).unwrap();
    forked.keep([([71; 32], [0; 32])]).unwrap();
    drop(forked);
    let log = fs::read(shelf.path("ledger.log")).unwrap();
    let refused = restored(&shelf, &log, &moments[3][1]).unwrap_err();
    assert!(matches!(refused, Error::Mark { .. }), "{refused}");
    let said = refused.to_string();
    assert!(
        said.contains("ledger.mark") && said.contains("other entries"),
        "{said}"
    );
}

#[test]
fn a_lost_mark_is_not_made_anew_beside_a_ledger() {
    let shelf = Shelf::new();
    moments(&shelf, 3);
    fs::remove_file(shelf.path("ledger.mark")).unwrap();
    assert!(matches!(shelf.ledger(), Err(Error::Mark { .. })));
}

#[test]
fn an_older_copy_of_a_sessions_journal_is_refused_by_name() {
    let (shelf, table) = (Shelf::new(), Simulation::new(1, 3));
    let open = |path: &Path| {
        let (plan, roster) = (
            table.plan.digest().unwrap(),
            table.roster().unwrap().digest(),
        );
        let me = table.key(PartyIndex(1)).public();
        let mark = shelf.path("session.mark");
        FileJournal::open(path, mark, plan, roster, &me, 1 << 20)
    };
    let path = shelf.path("session.log");
    let mut journal = open(&path).unwrap();
    journal.append(&record()).unwrap();
    let backup = fs::read(&path).unwrap();
    journal.append(&record()).unwrap();
    drop(journal);
    fs::write(&path, backup).unwrap();
    let said = open(&path).unwrap_err().to_string();
    for part in [
        "session.log",
        "1 entries",
        "says that 2",
        "restore the newest",
    ] {
        assert!(said.contains(part), "{said}");
    }
}
