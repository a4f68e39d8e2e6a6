//! Every bad input has its own refusal, and the next good request its answer.

use tacit_serve::message::{PREAMBLE, Reply, read_reply, write_request};
use tacit_serve::{Answer, Client, Clients, Code, Encoding, Error, FeatureRule, Model, Refusal};

use crate::place::{CLIP, COLUMNS, NEW, OLD, Place, head, logits, numbers, rule, wide};

async fn refusal(client: &Client, request: Vec<u8>) -> Refusal {
    match read_reply(&client.exchange(request).await.unwrap()).unwrap() {
        Reply::Refused(refusal) => refusal,
        Reply::Answered(..) => panic!("answered"),
    }
}

fn good() -> Vec<u8> {
    write_request(&OLD, &rule(), &numbers(1, 2 * COLUMNS)).unwrap()
}

fn changed(at: usize, bytes: &[u8]) -> Vec<u8> {
    let mut request = good();
    request[at..at + bytes.len()].copy_from_slice(bytes);
    request
}

#[tokio::test]
async fn every_malformed_request_is_refused_by_name() {
    let mut limits = wide();
    limits.max_rows = 64;
    limits.max_body_bytes = 4096;
    let place = Place::new(limits);
    let client = place.client("a", OLD);
    let number = |x: f32| changed(PREAMBLE + 4 * COLUMNS, &x.to_le_bytes());
    let whole = good();
    let cases = [
        ("nothing", vec![], Code::Length),
        ("half a preamble", whole[..30].to_vec(), Code::Length),
        (
            "a page of text",
            b"hello, is this a web server? ".repeat(3),
            Code::NotAMessage,
        ),
        ("a future format", changed(8, &[2]), Code::FormatVersion),
        ("an answer", changed(9, &[2]), Code::Kind),
        (
            "levels where floats belong",
            changed(10, &[1]),
            Code::DataType,
        ),
        ("an unknown type", changed(10, &[7]), Code::DataType),
        ("a reserved byte", changed(11, &[1]), Code::DataType),
        ("no rows", changed(12, &0u32.to_le_bytes()), Code::Shape),
        (
            "one column less",
            changed(16, &7u32.to_le_bytes()),
            Code::Shape,
        ),
        ("no columns", changed(16, &0u32.to_le_bytes()), Code::Shape),
        (
            "a batch too large",
            changed(12, &65u32.to_le_bytes()),
            Code::BatchTooLarge,
        ),
        (
            "a huge claimed length",
            changed(12, &u32::MAX.to_le_bytes()),
            Code::BatchTooLarge,
        ),
        (
            "more rows than follow",
            changed(12, &3u32.to_le_bytes()),
            Code::Length,
        ),
        (
            "a body cut short",
            whole[..whole.len() - 1].to_vec(),
            Code::Length,
        ),
        ("a byte too many", [&whole[..], &[0]].concat(), Code::Length),
        (
            "a body beyond all bounds",
            [&whole[..], &[0; 5000]].concat(),
            Code::BodyTooLarge,
        ),
        ("not a number", number(f32::NAN), Code::NotFinite),
        ("infinite", number(f32::NEG_INFINITY), Code::NotFinite),
        (
            "just beyond the clip",
            number(2.000_000_2),
            Code::OutOfRange,
        ),
        ("far below", number(-1e30), Code::OutOfRange),
        ("another version", changed(20, &NEW.0), Code::ModelVersion),
    ];
    let features = numbers(9, COLUMNS);
    for (what, request, code) in cases {
        let refused = refusal(&client, request).await;
        assert_eq!(refused.code, code, "{what}: {refused}");
        assert!(!refused.text.is_empty());
        let answer = client.query(&features).await.unwrap();
        assert!(
            matches!(answer, Answer::Logits { values, .. } if values == logits(OLD, &features))
        );
    }
    let metrics = place.server().metrics();
    assert_eq!(metrics.refusals(Code::NotFinite), 2);
    assert_eq!(metrics.answers(), 22);
}

#[tokio::test]
async fn a_level_beyond_the_last_is_refused() {
    let rule = FeatureRule::new(COLUMNS, CLIP, Encoding::Quantised { levels: 16 }).unwrap();
    let model = Model::new(head(1), OLD, rule).unwrap();
    let place = Place::with(wide(), model, rule, |authority, _| Clients::Certificates {
        authorities: vec![authority.certificate()],
        revoked: vec![],
    });
    let client = place.client("a", OLD);
    let mut request = write_request(&OLD, &rule, &numbers(1, COLUMNS)).unwrap();
    request[PREAMBLE + 3] = 16;
    let refused = refusal(&client, request).await;
    assert_eq!(refused.code, Code::OutOfRange);
    assert!(refused.text.contains("column 3"), "{}", refused.text);
    let floats = refusal(&client, good()).await;
    assert_eq!(floats.code, Code::DataType);
}

#[tokio::test]
async fn a_client_of_another_version_is_told_both() {
    let place = Place::new(wide());
    match place.client("a", NEW).query(&numbers(1, COLUMNS)).await {
        Err(Error::Refused(refusal)) => {
            assert_eq!(refusal.code, Code::ModelVersion);
            assert!(refusal.text.contains(&OLD.to_string()));
            assert!(refusal.text.contains(&NEW.to_string()));
        }
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn what_a_server_would_refuse_is_not_sent() {
    let place = Place::new(wide());
    let client = place.client("a", OLD);
    for (features, code) in [
        (vec![], Code::Shape),
        (vec![0.0; COLUMNS + 1], Code::Shape),
        (vec![f32::NAN; COLUMNS], Code::NotFinite),
        (vec![CLIP * 1.01; COLUMNS], Code::OutOfRange),
    ] {
        match client.query(&features).await {
            Err(Error::Features(refusal)) => assert_eq!(refusal.code, code),
            other => panic!("{other:?}"),
        }
    }
}
