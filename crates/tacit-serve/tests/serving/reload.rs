//! The head changes while it is asked.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use tacit_serve::{Answer, Clients, Code, Error};

use crate::gate::gate;
use crate::place::{COLUMNS, NEW, OLD, Place, logits, model, numbers, rule, wide};

#[tokio::test]
async fn clients_of_the_old_version_have_a_grace_then_hear_of_the_new() {
    let mut limits = wide();
    limits.grace_requests = 3;
    let place = Place::new(limits);
    let (old, new) = (place.client("a", OLD), place.client("a", NEW));
    let features = numbers(1, COLUMNS);
    old.query(&features).await.unwrap();
    place.server().reload(model(NEW));
    for _ in 0..3 {
        let answer = old.query(&features).await.unwrap();
        assert!(
            matches!(answer, Answer::Logits { values, .. } if values == logits(OLD, &features))
        );
        let answer = new.query(&features).await.unwrap();
        assert!(
            matches!(answer, Answer::Logits { values, .. } if values == logits(NEW, &features))
        );
    }
    match old.query(&features).await {
        Err(Error::Refused(refusal)) => {
            assert_eq!(refusal.code, Code::ModelVersion);
            assert!(refusal.text.contains(&NEW.to_string()));
        }
        other => panic!("{other:?}"),
    }
    new.query(&features).await.unwrap();
}

#[tokio::test]
async fn a_request_in_flight_finishes_on_the_head_it_began_with() {
    let mut limits = wide();
    (limits.grace_requests, limits.head_threads) = (0, 2);
    let (old, entered, open) = gate(OLD);
    let place = Place::with(limits, old, rule(), |authority, _| Clients::Certificates {
        authorities: vec![authority.certificate()],
        revoked: vec![],
    });
    let features = numbers(1, COLUMNS);
    let client = place.client("a", OLD);
    let asked = tokio::spawn(async move { client.query(&numbers(1, COLUMNS)).await });
    tokio::task::spawn_blocking(move || entered.recv())
        .await
        .unwrap()
        .unwrap();
    place.server().reload(model(NEW));
    // Without grace the old version takes no new requests; the new one answers meanwhile.
    let late = place.client("b", OLD).query(&features).await;
    assert!(matches!(late, Err(Error::Refused(r)) if r.code == Code::ModelVersion));
    place.client("c", NEW).query(&features).await.unwrap();
    drop(open);
    let answer = asked.await.unwrap().unwrap();
    assert!(matches!(answer, Answer::Logits { values, .. } if values == logits(OLD, &features)));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn under_load_no_answer_is_wrong_and_none_is_lost() {
    const TASKS: usize = 6;
    const REQUESTS: usize = 150;
    let mut limits = wide();
    limits.grace_requests = 40;
    let place = Arc::new(Place::new(limits));
    let (answered, of_old) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
    let ask = |task: usize| {
        let (place, answered, of_old) = (place.clone(), answered.clone(), of_old.clone());
        tokio::spawn(async move {
            let (mut version, mut client) = (OLD, place.client("a", OLD));
            for index in 0..REQUESTS {
                let features = numbers((task * REQUESTS + index) as u64, 2 * COLUMNS);
                let mut outcome = client.query(&features).await;
                if matches!(&outcome, Err(Error::Refused(r)) if r.code == Code::ModelVersion) {
                    assert_eq!(version, OLD);
                    (version, client) = (NEW, place.client("a", NEW));
                    outcome = client.query(&features).await;
                }
                match outcome.unwrap() {
                    Answer::Logits { values, .. } => assert_eq!(values, logits(version, &features)),
                    other => panic!("{other:?}"),
                }
                of_old.fetch_add(usize::from(version == OLD), Ordering::SeqCst);
                // The head changes a third of the way through.
                if answered.fetch_add(1, Ordering::SeqCst) == TASKS * REQUESTS / 3 {
                    place.server().reload(model(NEW));
                }
            }
        })
    };
    let tasks: Vec<_> = (0..TASKS).map(ask).collect();
    for task in tasks {
        task.await.unwrap();
    }
    assert_eq!(answered.load(Ordering::SeqCst), TASKS * REQUESTS);
    // The old head answered what came before, what was in flight, and its grace.
    let most = TASKS * REQUESTS / 3 + 1 + TASKS + 40;
    assert!((TASKS * REQUESTS / 3..=most).contains(&of_old.load(Ordering::SeqCst)));
}
