//! The same training over sockets: every party on threads of its own, a hub between them.

use std::net::{SocketAddr, TcpListener};
use std::sync::Arc;
use std::thread;
use std::time::{Duration, SystemTime};

use tacit_identity::{Identity, SignedRoster, SiteRole};
use tacit_report::measure::Stopwatch;
use tacit_session::plan::Plan;
use tacit_session::{Approval, Nonce, PartyIndex, Seat, Topology};
use tacit_transport::grpc::shaped::{Carried, Passage, Shape, ShapedLinks, To};
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

/// The passages of all sites' links.
struct Roads {
    passages: Vec<Passage>,
    /// By which passage each site dials.
    out: Vec<Option<usize>>,
}

impl Roads {
    /// From every site to the hub; or to its parent, out over its own link and in over the parent's.
    fn new(training: &Training, hub: Option<SocketAddr>, relays: &[Option<SocketAddr>]) -> Self {
        let mut passages = Vec::new();
        let mut into = vec![None; relays.len()];
        for (link, relay) in relays.iter().enumerate() {
            if let Some(relay) = relay {
                into[link] = Some(passages.len());
                let to = To::Address(*relay);
                passages.push(Passage {
                    link,
                    inward: true,
                    to,
                });
            }
        }
        let mut out = Vec::new();
        for link in 0..training.agreed.parties.len() {
            let above = || into.get(training.parent(link)?).copied().flatten();
            let to = hub.map(To::Address).or_else(|| above().map(To::Passage));
            out.push(to.map(|to| {
                passages.push(Passage {
                    link,
                    inward: false,
                    to,
                });
                passages.len() - 1
            }));
        }
        Self { passages, out }
    }
}

impl Training {
    fn topology(&self) -> (Topology, u16) {
        let parties = u16::try_from(self.agreed.parties.len()).unwrap_or(u16::MAX);
        (self.agreed.topology.into(), parties)
    }

    fn parent(&self, place: usize) -> Option<usize> {
        let (topology, parties) = self.topology();
        let place = PartyIndex(u16::try_from(place).ok()?);
        topology.parent(place, parties).map(PartyIndex::as_usize)
    }

    /// Free addresses for the parties that have children.
    fn relays(&self) -> Result<Vec<Option<SocketAddr>>, Error> {
        let (topology, parties) = self.topology();
        let mut relays = Vec::new();
        for party in (0..parties).map(PartyIndex) {
            let has_children = topology.children(party, parties).next().is_some();
            // Free until the party takes it, unless another program is as quick.
            let free = || TcpListener::bind("127.0.0.1:0")?.local_addr();
            let relay = has_children.then(free).transpose();
            relays.push(relay.failed(|| "no address is free")?);
        }
        Ok(relays)
    }

    /// All parties, and the hub unless they dial each other directly, as threads of this process that speak
    /// gRPC over mutual TLS, each party over a link of this shape if there is one. Handshakes and farewells are
    /// in the time.
    pub(super) fn over_sockets(
        &self,
        shape: Option<Shape>,
        direct: bool,
        console: &Console,
    ) -> Result<OverSockets, Error> {
        let members = Members::of(&self.agreed)?;
        let (parties, _shelf) = self.parties(members.seats(&self.agreed)?)?;
        let Members {
            parties: identities,
            hub,
            roster,
        } = members;
        let names: Vec<_> = identities.iter().map(|i| i.name().to_owned()).collect();
        let (mut hub, relays) = match direct {
            true => (None, self.relays()?),
            false => {
                let hub = Hub::new(hub, roster.clone(), HubLimits::default(), |_| {})
                    .failed(|| "the hub does not start")?;
                let hub = HubThread::start(hub, "127.0.0.1:0");
                (Some(hub.failed(|| "the hub does not listen")?), Vec::new())
            }
        };
        let roads = Roads::new(self, hub.as_ref().map(HubThread::address), &relays);
        let links = (shape
            .map(|shape| ShapedLinks::with(&roads.passages, shape))
            .transpose())
        .failed(|| "the links cannot be opened")?;
        let mut sites = Vec::with_capacity(names.len());
        for (place, identity) in identities.into_iter().enumerate() {
            let above = self.parent(place).filter(|_| direct);
            let plain = match (above, &hub) {
                (Some(above), _) => relays.get(above).copied().flatten(),
                (None, hub) => hub.as_ref().map(HubThread::address),
            };
            let road = roads.out.get(place).copied().flatten();
            let shaped = links.as_ref().zip(road);
            let address = shaped.and_then(|(l, road)| l.addresses().get(road).copied());
            sites.push(Site {
                identity,
                roster: roster.clone(),
                hub: above.map_or(HUB.into(), |above| names[above].clone()),
                address: (address.or(plain)).map_or(String::new(), |a| a.to_string()),
                listen: relays.get(place).copied().flatten().map(|a| a.to_string()),
            });
        }
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
        drop(hub.take());
        let carried = links.iter().flat_map(|links| {
            let all = 0..names.len();
            all.map(|link| links.carried(link))
        });
        Ok(OverSockets {
            ran,
            links: carried.collect(),
        })
    }
}
