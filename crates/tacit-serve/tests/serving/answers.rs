//! Good requests get the head's answer, to the bit.

use std::sync::Arc;

use tacit_serve::{
    Answer, Answers, Clients, Code, Encoding, Error, FeatureRule, Head, Model, blocking,
};

use crate::gate::Fussy;
use crate::place::{CLIP, COLUMNS, OLD, Place, head, logits, model, numbers, rule, wide};

fn certificates(authority: &tacit_serve::Authority, _: &tacit_serve::Token) -> Clients {
    Clients::Certificates {
        authorities: vec![authority.certificate()],
        revoked: vec![],
    }
}

#[tokio::test]
async fn answers_are_the_heads_to_the_bit() {
    let place = Place::new(wide());
    let client = place.client("a", OLD);
    for (seed, rows) in [(1, 1), (2, 7), (3, 256)] {
        let features = numbers(seed, rows * COLUMNS);
        let answer = client.query(&features).await.unwrap();
        let wanted = Answer::Logits {
            values: logits(OLD, &features),
            outputs: 3,
        };
        assert_eq!(answer, wanted);
    }
    let with_token = Place::with_tokens(wide());
    let client = with_token.client_with(&with_token.token);
    let features = numbers(4, COLUMNS);
    let answer = client.query(&features).await.unwrap();
    assert!(matches!(answer, Answer::Logits { values, .. } if values == logits(OLD, &features)));
}

#[tokio::test]
async fn levels_are_answered_as_the_numbers_they_stand_for() {
    for levels in [2, 16, 256] {
        let rule = FeatureRule::new(COLUMNS, CLIP, Encoding::Quantised { levels }).unwrap();
        let model = Model::new(head(1), OLD, rule).unwrap();
        let place = Place::with(wide(), model, rule, certificates);
        let step = 2.0 * CLIP / f32::from(levels - 1);
        let nearest = |x: &f32| ((x + CLIP) / step).round() * step - CLIP;
        let features = numbers(5, 3 * COLUMNS);
        let seen: Vec<f32> = features.iter().map(nearest).collect();
        let answer = place.client("a", OLD).query(&features).await.unwrap();
        let Answer::Logits { values, .. } = answer else {
            panic!("logits were asked for");
        };
        let wanted = head(1).answer(&seen, 3).unwrap();
        let apart = values.iter().zip(wanted).map(|(a, b)| (a - b).abs());
        assert!(apart.fold(0.0, f32::max) < 1e-5);
    }
}

#[tokio::test]
async fn a_server_may_give_out_classes_only() {
    let limits = wide();
    let place = Place::answering(Answers::Classes, limits, model(OLD), rule(), certificates);
    let features = numbers(6, 20 * COLUMNS);
    let answer = place.client("a", OLD).query(&features).await.unwrap();
    let greatest = |row: &[f32]| (0..3).max_by(|&a, &b| row[a].total_cmp(&row[b])).unwrap() as u32;
    let wanted = logits(OLD, &features).chunks(3).map(greatest).collect();
    assert_eq!(answer, Answer::Classes(wanted));
}

#[test]
fn a_program_without_a_runtime_asks_too() {
    let place = Place::new(wide());
    let client = blocking::Client::new(place.client_settings("a", OLD)).unwrap();
    let features = numbers(7, COLUMNS);
    for _ in 0..3 {
        let answer = client.query(&features).unwrap();
        assert!(
            matches!(answer, Answer::Logits { values, .. } if values == logits(OLD, &features))
        );
    }
}

#[tokio::test]
async fn requests_that_come_together_are_one_call_of_the_head() {
    let mut limits = wide();
    limits.batch_rows = 8;
    limits.batch_wait_us = 60_000_000;
    let place = Place::new(limits);
    let client = Arc::new(place.client("a", OLD));
    let ask = |seed| {
        let client = client.clone();
        let features = numbers(seed, COLUMNS);
        async move { (client.query(&features).await.unwrap(), features) }
    };
    let asked: Vec<_> = (0..8).map(|seed| tokio::spawn(ask(seed))).collect();
    for asked in asked {
        let (answer, features) = asked.await.unwrap();
        assert!(
            matches!(answer, Answer::Logits { values, .. } if values == logits(OLD, &features))
        );
    }
    assert_eq!(place.server().metrics().batches(), (1, 8));
}

#[tokio::test]
async fn a_request_that_breaks_the_head_fails_alone() {
    let mut limits = wide();
    limits.batch_rows = 4;
    limits.batch_wait_us = 60_000_000;
    let model = Model::new(Fussy, OLD, rule()).unwrap();
    let place = Place::with(limits, model, rule(), certificates);
    let client = Arc::new(place.client("a", OLD));
    for poison in [1.0, -1.0, 2.0] {
        let ask = |first| {
            let client = client.clone();
            let mut features = numbers(8, COLUMNS);
            features[0] = first;
            tokio::spawn(async move { (client.query(&features).await, features) })
        };
        let asked: Vec<_> = [0.1, poison, 0.2, 0.3].into_iter().map(ask).collect();
        for asked in asked {
            match asked.await.unwrap() {
                (Ok(Answer::Logits { values, .. }), features) => {
                    assert_ne!(features[0], poison);
                    assert_eq!(values, logits(OLD, &features));
                }
                (Err(Error::Refused(refusal)), features) => {
                    assert_eq!((refusal.code, features[0]), (Code::HeadFailed, poison));
                }
                (other, _) => panic!("{other:?}"),
            }
        }
    }
}
