//! A stream of broken requests beside good ones.

use std::sync::Arc;

use tacit_serve::message::{Reply, read_reply, read_request, write_request};
use tacit_serve::{Answer, Client};

use crate::place::{COLUMNS, OLD, Place, logits, numbers, rule, wide};

/// A sound request with something broken in it, mostly.
fn broken(seed: u64) -> Vec<u8> {
    let rows = 1 + seed as usize % 3;
    let mut request = write_request(&OLD, &rule(), &numbers(seed, rows * COLUMNS)).unwrap();
    let mut bytes = [0; 64];
    blake3::Hasher::new_keyed(&[9; 32])
        .update(&seed.to_le_bytes())
        .finalize_xof()
        .fill(&mut bytes);
    let place = |index: usize, of: usize| {
        usize::from(u16::from_le_bytes([bytes[index], bytes[index + 1]])) % of
    };
    match bytes[0] % 5 {
        0 => request.truncate(place(2, request.len())),
        1 => request.extend(&bytes[..1 + place(2, 60)]),
        2 => {
            let from = place(2, request.len());
            let noise = bytes[8..].iter().zip(&mut request[from..]);
            noise.for_each(|(noise, byte)| *byte = *noise);
        }
        _ => {
            for flip in 0..=place(2, 4) {
                let at = place(4 + 2 * flip, request.len());
                request[at] ^= 1 << (bytes[20 + flip] % 8);
            }
        }
    }
    request
}

async fn good(client: Arc<Client>, first: u64, count: u64) {
    for seed in first..first + count {
        let features = numbers(seed, (1 + seed as usize % 4) * COLUMNS);
        match client.query(&features).await.unwrap() {
            Answer::Logits { values, .. } => assert_eq!(values, logits(OLD, &features)),
            other => panic!("{other:?}"),
        }
    }
}

/// The answer to a broken request is a refusal; to one that is sound all the same, the head's.
async fn bad(client: Arc<Client>, first: u64, count: u64) {
    for seed in first..first + count {
        let request = broken(seed);
        let reply = read_reply(&client.exchange(request.clone()).await.unwrap()).unwrap();
        match (read_request(&request, &rule(), 256), reply) {
            (Ok((preamble, features)), Reply::Answered(version, answer)) => {
                assert_eq!((preamble.model, version), (OLD, OLD));
                let values = logits(OLD, &features);
                assert_eq!(answer, Answer::Logits { values, outputs: 3 });
            }
            // The version is what the server compares and the reader of messages does not.
            (Ok((preamble, _)), Reply::Refused(_)) => assert_ne!(preamble.model, OLD),
            (Err(_), Reply::Refused(_)) => {}
            (Err(refusal), Reply::Answered(..)) => panic!("answered in spite of {refusal}"),
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn broken_requests_harm_no_good_one() {
    let place = Place::new(wide());
    let client = |name| Arc::new(place.client(name, OLD));
    // On the same connections as the good ones, and on their own.
    let (a, b, c) = (client("a"), client("b"), client("c"));
    let tasks = [
        tokio::spawn(good(a.clone(), 0, 300)),
        tokio::spawn(bad(a, 10_000, 300)),
        tokio::spawn(good(b.clone(), 1000, 300)),
        tokio::spawn(bad(b, 20_000, 300)),
        tokio::spawn(bad(c, 30_000, 600)),
    ];
    for task in tasks {
        task.await.unwrap();
    }
}
