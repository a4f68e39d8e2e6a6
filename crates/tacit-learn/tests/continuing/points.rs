//! How the points of gradients travel: without c_1, once every party has taken part in the refreshes they come from.

use std::sync::Arc;

use tacit_ckks::Ciphertext;
use tacit_learn::model::Momentum;
use tacit_session::{Continuation, Journal, MemoryJournal, PartyIndex, Record};

use super::cohort::Cohort;
use super::{first_gradient, leave, places};

/// The last of the sections of a payload.
fn last_section(mut payload: &[u8]) -> &[u8] {
    let mut section = payload;
    payload = &payload[4..];
    while let Some((length, rest)) = payload.split_first_chunk::<8>() {
        (section, payload) = rest.split_at(u64::from_le_bytes(*length) as usize);
    }
    section
}

/// Of the gradients that a party was asked for: whether the point came without c_1.
fn without_c1(journal: &MemoryJournal) -> Vec<bool> {
    let records = (0..).map_while(|index| journal.record(index).unwrap());
    let points = records.filter_map(|record| match record {
        Record::Input(frame) if frame.header().label.as_str() == "train/gradient" => {
            Some(Ciphertext::is_c0(last_section(frame.payload())))
        }
        _ => None,
    });
    points.collect()
}

#[test]
fn points_travel_without_c1_as_soon_as_all_can_tell_it() {
    // After a checkpoint the next point is whole, and with a part of the one before in it, the second is, too.
    let ways: [(Option<Momentum>, &[bool]); 3] = [
        (None, &[false, false, true, true]),
        (Some(Momentum::None), &[false, true, true, true]),
        (
            Some(Momentum::HeavyBall { mu: 0.5 }),
            &[false, true, true, true],
        ),
    ];
    for (momentum, expected) in ways {
        let mut cohort = Cohort::new(3, 2, 6, true);
        if let Some(momentum) = momentum {
            let mut plan = (*cohort.plan).clone();
            plan.config.momentum = momentum;
            cohort.config.momentum = momentum;
            cohort.plan = Arc::new(plan);
        }
        let mut all = cohort.all();
        let (session, gone) = (cohort.simulation(1, None), PartyIndex(1));
        let round = first_gradient(&cohort) + 4;
        assert!(!cohort.run(&session, &mut all, Some((gone, round))).unwrap());
        leave(&mut all);
        let origin = all[0].as_ref().unwrap().origin().unwrap();
        let next = Continuation::among(1, places(&[0, 2]), 2, origin);
        let on = cohort.simulation(2, Some(next));
        assert!(cohort.run(&on, &mut all, None).unwrap());

        let ran = cohort.ran.borrow();
        let [first, second] = [&ran[0].1[2], &ran[1].1[2]].map(without_c1);
        // The very first gradient is of weights that are zero: it has no point.
        assert_eq!(first, [false, true, true], "{momentum:?}");
        assert_eq!(second, expected, "{momentum:?}");
    }
}
