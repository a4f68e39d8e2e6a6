//! Nobody gets more of the server than its limits say.

use std::io::{ErrorKind, Read};
use std::net::TcpStream;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use http_body_util::BodyExt;
use hyper::body::{Body, Frame};
use hyper_util::rt::{TokioExecutor, TokioIo};
use rustls::pki_types::ServerName;
use rustls::{ClientConfig, RootCertStore};
use tacit_serve::message::{Reply, read_reply, write_request};
use tacit_serve::{Answer, Clients, Code, Error, PATH, Refusal, TokenList};
use tokio::io::AsyncReadExt;

use crate::gate::gate;
use crate::place::{COLUMNS, OLD, Place, logits, numbers, rule, wide};

fn refused<T: std::fmt::Debug>(outcome: Result<T, Error>) -> Refusal {
    match outcome {
        Err(Error::Refused(refusal)) => refusal,
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn a_client_beyond_its_rate_waits_and_others_do_not() {
    let mut limits = wide();
    (limits.rows_per_second, limits.burst_rows) = (1e-3, 256.0);
    let place = Place::new(limits);
    let greedy = place.client("greedy", OLD);
    greedy.query(&numbers(1, 255 * COLUMNS)).await.unwrap();
    let two = numbers(2, 2 * COLUMNS);
    let refusal = refused(greedy.query(&two).await);
    assert_eq!(refusal.code, Code::RateLimited);
    assert!(refusal.retry_after.unwrap() > Duration::from_secs(900));
    // What is malformed costs one row.
    let reply = greedy.exchange(vec![0; 60]).await.unwrap();
    let Reply::Refused(malformed) = read_reply(&reply).unwrap() else {
        panic!("answered");
    };
    assert_eq!(malformed.code, Code::NotAMessage);
    let refusal = refused(greedy.query(&two[..COLUMNS]).await);
    assert_eq!(refusal.code, Code::RateLimited);
    // The same client under a new certificate of the same name is the same client.
    let again = place.client("greedy", OLD);
    assert_eq!(refused(again.query(&two).await).code, Code::RateLimited);
    place.client("modest", OLD).query(&two).await.unwrap();
}

#[tokio::test]
async fn the_same_row_is_answered_so_often_and_no_more() {
    let mut limits = wide();
    limits.repeats.same = 3;
    let place = Place::new(limits);
    let client = place.client("a", OLD);
    let row = numbers(1, COLUMNS);
    for _ in 0..3 {
        client.query(&row).await.unwrap();
    }
    let refusal = refused(client.query(&row).await);
    assert_eq!(refusal.code, Code::Repeated);
    assert!(refusal.retry_after.is_some());
    client.query(&numbers(2, COLUMNS)).await.unwrap();
    place.client("b", OLD).query(&row).await.unwrap();
}

#[tokio::test]
async fn a_full_queue_refuses_and_those_in_it_are_answered() {
    let mut limits = wide();
    (limits.queue, limits.batch_rows) = (1, 1);
    let (model, entered, open) = gate(OLD);
    let place = Place::with(limits, model, rule(), |authority, _| {
        Clients::Certificates {
            authorities: vec![authority.certificate()],
            revoked: vec![],
        }
    });
    let client = Arc::new(place.client("a", OLD));
    let ask = || {
        let client = client.clone();
        tokio::spawn(async move { client.query(&numbers(1, COLUMNS)).await })
    };
    let first = ask();
    let entered = tokio::task::spawn_blocking(move || entered.recv().map(|_| entered));
    let _entered = entered.await.unwrap().unwrap();
    // The head is busy, one request may wait: of two more, one is refused at once.
    let (mut second, mut third) = (ask(), ask());
    let (early, late) = tokio::select! {
        early = &mut second => (early, third),
        early = &mut third => (early, second),
    };
    assert_eq!(refused(early.unwrap()).code, Code::Overloaded);
    drop(open);
    for asked in [first, late] {
        let answer = asked.await.unwrap().unwrap();
        assert!(
            matches!(answer, Answer::Logits { values, .. } if values == logits(OLD, &numbers(1, COLUMNS)))
        );
    }
}

/// Whether the other side closed: nothing to read, or a reset.
fn closed(read: std::io::Result<usize>) -> bool {
    match read {
        Ok(count) => count == 0,
        Err(error) => error.kind() != ErrorKind::WouldBlock,
    }
}

#[test]
fn who_does_not_speak_is_hung_up_on() {
    let mut limits = wide();
    limits.handshake_timeout_ms = 30;
    let place = Place::new(limits);
    let mut silent = TcpStream::connect(&place.address).unwrap();
    assert!(closed(silent.read(&mut [0; 8])));
    assert_eq!(place.server().metrics().handshakes_failed(), 1);
}

#[test]
fn connections_beyond_the_limit_are_closed_at_once() {
    let mut limits = wide();
    limits.max_connections = 2;
    let place = Place::new(limits);
    let held: Vec<TcpStream> = (0..2)
        .map(|_| TcpStream::connect(&place.address).unwrap())
        .collect();
    let mut third = TcpStream::connect(&place.address).unwrap();
    assert!(closed(third.read(&mut [0; 8])));
    assert_eq!(place.server().metrics().connections_turned_away(), 1);
    drop(held);
}

/// Sends a beginning and then nothing more.
struct Stalled(Option<Bytes>);

impl Body for Stalled {
    type Data = Bytes;
    type Error = std::convert::Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Self::Error>>> {
        match self.0.take() {
            Some(bytes) => Poll::Ready(Some(Ok(Frame::data(bytes)))),
            None => Poll::Pending,
        }
    }
}

async fn raw(place: &Place) -> tokio_rustls::client::TlsStream<tokio::net::TcpStream> {
    let mut roots = RootCertStore::empty();
    roots.add(place.authority.certificate()).unwrap();
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let mut tls = ClientConfig::builder_with_provider(provider)
        .with_protocol_versions(&[&rustls::version::TLS13])
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
    tls.alpn_protocols = vec![b"h2".to_vec()];
    let stream = tokio::net::TcpStream::connect(&place.address)
        .await
        .unwrap();
    let name = ServerName::try_from("localhost").unwrap();
    let connector = tokio_rustls::TlsConnector::from(Arc::new(tls));
    connector.connect(name, stream).await.unwrap()
}

#[tokio::test]
async fn a_body_that_does_not_come_is_not_waited_for() {
    let mut limits = wide();
    limits.body_timeout_ms = 30;
    let place = Place::with_tokens(limits);
    let stream = TokioIo::new(raw(&place).await);
    let (mut sender, driver) = hyper::client::conn::http2::handshake(TokioExecutor::new(), stream)
        .await
        .unwrap();
    let driver = tokio::spawn(driver);
    let whole = write_request(&OLD, &rule(), &numbers(1, COLUMNS)).unwrap();
    for sent in [0, 20, 60] {
        let request = http::Request::post(format!("https://localhost{PATH}"))
            .header("authorization", format!("Bearer {}", place.token.reveal()))
            .body(Stalled(Some(Bytes::copy_from_slice(&whole[..sent]))))
            .unwrap();
        let response = sender.send_request(request).await.unwrap();
        assert_eq!(response.status(), 408);
        let body = response.into_body().collect().await.unwrap().to_bytes();
        let Reply::Refused(refusal) = read_reply(&body).unwrap() else {
            panic!("answered");
        };
        assert_eq!(refusal.code, Code::TooSlow);
    }
    drop(sender);
    let _ = driver.await;
}

#[tokio::test]
async fn only_one_place_is_served() {
    let place = Place::with_tokens(wide());
    let stream = TokioIo::new(raw(&place).await);
    let (mut sender, driver) = hyper::client::conn::http2::handshake(TokioExecutor::new(), stream)
        .await
        .unwrap();
    tokio::spawn(driver);
    for (method, path) in [("GET", PATH), ("POST", "/"), ("POST", "/metrics")] {
        let request = http::Request::builder()
            .method(method)
            .uri(format!("https://localhost{path}"))
            .body(Stalled(Some(Bytes::new())))
            .unwrap();
        let response = sender.send_request(request).await.unwrap();
        assert_eq!(response.status(), 404, "{method} {path}");
    }
}

#[tokio::test]
async fn an_idle_connection_is_closed_and_the_client_opens_another() {
    let mut limits = wide();
    limits.idle_timeout_ms = 30;
    let place = Place::with_tokens(limits);
    // One that never says what it wants.
    let mut silent = raw(&place).await;
    let mut bytes = [0; 256];
    while !closed(silent.read(&mut bytes).await) {}
    // One that asked and then rests.
    let client = place.client_with(&place.token);
    for seed in 0..3 {
        let features = numbers(seed, COLUMNS);
        let answer = client.query(&features).await.unwrap();
        assert!(
            matches!(answer, Answer::Logits { values, .. } if values == logits(OLD, &features))
        );
        // Another silent connection is closed after one to two idle times; so is the client's.
        let mut silent = raw(&place).await;
        while !closed(silent.read(&mut bytes).await) {}
    }
}

#[test]
fn a_list_without_tokens_lets_nobody_in() {
    let place = Place::with(wide(), crate::place::model(OLD), rule(), |_, _| {
        Clients::Tokens(TokenList::from_toml("").unwrap())
    });
    let settings = place.client_settings("a", OLD);
    let client = tacit_serve::blocking::Client::new(settings).unwrap();
    let refusal = refused(client.query(&numbers(1, COLUMNS)));
    assert_eq!(refusal.code, Code::TokenMissing);
}
