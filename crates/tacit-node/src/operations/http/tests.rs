//! Over real sockets, also with peers that misbehave.

use std::io::{ErrorKind, Read, Write};
use std::net::TcpStream;

use tacit_identity::SiteRole;
use tacit_transport::grpc::{Census, RefusalClass};

use super::*;
use crate::operations::Snapshot;
use crate::status::NodeStatus;

fn config() -> OperationsConfig {
    OperationsConfig {
        listen: "127.0.0.1:0".into(),
        stalled_after_seconds: 300,
        anyone: false,
    }
}

fn training() -> Operations {
    let operations = Operations::default();
    let now = seconds(SystemTime::now());
    let mut status = NodeStatus {
        site: "hospital-a".into(),
        plan: "a \"plan\"\\\nof two lines".into(),
        waiting_on: vec!["hospital-b".into()],
        late: vec!["hospital-b".into()],
        attached: true,
        ..NodeStatus::default()
    };
    status.begin(0, "training", now);
    (status.round, status.rounds) = (7, Some(20));
    status.waiting_on = vec!["hospital-b".into()];
    status.late = status.waiting_on.clone();
    status.faults_by_kind.insert("bad-signature".into(), 3);
    let mut board = operations.board();
    board.snapshot = Snapshot {
        role: Some(SiteRole::Party),
        status,
        roster_serial: 4,
        certificate_ends: now + 86_400,
        roster_ends: now + 86_400,
        ..Snapshot::default()
    };
    drop(board);
    operations
}

/// Sends bytes and reads until the other side closes.
fn exchange(server: &Server, bytes: &[u8]) -> String {
    let mut stream = TcpStream::connect(server.address()).unwrap();
    // A server that has seen enough may close before everything is written.
    let _ = stream.write_all(bytes);
    let mut answer = Vec::new();
    match stream.read_to_end(&mut answer) {
        Err(error) if error.kind() != ErrorKind::ConnectionReset => panic!("{error}"),
        _ => String::from_utf8(answer).unwrap(),
    }
}

fn get(server: &Server, path: &str) -> (u16, String) {
    let answer = exchange(
        server,
        format!("GET {path} HTTP/1.1\r\nhost: x\r\n\r\n").as_bytes(),
    );
    let (head, body) = answer.split_once("\r\n\r\n").unwrap();
    let status = head.split(' ').nth(1).unwrap().parse().unwrap();
    (status, body.to_owned())
}

/// A sample of an exposition: its name with labels, and its value. Panics at what is not one.
fn samples(text: &str) -> Vec<(String, f64)> {
    let mut lines = text.lines().peekable();
    let mut kinds = std::collections::HashMap::new();
    let mut found = Vec::new();
    while let Some(line) = lines.next() {
        if line == "# EOF" {
            assert!(lines.peek().is_none(), "lines after the end");
            return found;
        }
        if let Some(comment) = line.strip_prefix("# ") {
            let words: Vec<_> = comment.splitn(3, ' ').collect();
            if words[0] == "TYPE" {
                assert!(["gauge", "counter", "info"].contains(&words[2]), "{line}");
                let before = kinds.insert(words[1].to_owned(), words[2].to_owned());
                assert!(before.is_none(), "{line} comes twice");
            } else {
                assert_eq!(words[0], "HELP", "{line}");
            }
            continue;
        }
        let (name, value) = line.rsplit_once(' ').unwrap_or_else(|| panic!("{line}"));
        let metric = name.split('{').next().unwrap();
        let plain = |c: char| c.is_ascii_lowercase() || c == '_';
        assert!(metric.chars().all(plain), "{line}");
        let family = metric.trim_end_matches("_total").trim_end_matches("_info");
        let kind = kinds
            .get(family)
            .unwrap_or_else(|| panic!("{line}: no type"));
        assert_eq!(metric.ends_with("_total"), kind == "counter", "{line}");
        if let Some(labels) = name.strip_prefix(metric).filter(|l| !l.is_empty()) {
            assert!(labels.starts_with('{') && labels.ends_with("\"}"), "{line}");
        }
        found.push((name.to_owned(), value.parse().unwrap()));
    }
    panic!("no # EOF");
}

fn value(samples: &[(String, f64)], name: &str) -> f64 {
    let found = samples.iter().find(|(n, _)| n == name);
    found
        .unwrap_or_else(|| panic!("no {name} in {samples:?}"))
        .1
}

#[test]
fn a_party_is_scraped_and_the_exposition_parses() {
    let server = Server::start(&config(), training()).unwrap();
    let (status, text) = get(&server, "/metrics");
    assert_eq!(status, 200);
    let samples = samples(&text);
    for (name, expected) in [
        ("tacit_round", 7.0),
        ("tacit_rounds_expected", 20.0),
        ("tacit_attached", 1.0),
        ("tacit_phase{phase=\"training\"}", 1.0),
        ("tacit_phase{phase=\"stopped\"}", 0.0),
        ("tacit_late{party=\"hospital-b\"}", 1.0),
        ("tacit_faults_total{kind=\"bad-signature\"}", 3.0),
        ("tacit_roster_serial", 4.0),
        ("tacit_healthy", 1.0),
        ("tacit_sent_bytes_total", 0.0),
        ("tacit_releases_total", 0.0),
    ] {
        assert_eq!(value(&samples, name), expected, "{name}");
    }
    let left = value(&samples, "tacit_certificate_seconds_left");
    assert!(left > 86_000.0 && left <= 86_400.0);
    // What a plan is called cannot make lines of its own.
    assert!(
        text.contains(r#"plan="a \"plan\"\\\nof two lines""#),
        "{text}"
    );
}

#[test]
fn a_hub_is_scraped_with_every_kind_of_refusal() {
    let operations = Operations::default();
    operations.board().snapshot.role = Some(SiteRole::Hub);
    let mut node = operations.snapshot();
    node.census = Some(Census {
        attached: [("hospital-a".to_owned(), 2)].into(),
        rooms: 2,
        connections: 3,
        refused: [(RefusalClass::Revoked, 5)].into(),
        relayed_bytes: 1 << 40,
        relayed_messages: 9,
    });
    let samples = samples(&metrics::render(&node, 10, 1).unwrap());
    assert_eq!(
        value(&samples, "tacit_hub_attached{party=\"hospital-a\"}"),
        2.0
    );
    let refused = |reason| {
        value(
            &samples,
            &format!("tacit_hub_refused_total{{reason=\"{reason}\"}}"),
        )
    };
    assert_eq!(refused("revoked-certificate"), 5.0);
    assert_eq!(refused("wrong-role"), 0.0);
    assert_eq!(
        value(&samples, "tacit_hub_relayed_bytes_total"),
        (1u64 << 40) as f64
    );
}

#[test]
fn health_and_readiness_are_answered_with_the_reason() {
    let operations = training();
    let server = Server::start(&config(), operations.clone()).unwrap();
    assert_eq!(get(&server, "/healthz"), (200, "training\n".into()));
    assert_eq!(get(&server, "/readyz"), (200, "training\n".into()));
    operations.board().snapshot.status.progressed -= 301;
    let (status, why) = get(&server, "/healthz");
    assert_eq!(status, 503);
    assert!(
        why.contains("no progress") && why.contains("hospital-b"),
        "{why}"
    );
    operations.board().snapshot.status.phase = "stopped".into();
    assert_eq!(get(&server, "/readyz").0, 503);
    assert_eq!(get(&server, "/").0, 404);
    let post = exchange(
        &server,
        b"POST /healthz HTTP/1.1\r\nhost: x\r\ncontent-length: 0\r\n\r\n",
    );
    assert!(post.starts_with("HTTP/1.1 405"), "{post}");
}

#[test]
fn an_address_that_others_can_reach_needs_a_word() {
    let listen = |listen: &str, anyone| {
        let config = OperationsConfig {
            listen: listen.into(),
            anyone,
            ..config()
        };
        Server::start(&config, Operations::default()).map(drop)
    };
    let said = listen("0.0.0.0:0", false).unwrap_err().to_string();
    assert!(
        said.contains("operations.listen") && said.contains("anyone"),
        "{said}"
    );
    listen("0.0.0.0:0", true).unwrap();
    listen("[::1]:0", false)
        .or_else(|e| {
            if e.to_string().contains("os error") {
                Ok(())
            } else {
                Err(e)
            }
        })
        .unwrap();
    let said = listen("no address", false).unwrap_err().to_string();
    assert!(said.contains("operations.listen"), "{said}");
}

#[test]
fn long_garbled_and_silent_requests_are_closed_and_others_answered() {
    let server = Server::start(&config(), training()).unwrap();
    let long = format!("GET /{} HTTP/1.1\r\n", "x".repeat(REQUEST));
    let answer = exchange(&server, long.as_bytes());
    assert!(
        answer.is_empty() || answer.starts_with("HTTP/1.1 4"),
        "{answer}"
    );
    let answer = exchange(&server, &[0x16, 3, 1, 2, 0, 1, 0, 1, 0xff, 0xff].repeat(20));
    assert!(
        answer.is_empty() || answer.starts_with("HTTP/1.1 400"),
        "{answer}"
    );
    let silent: Vec<_> = (0..CONNECTIONS - 1)
        .map(|_| TcpStream::connect(server.address()).unwrap())
        .collect();
    assert_eq!(get(&server, "/healthz").0, 200);
    drop(silent);
}

#[test]
fn connections_over_the_bound_are_closed_at_once_and_silent_ones_after_their_time() {
    let server = Server::start(&config(), training()).unwrap();
    let silent: Vec<_> = (0..CONNECTIONS)
        .map(|_| TcpStream::connect(server.address()).unwrap())
        .collect();
    assert_eq!(
        exchange(&server, b"GET /healthz HTTP/1.1\r\nhost: x\r\n\r\n"),
        ""
    );
    for mut stream in silent {
        // The server gives up, not this side.
        let mut left = Vec::new();
        let _ = stream.read_to_end(&mut left);
    }
    assert_eq!(get(&server, "/healthz").0, 200);
}
