//! A node's figures in the text format that Prometheus reads (OpenMetrics 1.0).
//!
//! Every scrape is one consistent moment. Names of sites are labels; nothing in it is secret.

use std::fmt;
use std::sync::atomic::AtomicU64;

use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::encoding::text::encode;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::info::Info;
use prometheus_client::registry::Registry;
use tacit_identity::SiteRole;
use tacit_transport::grpc::{Census, RefusalClass};

use super::{Snapshot, health};
use crate::status::NodeStatus;

/// The type that goes with what [`render`] gives.
pub const CONTENT_TYPE: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

type Labels = [(&'static str, String); 1];

/// Phases of a party; exactly one is 1.
const PHASES: [&str; 5] = ["connecting", "training", "serving", "done", "stopped"];

/// Everything there is to scrape; `now` in seconds since 1970.
pub fn render(node: &Snapshot, now: u64, stalled_after: u64) -> Result<String, fmt::Error> {
    let mut all = Figures(Registry::with_prefix("tacit"));
    let role = node.role.map_or("starting".to_owned(), |r| r.to_string());
    let status = &node.status;
    all.info(&[
        ("version", env!("CARGO_PKG_VERSION").to_owned()),
        ("role", role),
        ("site", status.site.clone()),
        ("plan", status.plan.clone()),
    ]);
    let (started, ends) = (status.started, node.certificate_ends as i64);
    let healthy = health::health(node, now, stalled_after).is_ok();
    all.gauge(
        "process_start_time_seconds",
        "Start of this process, since 1970",
        started as i64,
    );
    all.gauge("healthy", "1 while /healthz is 200", healthy.into());
    all.gauge(
        "roster_serial",
        "Serial number of the roster",
        node.roster_serial as i64,
    );
    all.gauge(
        "certificate_seconds_left",
        "Until this site's certificate ends; negative after it",
        ends - now as i64,
    );
    all.gauge(
        "roster_seconds_left",
        "Until the roster ends; negative after it",
        node.roster_ends as i64 - now as i64,
    );
    match (node.role, &node.census) {
        (Some(SiteRole::Party), _) => party(&mut all, status, now),
        (_, Some(census)) => hub(&mut all, census),
        _ => {}
    }
    let mut out = String::new();
    encode(&mut out, &all.0)?;
    Ok(out)
}

fn party(all: &mut Figures, status: &NodeStatus, now: u64) {
    let phases = PHASES.map(|phase| (phase.to_owned(), i64::from(status.phase == phase)));
    all.gauges("phase", "1 at what the node does", "phase", phases);
    let ones = |names: &[String]| -> Vec<_> { names.iter().map(|n| (n.clone(), 1)).collect() };
    all.gauge(
        "session",
        "Session under the plan; 0 trains",
        status.session as i64,
    );
    all.gauge(
        "session_open",
        "1 while a session is under way",
        status.open.into(),
    );
    all.gauge("round", "Number of the open round", status.round.into());
    if let Some(rounds) = status.rounds {
        all.gauge(
            "rounds_expected",
            "Rounds of the session in all",
            rounds.into(),
        );
    }
    if let Some(left) = status.seconds_left().filter(|_| status.open) {
        all.gauge(
            "session_seconds_left",
            "Estimate until the session's end",
            left as i64,
        );
    }
    let still = now.saturating_sub(status.progressed) as i64;
    all.gauge(
        "progress_age_seconds",
        "Since the session last moved",
        still,
    );
    all.gauge(
        "attached",
        "1 while the hub is reached",
        status.attached.into(),
    );
    let help = "1 for each party whose frames are missing for the next step";
    all.gauges("waiting_on", help, "party", ones(&status.waiting_on));
    let help = "1 for each party that has been silent past the plan's deadline";
    all.gauges("late", help, "party", ones(&status.late));
    all.counter(
        "connections_broken",
        "Connections that broke",
        status.broken,
    );
    let faults = status.faults_by_kind.iter().map(|(k, n)| (k.clone(), *n));
    all.counters(
        "faults",
        "Frames of others that were refused",
        "kind",
        faults,
    );
    let help = "Bytes sent, TLS and repetitions included";
    all.counter("sent_bytes", help, status.bytes_sent);
    let help = "Bytes received, TLS and repetitions included";
    all.counter("received_bytes", help, status.bytes_received);
    all.counter(
        "sent_frames",
        "Frames sent, repetitions included",
        status.frames_sent,
    );
    all.counter("received_frames", "Frames received", status.frames_received);
    all.counter("releases", "Lines in the log of releases", status.releases);
}

fn hub(all: &mut Figures, census: &Census) {
    let attached = census
        .attached
        .iter()
        .map(|(n, rooms)| (n.clone(), *rooms as i64));
    let help = "Rooms that a member is attached to";
    all.gauges("hub_attached", help, "party", attached);
    all.gauge(
        "hub_rooms",
        "Rooms, one per session or mailbox",
        census.rooms as i64,
    );
    all.gauge(
        "hub_connections",
        "Connections now",
        census.connections as i64,
    );
    let refused = |class: RefusalClass| {
        let count = census.refused.get(&class).copied();
        (class.to_string(), count.unwrap_or_default())
    };
    let help = "Connections refused";
    all.counters(
        "hub_refused",
        help,
        "reason",
        RefusalClass::ALL.map(refused),
    );
    all.counter(
        "hub_relayed_bytes",
        "Bytes of messages passed on",
        census.relayed_bytes,
    );
    all.counter(
        "hub_relayed_messages",
        "Messages passed on",
        census.relayed_messages,
    );
}

/// A registry of constants.
struct Figures(Registry);

impl Figures {
    fn info<const N: usize>(&mut self, labels: &[(&'static str, String); N])
    where
        [(&'static str, String); N]: EncodeLabelSet + Clone + fmt::Debug + Send + Sync + 'static,
    {
        self.0
            .register("node", "This node", Info::new(labels.clone()));
    }

    fn gauge(&mut self, name: &str, help: &str, value: i64) {
        let gauge: Gauge = Gauge::default();
        gauge.set(value);
        self.0.register(name, help, gauge);
    }

    fn counter(&mut self, name: &str, help: &str, value: u64) {
        let counter: Counter<u64, AtomicU64> = Counter::default();
        counter.inc_by(value);
        self.0.register(name, help, counter);
    }

    fn gauges(
        &mut self,
        name: &str,
        help: &str,
        label: &'static str,
        values: impl IntoIterator<Item = (String, i64)>,
    ) {
        let family: Family<Labels, Gauge> = Family::default();
        for (text, value) in values {
            family.get_or_create(&[(label, text)]).set(value);
        }
        self.0.register(name, help, family);
    }

    fn counters(
        &mut self,
        name: &str,
        help: &str,
        label: &'static str,
        values: impl IntoIterator<Item = (String, u64)>,
    ) {
        let family: Family<Labels, Counter<u64, AtomicU64>> = Family::default();
        for (text, value) in values {
            family.get_or_create(&[(label, text)]).inc_by(value);
        }
        self.0.register(name, help, family);
    }
}
