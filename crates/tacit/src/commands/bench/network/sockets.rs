//! The same training over sockets: every party on threads of its own, a hub between them.

use std::sync::Arc;
use std::thread;
use std::time::{Duration, SystemTime};

use tacit_identity::{Identity, SignedRoster, SiteRole};
use tacit_report::measure::Stopwatch;
use tacit_session::plan::Plan;
use tacit_session::{Approval, Nonce, Seat};
use tacit_transport::grpc::shaped::{Carried, Shape, ShapedLinks};
use tacit_transport::grpc::{Hub, HubLimits, HubThread, Site, SiteOptions, run};

use super::training::{Ran, Training};
use crate::error::Context;
use crate::{Console, Error};

/// The hub's name in the roster.
const HUB: &str = "hub";
/// How long the keys of a measurement are valid.
const VALID: Duration = Duration::from_secs(7 * 86_400);
/// No measurement takes longer.
const DEADLINE: Duration = Duration::from_secs(4 * 3600);

/// What a run over sockets found.
pub(super) struct OverSockets {
    pub(super) ran: Ran,
    /// What each site's link carried, TLS and all; empty without shaped links.
    pub(super) links: Vec<Carried>,
}

/// Everyone's identities under one roster.
struct Members {
    parties: Vec<Identity>,
    hub: Identity,
    roster: Arc<SignedRoster>,
}

impl Members {
    /// New identities for everybody in a plan, and a hub.
    fn of(plan: &Plan) -> Result<Self, Error> {
        let failed = || "identities cannot be made";
        let now = SystemTime::now();
        let new = |name: &str, role| Identity::generate(name, role, now, VALID).failed(failed);
        let mut parties = Vec::with_capacity(plan.parties.len());
        for party in &plan.parties {
            parties.push(new(&party.name, SiteRole::Party)?);
        }
        let hub = new(HUB, SiteRole::Hub)?;
        let mut requests: Vec<_> = parties.iter().map(Identity::request).collect();
        requests.push(hub.request());
        for querier in &plan.queriers {
            requests.push(new(&querier.name, SiteRole::Querier)?.request());
        }
        let issuer = hub.session_key();
        let roster = SignedRoster::issue(&issuer, 1, &requests, vec![], now, VALID);
        let roster = Arc::new(roster.failed(failed)?);
        Ok(Self {
            parties,
            hub,
            roster,
        })
    }

    fn seats(&self, plan: &Plan) -> Result<Vec<Seat>, Error> {
        let failed = || "a party has no seat";
        let digest = plan.digest().failed(failed)?;
        let members = self.roster.session();
        let mut seats = Vec::with_capacity(self.parties.len());
        for party in &self.parties {
            let key = party.session_key();
            let approval = Approval::sign(&key, digest, members.digest());
            let nonce = Nonce::fresh().failed(failed)?;
            let seat = Seat::new(members.clone(), plan, key, approval, nonce);
            seats.push(seat.failed(failed)?);
        }
        Ok(seats)
    }
}

impl Training {
    /// All parties and the hub as threads of this process that speak gRPC over mutual TLS, each party over
    /// a link of this shape if there is one. Handshakes and farewells are in the time.
    pub(super) fn over_sockets(
        &self,
        shape: Option<Shape>,
        console: &Console,
    ) -> Result<OverSockets, Error> {
        let members = Members::of(&self.agreed)?;
        let parties = self.parties(members.seats(&self.agreed)?)?;
        let Members {
            parties: identities,
            hub,
            roster,
        } = members;
        let hub = Hub::new(hub, roster.clone(), HubLimits::default(), |_| {})
            .failed(|| "the hub does not start")?;
        let hub = HubThread::start(hub, "127.0.0.1:0").failed(|| "the hub does not listen")?;
        let links = shape
            .map(|shape| ShapedLinks::open(hub.address(), identities.len(), shape))
            .transpose()
            .failed(|| "the links cannot be opened")?;
        let sites = identities.into_iter().enumerate().map(|(place, identity)| {
            let shaped = links.as_ref().and_then(|l| l.addresses().get(place));
            Site {
                identity,
                roster: roster.clone(),
                hub: HUB.into(),
                address: shaped.copied().unwrap_or(hub.address()).to_string(),
            }
        });
        let sites: Vec<_> = sites.collect();
        let options = SiteOptions {
            deadline: Some(DEADLINE),
            ..SiteOptions::default()
        };
        let what = if shape.is_some() {
            "shaped links"
        } else {
            "loopback"
        };
        let _shown = console.progress().phase(what, 0);
        let watch = Stopwatch::start();
        let ended = thread::scope(|scope| {
            let run = |(party, site)| {
                let options = options.clone();
                let desk = thread::Builder::new().name("desk".into());
                desk.spawn_scoped(scope, move || run(party, &site, &options, |_| {}))
            };
            let running: Vec<_> = parties.into_iter().zip(sites).map(run).collect();
            let ended = running.into_iter().map(|thread| Ok(thread?.join()));
            ended.collect::<std::io::Result<Vec<_>>>()
        });
        let ended = ended.failed(|| "a party has no thread")?;
        let mut root = None;
        for ended in ended {
            let ended = ended.map_err(|_| Error::failed("a party's thread panicked"))?;
            let party = ended.failed(|| "the training over sockets stopped")?;
            root.get_or_insert(party);
        }
        let root = root.ok_or_else(|| Error::failed("there are no parties"))?;
        let ran = Ran::of(&watch, &root)?;
        let carried = links.iter().flat_map(|links| {
            let all = 0..links.addresses().len();
            all.map(|link| links.carried(link))
        });
        Ok(OverSockets {
            ran,
            links: carried.collect(),
        })
    }
}
