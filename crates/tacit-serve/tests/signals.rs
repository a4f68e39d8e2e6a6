//! A server that runs until it is told to end. Alone in its process: signals reach all of it.
#![cfg(unix)]

#[path = "serving/place.rs"]
#[allow(dead_code)]
mod place;

use std::process::Command;
use std::sync::mpsc::channel;
use std::time::Duration;

use place::{COLUMNS, NEW, OLD, Place, model, numbers, wide};
use tokio::signal::unix::{SignalKind, signal};

fn send(signal: &str) {
    let kill = format!("kill {signal} {}", std::process::id());
    let sent = Command::new("sh").args(["-c", &kill]).status().unwrap();
    assert!(sent.success());
}

#[test]
fn hangup_loads_another_head_and_terminate_ends() {
    // Without a handler the first signal would end the test.
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let inside = runtime.enter();
    let _handlers =
        [SignalKind::hangup(), SignalKind::terminate()].map(|kind| signal(kind).unwrap());
    drop(inside);

    let mut place = Place::new(wide());
    let server = place.server.take().unwrap();
    let (reloaded, reloads) = channel();
    let running = std::thread::spawn(move || {
        server.run(|server| {
            server.reload(model(NEW));
            let _ = reloaded.send(());
            Ok(())
        })
    });
    // The first may come before the server listens for it.
    let wait = Duration::from_millis(50);
    while reloads.recv_timeout(wait).is_err() {
        send("-HUP");
    }
    for version in [OLD, NEW] {
        let settings = place.client_settings("a", version);
        let client = tacit_serve::blocking::Client::new(settings).unwrap();
        client.query(&numbers(1, COLUMNS)).unwrap();
    }
    send("-TERM");
    assert!(running.join().unwrap().unwrap(), "all requests finished");
}
