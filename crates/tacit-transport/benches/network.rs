//! What the hub, gRPC and TLS cost by themselves: a session of long vectors, no cryptography in the
//! application, all parties and the hub as threads of one process.
//!
//! `cargo bench -p tacit-transport --features grpc --bench network` prints nanoseconds of processor time
//! per byte of a frame and hop from party to party, in memory and through the hub.

mod bulk;

use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant, SystemTime};

use bulk::Bulk;
use tacit_identity::{Identity, SignedRoster, SiteRole};
use tacit_session::plan::{Plan, TopologyPlan};
use tacit_session::simulation::Simulation;
use tacit_session::{Approval, NoJournal, Nonce, Party, Seat};
use tacit_transport::grpc::{Hub, HubLimits, HubThread, Site, SiteOptions, run};
use tacit_transport::memory::{Options, run_local, seats};

const PARTIES: u16 = 5;
const ROUNDS: usize = 20;
const BYTES: usize = 4 << 20;
const DAY: Duration = Duration::from_secs(86_400);

fn bulk(seats: Vec<Seat>) -> Vec<Party<Bulk, NoJournal>> {
    let bulk = |seat| {
        let bulk = Bulk {
            rounds: ROUNDS,
            input: BYTES,
            share: BYTES,
            // One byte of each is looked at.
            add: |into, share| into[0] = into[0].wrapping_add(share[0]),
        };
        Party::new(seat, bulk, NoJournal).unwrap()
    };
    seats.into_iter().map(bulk).collect()
}

fn sockets(plan: &Plan) {
    let now = SystemTime::now();
    let new = |name: &str, role| Identity::generate(name, role, now, DAY).unwrap();
    let party = |p: &tacit_session::plan::PartyPlan| new(&p.name, SiteRole::Party);
    let parties: Vec<_> = plan.parties.iter().map(party).collect();
    let hub = new("hub", SiteRole::Hub);
    let mut requests: Vec<_> = parties.iter().map(Identity::request).collect();
    requests.push(hub.request());
    let queriers = plan.queriers.iter();
    requests.extend(queriers.map(|q| new(&q.name, SiteRole::Querier).request()));
    let roster = SignedRoster::issue(&hub.session_key(), 1, &requests, vec![], now, DAY).unwrap();
    let roster = Arc::new(roster);
    let (digest, members) = (plan.digest().unwrap(), roster.session().clone());
    let seat = |identity: &Identity| {
        let key = identity.session_key();
        let approval = Approval::sign(&key, digest, members.digest());
        Seat::new(
            members.clone(),
            plan,
            key,
            approval,
            Nonce::fresh().unwrap(),
        )
        .unwrap()
    };
    let seated = bulk(parties.iter().map(seat).collect());
    let hub = Hub::new(hub, roster.clone(), HubLimits::default(), |_| {}).unwrap();
    let hub = HubThread::start(hub, "127.0.0.1:0").unwrap();
    thread::scope(|scope| {
        for (party, identity) in seated.into_iter().zip(parties) {
            let site = Site {
                identity,
                roster: roster.clone(),
                hub: "hub".into(),
                address: hub.address().to_string(),
                listen: None,
            };
            let desk = thread::Builder::new().name("desk".into());
            let run = move || run(party, &site, &SiteOptions::default(), |_| {}).map(|_| ());
            desk.spawn_scoped(scope, || run().unwrap()).unwrap();
        }
    });
}

fn main() {
    let plan = Simulation::with_topology(0, PARTIES, TopologyPlan::Star).plan;
    let bytes = (2 * (usize::from(PARTIES) - 1) * ROUNDS * BYTES) as f64;
    let measure = |name: &str, work: &dyn Fn()| {
        let (began, before) = (Instant::now(), processor());
        work();
        let (wall, cpu) = (began.elapsed(), processor() - before);
        println!(
            "{name}: {:.2} ns of processor time a byte, {:.2} ns of wall",
            1e9 * cpu / bytes,
            1e9 * wall.as_secs_f64() / bytes
        );
    };
    for _ in 0..3 {
        measure("in memory", &|| {
            let parties = bulk(seats(&plan).unwrap());
            run_local(parties, &Options::default(), |_| ()).unwrap();
        });
        measure("through the hub", &|| sockets(&plan));
    }
}

/// Processor seconds of this process so far; hundredths.
fn processor() -> f64 {
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap_or_default();
    let fields = stat.rsplit(") ").next().unwrap_or_default().split(' ');
    let ticks = fields
        .skip(11)
        .take(2)
        .filter_map(|t| t.parse::<f64>().ok());
    ticks.sum::<f64>() / 100.0
}
