//! The end, and what is seen of it from the loopback side.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};

use tacit_serve::{Answer, Clients, Code, Error, Server};

use crate::gate::gate;
use crate::place::{COLUMNS, OLD, Place, logits, model, numbers, rule, wide};

fn get(address: SocketAddr, path: &str) -> (u16, String) {
    let mut stream = TcpStream::connect(address).unwrap();
    write!(stream, "GET {path} HTTP/1.1\r\nhost: localhost\r\n\r\n").unwrap();
    let mut text = String::new();
    stream.read_to_string(&mut text).unwrap();
    let status = text.split(' ').nth(1).unwrap().parse().unwrap();
    let body = text.split_once("\r\n\r\n").unwrap().1.to_owned();
    (status, body)
}

#[tokio::test]
async fn requests_in_flight_are_answered_before_the_end() {
    let (model, entered, open) = gate(OLD);
    let mut place = Place::with(wide(), model, rule(), |authority, _| {
        Clients::Certificates {
            authorities: vec![authority.certificate()],
            revoked: vec![],
        }
    });
    let operator = place.server().operator_address().unwrap();
    let client = place.client("a", OLD);
    let late = place.client("b", OLD);
    let asked = tokio::spawn(async move { client.query(&numbers(1, COLUMNS)).await });
    tokio::task::spawn_blocking(move || entered.recv())
        .await
        .unwrap()
        .unwrap();
    assert_eq!(get(operator, "/health"), (200, "serving\n".into()));
    let server = place.server.take().unwrap();
    let shutdown = tokio::task::spawn_blocking(move || server.shutdown());
    let stopping = move || while get(operator, "/health").0 == 200 {};
    tokio::task::spawn_blocking(stopping).await.unwrap();
    // Nobody new.
    match late.query(&numbers(1, COLUMNS)).await {
        Err(Error::Connection { .. }) => {}
        Err(Error::Refused(refusal)) => assert_eq!(refusal.code, Code::ShuttingDown),
        other => panic!("{other:?}"),
    }
    drop(open);
    let answer = asked.await.unwrap().unwrap();
    let wanted = logits(OLD, &numbers(1, COLUMNS));
    assert!(matches!(answer, Answer::Logits { values, .. } if values == wanted));
    assert!(shutdown.await.unwrap(), "all requests finished");
}

#[test]
fn a_request_that_does_not_finish_does_not_hold_the_server() {
    let mut limits = wide();
    limits.drain_timeout_ms = 20;
    let (model, entered, open) = gate(OLD);
    let mut place = Place::with(limits, model, rule(), |authority, _| {
        Clients::Certificates {
            authorities: vec![authority.certificate()],
            revoked: vec![],
        }
    });
    let settings = place.client_settings("a", OLD);
    let client = tacit_serve::blocking::Client::new(settings).unwrap();
    let asked = std::thread::spawn(move || client.query(&numbers(1, COLUMNS)));
    entered.recv().unwrap();
    assert!(!place.server.take().unwrap().shutdown());
    let outcome = asked.join().unwrap();
    assert!(
        matches!(outcome, Err(Error::Connection { .. })),
        "{outcome:?}"
    );
    drop(open);
}

#[tokio::test]
async fn metrics_count_answers_and_refusals() {
    let place = Place::new(wide());
    let client = place.client("a", OLD);
    client.query(&numbers(1, 5 * COLUMNS)).await.unwrap();
    client.exchange(vec![]).await.unwrap();
    let operator = place.server().operator_address().unwrap();
    let read = move || (get(operator, "/metrics"), get(operator, "/elsewhere"));
    let ((status, text), elsewhere) = tokio::task::spawn_blocking(read).await.unwrap();
    assert_eq!((status, elsewhere.0), (200, 404));
    for line in [
        "tacit_serve_requests_total 2",
        "tacit_serve_answers_total 1",
        "tacit_serve_rows_total 5",
        "tacit_serve_refusals_total{code=\"length\"} 1",
        "tacit_serve_refusals_total{code=\"not_finite\"} 0",
        "tacit_serve_connections_open 1",
        "tacit_serve_queue_requests 0",
        "tacit_serve_answer_seconds_count 1",
        "tacit_serve_answer_seconds_bucket{le=\"+Inf\"} 1",
        "tacit_serve_head_seconds_count 1",
        &format!("tacit_serve_model_info{{version=\"{OLD}\"}} 1"),
    ] {
        assert!(
            text.lines().any(|found| found == line),
            "{line} is not in\n{text}"
        );
    }
    // Every line is a comment or a name with a number.
    for line in text.lines().filter(|line| !line.starts_with('#')) {
        let (name, number) = line.rsplit_once(' ').unwrap();
        assert!(name.starts_with("tacit_serve_"), "{line}");
        assert!(number.parse::<f64>().is_ok(), "{line}");
    }
}

#[test]
fn metrics_are_not_for_the_network() {
    let place = Place::new(wide());
    let settings = tacit_serve::Settings {
        address: "127.0.0.1:0".parse().unwrap(),
        operator: Some("0.0.0.0:0".parse().unwrap()),
        credentials: place.authority.server(&["localhost"]).unwrap(),
        clients: Clients::Certificates {
            authorities: vec![place.authority.certificate()],
            revoked: vec![],
        },
        answers: tacit_serve::Answers::Classes,
        limits: wide(),
    };
    let error = Server::start(settings, model(OLD)).unwrap_err().to_string();
    assert!(error.contains("loopback"), "{error}");
}
