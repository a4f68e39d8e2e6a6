//! The hub: everyone dials it, it passes on what it can neither read meaningfully nor forge.
//!
//! A hub is a member of the roster without data or key share. It knows the parties by their
//! certificates, keeps sessions apart by rooms, and forwards messages from one party of a room to
//! another, stamped with the sender's place. It stores nothing: what a party misses while it is away
//! it is offered again when it returns.
//!
//! Everything is bounded: connections, time for a handshake and a greeting, rooms, length of a
//! message, messages waiting for one party, bytes per second from one party. Whoever is over a bound
//! loses its connection, the reason is logged, and nobody else notices. Connections that have not shown a
//! certificate are counted apart, by address: however many there are, members find a place.

mod call;
mod rooms;

use std::collections::HashMap;
use std::convert::Infallible;
use std::fmt;
use std::future::Future;
use std::net::{IpAddr, SocketAddr};
use std::sync::atomic::AtomicBool;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use rustls::sign::CertifiedKey;
use tacit_identity::{Identity, SignedRoster, SiteRole};
use tacit_session::PartyIndex;
use tokio::io::{AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::time::{Instant, sleep_until, timeout};
use tokio_rustls::TlsAcceptor;

use super::census::{Census, Counters, RefusalClass};
use super::door::Door;
use super::tls;
use super::wire::{FRAME, READ};
use crate::error::Error;
use call::Call;
use rooms::Room;

/// What a hub allows.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct HubLimits {
    /// Connections of members at a time.
    pub connections: usize,
    /// Connections of one member at a time; a newer one takes the place of its oldest.
    pub per_member: usize,
    /// Connections without a certificate from one address; a newer one takes the place of the oldest.
    pub strangers_per_address: usize,
    /// Connections without a certificate in all.
    pub strangers: usize,
    /// For a TLS handshake.
    pub handshake: Duration,
    /// Rooms, that is sessions, at a time.
    pub rooms: usize,
    /// For the greeting after it; a member's connection that is in no room is closed after twice as long.
    pub greeting: Duration,
    /// Messages of at most 68 KiB that may wait for one party: ten for each of its neighbours.
    pub waiting: usize,
    /// From one party.
    pub bytes_per_second: u64,
    /// A peer that answers no ping for so long is gone.
    pub silence: Duration,
}

impl Default for HubLimits {
    fn default() -> Self {
        Self {
            connections: 4096,
            per_member: 16,
            strangers_per_address: 64,
            strangers: 256,
            handshake: Duration::from_secs(5),
            rooms: 64,
            greeting: Duration::from_secs(10),
            waiting: 2048,
            bytes_per_second: 1 << 30,
            silence: Duration::from_secs(20),
        }
    }
}

/// What a hub has to say about its peers.
#[derive(Clone, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub enum HubEvent {
    /// A party joined its session's room.
    Attached {
        /// Who.
        party: String,
    },
    /// A party left, or its connection broke.
    Detached {
        /// Who.
        party: String,
        /// Why.
        reason: String,
    },
    /// A connection was refused.
    Refused {
        /// From where.
        from: SocketAddr,
        /// Why.
        reason: String,
    },
}

impl fmt::Display for HubEvent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Attached { party } => write!(f, "`{party}` is attached"),
            Self::Detached { party, reason } => write!(f, "`{party}` is gone: {reason}"),
            Self::Refused { from, reason } => write!(f, "{from} is refused: {reason}"),
        }
    }
}

/// A hub: it relays between the parties of a roster, and holds neither data nor keys of theirs.
pub struct Hub {
    name: String,
    shown: Arc<CertifiedKey>,
    roster: Arc<SignedRoster>,
    limits: HubLimits,
    /// The only ones that are let in, where a party relays for its children.
    children: Option<Vec<PartyIndex>>,
    closed: AtomicBool,
    rooms: Mutex<HashMap<[u8; 32], Room>>,
    counters: Counters,
    strangers: Arc<Door<IpAddr>>,
    members: Arc<Door<PartyIndex>>,
    log: Box<dyn Fn(HubEvent) + Send + Sync>,
}

impl fmt::Debug for Hub {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Hub({}, {:?})", self.name, self.limits)
    }
}

impl Hub {
    /// A hub with this identity; `log` hears what happens.
    pub fn new(
        identity: Identity,
        roster: Arc<SignedRoster>,
        limits: HubLimits,
        log: impl Fn(HubEvent) + Send + Sync + 'static,
    ) -> Result<Arc<Self>, Error> {
        Self::relaying(&identity, SiteRole::Hub, None, roster, limits, log)
    }

    /// The relay of a party for its children in the plan's tree.
    pub(super) fn for_children(
        identity: &Identity,
        children: Vec<PartyIndex>,
        roster: Arc<SignedRoster>,
        log: impl Fn(HubEvent) + Send + Sync + 'static,
    ) -> Result<Arc<Self>, Error> {
        let limits = HubLimits::default();
        let children = Some(children);
        Self::relaying(identity, SiteRole::Party, children, roster, limits, log)
    }

    fn relaying(
        identity: &Identity,
        role: SiteRole,
        children: Option<Vec<PartyIndex>>,
        roster: Arc<SignedRoster>,
        limits: HubLimits,
        log: impl Fn(HubEvent) + Send + Sync + 'static,
    ) -> Result<Arc<Self>, Error> {
        let now = std::time::SystemTime::now();
        roster.admit(identity.certificate().der(), now, role)?;
        // Fails now rather than at the first connection.
        let shown = tls::shown(identity)?;
        tls::server(shown.clone(), roster.clone())?;
        Ok(Arc::new(Self {
            name: identity.name().to_owned(),
            shown,
            roster,
            limits,
            children,
            closed: AtomicBool::new(false),
            rooms: Mutex::new(HashMap::new()),
            counters: Counters::default(),
            strangers: Door::new(limits.strangers_per_address, limits.strangers),
            members: Door::new(limits.per_member, limits.connections),
            log: Box::new(log),
        }))
    }

    /// Serves until `stop` is done. Connections end with it.
    pub async fn serve(
        self: Arc<Self>,
        listener: TcpListener,
        stop: impl Future<Output = ()>,
    ) -> Result<(), Error> {
        let mut tasks = tokio::task::JoinSet::new();
        tokio::pin!(stop);
        loop {
            while tasks.try_join_next().is_some() {}
            let (socket, from) = tokio::select! {
                () = &mut stop => return Ok(()),
                accepted = listener.accept() => match accepted {
                    Ok(accepted) => accepted,
                    // The connection is lost or descriptors ran out; others go on.
                    Err(error) => {
                        let from = SocketAddr::from(([0, 0, 0, 0], 0));
                        self.refuse(from, RefusalClass::System, format!("accept: {error}"));
                        sleep_until(Instant::now() + Duration::from_millis(50)).await;
                        continue;
                    }
                },
            };
            tasks.spawn(self.clone().connection(socket, from));
        }
    }

    async fn connection(self: Arc<Self>, socket: TcpStream, from: SocketAddr) {
        let _open = self.counters.open();
        let tls = tls::server(self.shown.clone(), self.roster.clone());
        let (config, verdict) = match tls {
            Ok(tls) => tls,
            Err(error) => return self.refuse(from, RefusalClass::System, error.to_string()),
        };
        let _ = socket.set_nodelay(true);
        let socket = BufReader::with_capacity(READ, socket);
        let (stranger, mut crowded_out) = self.strangers.enter(from.ip());
        let handshake = TlsAcceptor::from(Arc::new(config)).accept(socket);
        let handshake = timeout(self.limits.handshake, handshake.into_fallible());
        let shaken = tokio::select! {
            shaken = handshake => shaken,
            _ = &mut crowded_out => {
                let reason = "no TLS handshake yet, and too many newer connections like it";
                return self.refuse(from, RefusalClass::Limit, reason.into());
            }
        };
        let stream = match shaken {
            Ok(Ok(stream)) => stream,
            Ok(Err((error, socket))) => {
                self.refuse(from, verdict.class(&error), verdict.explain(&error));
                tokio::select! {
                    () = self.part_from(socket) => {}
                    _ = crowded_out => {}
                }
                return;
            }
            Err(_) => {
                let reason = "no TLS handshake in time".into();
                return self.refuse(from, RefusalClass::Silent, reason);
            }
        };
        drop(stranger);
        let shown = stream.get_ref().1.peer_certificates();
        let fingerprint = shown
            .and_then(<[_]>::first)
            .map(|der| tacit_session::Digest::of(der));
        let sites = self.roster.sites();
        let site = sites.iter().find(|s| Some(s.certificate) == fingerprint);
        let Some((party, name)) = site.and_then(|s| Some((self.roster.place(s)?, &s.name))) else {
            let reason = "no certificate of a party or querier".into();
            return self.refuse(from, RefusalClass::Unknown, reason);
        };
        if let Some(children) = &self.children
            && !children.contains(&party)
        {
            let problem = format!("`{name}` is no child of `{}` in the plan's tree", self.name);
            return self.refuse(from, RefusalClass::WrongRole, problem);
        }
        let (_member, crowded_out) = self.members.enter(party);
        let (calls, calling) = watch::channel(0);
        let call = Call {
            hub: self.clone(),
            party,
            name: name.clone(),
            from,
            calls: Arc::new(calls),
        };
        let service = service_fn(move |request: http::Request<Incoming>| {
            let call = call.clone();
            async move { Ok::<_, Infallible>(call.route(request).await) }
        });
        let served = hyper::server::conn::http2::Builder::new(TokioExecutor::new())
            .timer(TokioTimer::new())
            .max_concurrent_streams(4)
            .max_header_list_size(8 << 10)
            .max_frame_size(FRAME)
            .keep_alive_interval(Some(self.limits.silence / 2))
            .keep_alive_timeout(self.limits.silence / 2)
            .serve_connection(TokioIo::new(stream), service);
        let (class, reason) = tokio::select! {
            served = served => match served {
                Ok(()) => return,
                Err(error) => (verdict.class(&error), verdict.explain(&error)),
            },
            () = idle(calling, 2 * self.limits.greeting) => {
                (RefusalClass::Silent, "no greeting in time".into())
            }
            _ = crowded_out => (RefusalClass::Limit, "it has too many newer connections".into()),
        };
        self.refuse(from, class, format!("`{name}`: {reason}"));
    }

    /// Closes in order. With something unread, the system would reset the connection, and the peer
    /// might not see the alert that says why.
    async fn part_from(&self, mut socket: BufReader<TcpStream>) {
        let mut unread = [0; 1024];
        let parting = async {
            socket.shutdown().await?;
            while socket.read(&mut unread).await? > 0 {}
            std::io::Result::Ok(())
        };
        let _ = timeout(self.limits.greeting, parting).await;
    }

    /// What there is to count, now.
    pub fn census(&self) -> Census {
        let mut census = self.counters.read();
        let rooms = self.rooms();
        census.rooms = rooms.len() as u64;
        for party in rooms.values().flat_map(|room| room.present.keys()) {
            let name = self.roster.session().name(*party);
            *census.attached.entry(name).or_default() += 1;
        }
        census
    }

    fn refuse(&self, from: SocketAddr, class: RefusalClass, reason: String) {
        self.counters.refused(class);
        (self.log)(HubEvent::Refused { from, reason });
    }
}

/// Done when a connection is in no room for so long.
async fn idle(mut calling: watch::Receiver<usize>, patience: Duration) {
    loop {
        let in_room = *calling.borrow_and_update() > 0;
        let changed = match in_room {
            true => Ok(calling.changed().await),
            false => timeout(patience, calling.changed()).await,
        };
        match changed {
            Ok(Ok(())) => {}
            // Nobody will call any more: the connection is at its end.
            Ok(Err(_)) => std::future::pending().await,
            Err(_) => return,
        }
    }
}
