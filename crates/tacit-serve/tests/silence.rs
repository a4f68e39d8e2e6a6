//! Nothing of the features, and no token, is in any log or refusal, whatever is logged.

#[path = "serving/place.rs"]
#[allow(dead_code)]
mod place;

use std::fmt::{Debug, Write};
use std::sync::{Arc, Mutex};

use place::{COLUMNS, OLD, Place, numbers, rule, wide};
use tacit_serve::message::{PREAMBLE, write_request};
use tracing::field::{Field, Visit};
use tracing::{Event, Metadata, Subscriber, span};

/// Writes down every event and span of every crate, at every level.
#[derive(Clone, Default)]
struct Ear(Arc<Mutex<String>>);

struct Line<'a>(&'a mut String);

impl Visit for Line<'_> {
    fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
        let _ = write!(self.0, " {field}={value:?}");
    }
}

impl Subscriber for Ear {
    fn enabled(&self, _: &Metadata<'_>) -> bool {
        true
    }

    fn new_span(&self, attributes: &span::Attributes<'_>) -> span::Id {
        let mut heard = self.0.lock().unwrap();
        let _ = write!(heard, "\n{}", attributes.metadata().name());
        attributes.record(&mut Line(&mut heard));
        span::Id::from_u64(1)
    }

    fn record(&self, _: &span::Id, values: &span::Record<'_>) {
        values.record(&mut Line(&mut self.0.lock().unwrap()));
    }

    fn record_follows_from(&self, _: &span::Id, _: &span::Id) {}

    fn event(&self, event: &Event<'_>) {
        let mut heard = self.0.lock().unwrap();
        let _ = write!(heard, "\n{}", event.metadata().target());
        event.record(&mut Line(&mut heard));
    }

    fn enter(&self, _: &span::Id) {}

    fn exit(&self, _: &span::Id) {}
}

#[test]
fn logs_and_refusals_hold_nothing_of_the_features() {
    let ear = Ear::default();
    tracing::subscriber::set_global_default(ear.clone()).unwrap();
    let place = Place::with_tokens(wide());
    let mut settings = place.client_settings("unused", OLD);
    let token = place.token.reveal().to_owned();
    settings.proof = tacit_serve::Proof::Token(tacit_serve::Token::parse(&token).unwrap());
    let client = tacit_serve::blocking::Client::new(settings).unwrap();

    // A number whose bytes are letters, so that it is found in whatever way it is written.
    let secret = f32::from_le_bytes(*b"Kq7>");
    let mut features = numbers(1, 3 * COLUMNS);
    features[3] = secret;
    client.query(&features).unwrap();
    let request = write_request(&OLD, &rule(), &features).unwrap();
    let mut replies = vec![];
    for (at, bytes) in [
        (PREAMBLE, f32::NAN.to_le_bytes()),
        (PREAMBLE, 9.0f32.to_le_bytes()),
        (12, 2u32.to_le_bytes()),
        (16, 9u32.to_le_bytes()),
        (20, [9; 4]),
        (0, *b"oops"),
    ] {
        let mut broken = request.clone();
        broken[at..at + 4].copy_from_slice(&bytes);
        replies.extend(client.exchange(broken).unwrap());
    }
    drop(client);
    drop(place);

    let heard = ear.0.lock().unwrap();
    for present in ["tacit_serve", "h2", "refused", "out_of_range", "clinic-a"] {
        assert!(heard.contains(present), "{present} was not heard");
    }
    let hex: String = secret
        .to_le_bytes()
        .iter()
        .map(|b| format!("{b:02x}"))
        .collect();
    let list = format!("{:?}", secret.to_le_bytes());
    let list = list.trim_matches(['[', ']']).to_owned();
    for needle in ["Kq7>", &secret.to_string()[..6], &hex, &list, &token] {
        assert!(!heard.contains(needle), "`{needle}` was logged");
    }
    let replies = String::from_utf8_lossy(&replies);
    assert!(!replies.contains("Kq7>") && !replies.contains(&secret.to_string()[..6]));
}
