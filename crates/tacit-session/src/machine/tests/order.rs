//! Journal first, then send; and who may sit at the table.

use std::cell::RefCell;
use std::rc::Rc;

use zeroize::Zeroizing;

use super::*;

/// A journal that can fail and lets the test look.
#[derive(Clone, Default)]
struct Disk {
    records: Rc<RefCell<Vec<Record>>>,
    full_at: Option<usize>,
}

#[derive(Debug, thiserror::Error)]
#[error("no space left on device")]
struct Full;

impl Journal for Disk {
    type Error = Full;

    fn append(&mut self, record: &Record) -> Result<(), Full> {
        if self.full_at == Some(self.records.borrow().len()) {
            return Err(Full);
        }
        self.records.borrow_mut().push(record.clone());
        Ok(())
    }

    fn record(&self, index: usize) -> Result<Option<Record>, Full> {
        Ok(self.records.borrow().get(index).cloned())
    }
}

/// Plays all frames of a finished session to party `me` alone; `look` sees each of its sends.
fn play(
    me: u16,
    disk: &Disk,
    mut look: impl FnMut(&Frame),
) -> (Party<Tally, Disk>, Result<(), Error>) {
    let mut table = Table::star();
    table.run();
    let simulation = Simulation::new(1, 3);
    let seat = simulation.seat(PartyIndex(me), 0).unwrap();
    let app = Tally::new(VALUES[usize::from(me)], ROUNDS);
    let mut party = Party::new(seat, app, disk.clone()).unwrap();
    let mine = table.sent.iter().filter(|(to, _)| to.0 == me);
    let events = mine.map(|(_, frame)| Event::Frame(frame.clone()));
    for event in std::iter::once(Event::Start).chain(events) {
        let result = party.handle(event).and_then(|()| party.work());
        while let Some(action) = party.poll_action() {
            if let Action::Send { frame, .. } = action {
                look(&frame);
            }
        }
        if result.is_err() {
            return (party, result);
        }
    }
    (party, Ok(()))
}

#[test]
fn nothing_is_handed_out_that_is_not_in_the_journal() {
    for me in 0..3 {
        let (disk, mut seen) = (Disk::default(), 0);
        let (party, result) = play(me, &disk, |frame| {
            seen += 1;
            let records = disk.records.borrow();
            let is_recorded = records.iter().any(|record| match record {
                Record::Input(known) | Record::Share(known) => known == frame,
                _ => false,
            });
            assert!(is_recorded, "{frame:?} left before it was journaled");
        });
        result.unwrap();
        assert!(party.status().done);
        assert!(seen >= 6, "{seen}");
    }
}

#[test]
fn a_full_disk_stops_the_party_before_it_sends() {
    for me in 0..3 {
        let whole = Disk::default();
        play(me, &whole, |_| ()).1.unwrap();
        let len = whole.records.borrow().len();
        for full_at in 0..len {
            let disk = Disk {
                full_at: Some(full_at),
                ..Disk::default()
            };
            let (mut party, result) = play(me, &disk, |frame| {
                let records = disk.records.borrow();
                assert!(records.iter().any(
                    |r| matches!(r, Record::Input(known) | Record::Share(known) if known == frame)
                ));
            });
            match result {
                Err(Error::Journal { source, .. }) => {
                    assert_eq!(source.to_string(), "no space left on device");
                }
                other => panic!("{other:?}"),
            }
            let again = party.handle(Event::Tick(Duration::ZERO));
            assert!(
                matches!(again, Err(Error::Stopped { .. })),
                "it does not go on without"
            );
            assert!(!party.has_work());
        }
    }
}

#[test]
fn a_seat_is_for_the_party_that_approved_this_plan_with_this_roster() {
    let table = Simulation::new(1, 3);
    let (roster, digest) = (table.roster().unwrap(), table.plan.digest().unwrap());
    let seat = |key: IdentityKey, approval| {
        let nonce = Nonce([0; 32]);
        Seat::new(roster.clone(), &table.plan, key, approval, nonce).map(|seat| seat.me)
    };
    let key = |i| table.key(PartyIndex(i));
    let approval = |i, plan, roster| Approval::sign(&key(i), plan, roster);

    let good = approval(1, digest, roster.digest());
    assert_eq!(seat(key(1), good.clone()).unwrap(), PartyIndex(1));
    assert_eq!(Approval::from_hex(&good.to_string()), Some(good));

    for unapproved in [
        approval(2, digest, roster.digest()),
        approval(1, Digest::of(b"another plan"), roster.digest()),
        approval(1, digest, Digest::of(b"another roster")),
    ] {
        match seat(key(1), unapproved) {
            Err(Error::NotApproved { party, plan }) => {
                assert_eq!((party.as_str(), plan), ("party-1", digest));
            }
            other => panic!("{other:?}"),
        }
    }
    let stranger = IdentityKey::from_seed(&Zeroizing::new([9; 32]));
    let theirs = Approval::sign(&stranger, digest, roster.digest());
    assert!(matches!(
        seat(stranger, theirs),
        Err(Error::NotInRoster { .. })
    ));

    let mut invalid = table.plan.clone();
    invalid.releases.clear();
    let own = approval(1, digest, roster.digest());
    let refused = Seat::new(
        roster.clone(),
        &invalid,
        key(1),
        own.clone(),
        Nonce([0; 32]),
    );
    assert!(matches!(refused, Err(Error::Plan { .. })));
    let other = Simulation::new(2, 4).plan;
    let refused = Seat::new(roster.clone(), &other, key(1), own, Nonce([0; 32]));
    assert!(matches!(refused, Err(Error::Plan { .. })));
}

#[test]
fn debug_of_a_party_and_its_seat_shows_no_secret() {
    let seat = Simulation::new(1, 3).seat(PartyIndex(1), 0).unwrap();
    assert!(format!("{seat:?}").contains("redacted"));
    let party = Party::new(seat, Tally::new(0xdead_beef, 1), MemoryJournal::new()).unwrap();
    assert!(!format!("{party:?}").contains(&0xdead_beef_u64.to_string()));
}
