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

use std::collections::{HashMap, HashSet};
use std::convert::Infallible;
use std::fmt;
use std::future::Future;
use std::net::{IpAddr, SocketAddr};
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use rustls::sign::CertifiedKey;
use tacit_identity::{Identity, SignedRoster, SiteRole};
use tacit_session::PartyIndex;
use tokio::io::{AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{mpsc, oneshot, watch};
use tokio::time::{Instant, sleep_until, timeout};
use tokio_rustls::TlsAcceptor;
use tokio_stream::wrappers::ReceiverStream;
use tonic::codec::Streaming;
use tonic::{Request, Response, Status};

use super::census::{Census, Counters, RefusalClass};
use super::door::Door;
use super::tls;
use super::wire::{
    ATTACH, Envelope, EnvelopeCodec, FRAME, Finished, Hello, Kind, MAX_MESSAGE, Present, READ,
    VERSION,
};
use crate::error::Error;

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

#[derive(Default)]
struct Room {
    present: HashMap<PartyIndex, Seat>,
    finished: HashSet<PartyIndex>,
}

struct Seat {
    post: mpsc::Sender<Result<Envelope, Status>>,
    /// Tells one connection of a party from its next.
    number: u64,
    /// Dropped with the seat: the stream ends.
    _alive: oneshot::Sender<()>,
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

    fn rooms(&self) -> MutexGuard<'_, HashMap<[u8; 32], Room>> {
        // Every change is made in one step; a panic elsewhere leaves the rooms whole.
        self.rooms.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Seats somebody of this process.
    pub(super) fn sit(&self, room: [u8; 32], party: PartyIndex) -> Result<Chair, Status> {
        let (post, down) = mpsc::channel(self.limits.waiting);
        let (seat, number, gone) = seat(post)?;
        self.attach(room, party, seat)?;
        Ok(Chair {
            down,
            number,
            _gone: gone,
        })
    }

    /// Tells one party of a room that another one is there (again).
    pub(super) fn tell_present(&self, room: [u8; 32], who: PartyIndex, to: PartyIndex) {
        if let Some(seat) = self.rooms().get(&room).and_then(|r| r.present.get(&to)) {
            tell(seat, who, Kind::Present(Present {}));
        }
    }

    /// Ends every seat when what waits for it is read.
    pub(super) fn close(&self) {
        self.closed.store(true, Ordering::Relaxed);
        self.rooms().clear();
    }

    pub(super) fn is_closed(&self) -> bool {
        self.closed.load(Ordering::Relaxed)
    }

    /// Seats a party and tells everyone.
    fn attach(&self, room: [u8; 32], party: PartyIndex, seat: Seat) -> Result<(), Status> {
        let mut rooms = self.rooms();
        if !rooms.contains_key(&room) && rooms.len() >= self.limits.rooms {
            let empty = rooms.iter().find(|(_, r)| r.present.is_empty());
            let Some(empty) = empty.map(|(id, _)| *id) else {
                return Err(Status::resource_exhausted(
                    "the hub has no room for a session",
                ));
            };
            rooms.remove(&empty);
        }
        let room = rooms.entry(room).or_default();
        let present = || Kind::Present(Present {});
        for (other, there) in &room.present {
            if *other != party {
                tell(&seat, *other, present());
                tell(there, party, present());
            }
        }
        for finished in &room.finished {
            tell(&seat, *finished, Kind::Finished(Finished {}));
        }
        if let Some(before) = room.present.insert(party, seat) {
            let again = Status::aborted("this party attached again from another connection");
            let _ = before.post.try_send(Err(again));
        }
        Ok(())
    }

    pub(super) fn detach(&self, room: [u8; 32], party: PartyIndex, number: u64) {
        let mut rooms = self.rooms();
        if let Some(there) = rooms.get_mut(&room) {
            let is_this = |seat: &Seat| seat.number == number;
            if there.present.get(&party).is_some_and(is_this) {
                there.present.remove(&party);
            }
            if there.present.is_empty() && there.finished.is_empty() {
                rooms.remove(&room);
            }
        }
    }

    /// Passes a message on. The sender is whom the certificate names.
    pub(super) fn relay(
        &self,
        room: [u8; 32],
        from: PartyIndex,
        envelope: Envelope,
    ) -> Result<(), Status> {
        let Some(kind) = envelope.kind else {
            return Err(Status::invalid_argument("a message without contents"));
        };
        let mut rooms = self.rooms();
        let Some(room) = rooms.get_mut(&room) else {
            return Ok(());
        };
        match kind {
            Kind::Hello(_) | Kind::Present(_) => {
                return Err(Status::invalid_argument("a message out of turn"));
            }
            Kind::Finished(_) => {
                room.finished.insert(from);
                for (other, seat) in &room.present {
                    if *other != from {
                        tell(seat, from, Kind::Finished(Finished {}));
                    }
                }
            }
            kind => {
                let to = u16::try_from(envelope.peer).map(PartyIndex);
                let to = to.map_err(|_| Status::invalid_argument("no such party"))?;
                // Who is not there misses it and is offered it again.
                let overrun = room
                    .present
                    .get(&to)
                    .is_some_and(|seat| !tell(seat, from, kind));
                if overrun {
                    // Its stream ends when the messages that wait are read, or with its connection.
                    room.present.remove(&to);
                }
            }
        }
        Ok(())
    }
}

/// A seat of this process.
pub(super) struct Chair {
    pub(super) down: mpsc::Receiver<Result<Envelope, Status>>,
    pub(super) number: u64,
    _gone: oneshot::Receiver<()>,
}

/// A seat, its number, and what hears that it is taken away.
fn seat(
    post: mpsc::Sender<Result<Envelope, Status>>,
) -> Result<(Seat, u64, oneshot::Receiver<()>), Status> {
    let mut number = [0; 8];
    getrandom::fill(&mut number).map_err(|_| Status::unavailable("no entropy"))?;
    let number = u64::from_le_bytes(number);
    let (_alive, gone) = oneshot::channel();
    let seat = Seat {
        post,
        number,
        _alive,
    };
    Ok((seat, number, gone))
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

/// Whether there was room for the message.
fn tell(seat: &Seat, from: PartyIndex, kind: Kind) -> bool {
    let peer = from.0.into();
    let kind = Some(kind);
    let sent = seat.post.try_send(Ok(Envelope { peer, kind }));
    !matches!(sent, Err(mpsc::error::TrySendError::Full(_)))
}

/// What one connection calls.
#[derive(Clone)]
struct Call {
    hub: Arc<Hub>,
    party: PartyIndex,
    name: String,
    from: SocketAddr,
    /// How many rooms this connection is in.
    calls: Arc<watch::Sender<usize>>,
}

impl Call {
    async fn route(self, request: http::Request<Incoming>) -> http::Response<tonic::body::Body> {
        if request.uri().path() != ATTACH {
            let problem = format!("`{}` calls {}", self.name, request.uri().path());
            self.hub.refuse(self.from, RefusalClass::Protocol, problem);
            return Status::unimplemented("this hub has /tacit.hub.v1.Hub/Attach alone")
                .into_http();
        }
        tonic::server::Grpc::new(EnvelopeCodec)
            .max_decoding_message_size(MAX_MESSAGE)
            .streaming(self, request)
            .await
    }

    async fn attach(
        self,
        mut up: Streaming<Envelope>,
    ) -> Result<Response<ReceiverStream<Result<Envelope, Status>>>, Status> {
        let first = timeout(self.hub.limits.greeting, up.message()).await;
        let greeted = match first {
            Err(_) => Err(Status::deadline_exceeded("no greeting in time")),
            Ok(Err(status)) => Err(status),
            Ok(Ok(first)) => room_of(first),
        };
        let room = greeted.inspect_err(|status| {
            let reason = format!("`{}`: {}", self.name, status.message());
            let class = match status.code() {
                tonic::Code::DeadlineExceeded => RefusalClass::Silent,
                _ => RefusalClass::Protocol,
            };
            self.hub.refuse(self.from, class, reason);
        })?;
        let (post, down) = mpsc::channel(self.hub.limits.waiting);
        let closed = post.clone();
        let (seat, number, gone) = seat(post)?;
        self.hub
            .attach(room, self.party, seat)
            .inspect_err(|status| {
                let reason = format!("`{}`: {}", self.name, status.message());
                self.hub.refuse(self.from, RefusalClass::Limit, reason);
            })?;
        self.calls.send_modify(|rooms| *rooms += 1);
        let party = self.name.clone();
        (self.hub.log)(HubEvent::Attached { party });
        tokio::spawn(async move {
            let reason = tokio::select! {
                reason = self.pump(room, &mut up) => reason,
                () = closed.closed() => "the connection is closed".into(),
                _ = gone => "it does not read, or attached again".into(),
            };
            self.hub.detach(room, self.party, number);
            self.calls.send_modify(|rooms| *rooms -= 1);
            let party = self.name.clone();
            (self.hub.log)(HubEvent::Detached { party, reason });
        });
        Ok(Response::new(ReceiverStream::new(down)))
    }

    /// Relays until the stream ends; returns why it did.
    async fn pump(&self, room: [u8; 32], up: &mut Streaming<Envelope>) -> String {
        let rate = self.hub.limits.bytes_per_second.max(1);
        let mut free_at = Instant::now();
        loop {
            let envelope = match up.message().await {
                Ok(Some(envelope)) => envelope,
                Ok(None) => return "it has left".into(),
                Err(status) => return tls_or(&status),
            };
            let len = prost::Message::encoded_len(&envelope) as u64;
            self.hub.counters.relayed(len);
            if let Err(status) = self.hub.relay(room, self.party, envelope) {
                return status.message().to_owned();
            }
            // A second's worth may come at once.
            let now = Instant::now();
            free_at = free_at.max(now) + Duration::from_nanos(len * 1_000_000_000 / rate);
            if free_at > now + Duration::from_secs(1) {
                sleep_until(free_at - Duration::from_secs(1)).await;
            }
        }
    }
}

fn tls_or(status: &Status) -> String {
    let code = status.code();
    format!("{code:?}: {}", status.message())
}

fn room_of(first: Option<Envelope>) -> Result<[u8; 32], Status> {
    let Some(Kind::Hello(Hello { version, room })) = first.and_then(|e| e.kind) else {
        return Err(Status::invalid_argument("the first message is no greeting"));
    };
    if version != VERSION {
        let problem = format!("version {version}; this hub speaks {VERSION}, upgrade the older");
        return Err(Status::failed_precondition(problem));
    }
    room.try_into()
        .map_err(|_| Status::invalid_argument("a room has 32 bytes"))
}

type Attached = Result<Response<ReceiverStream<Result<Envelope, Status>>>, Status>;

impl tonic::server::StreamingService<Envelope> for Call {
    type Response = Envelope;
    type ResponseStream = ReceiverStream<Result<Envelope, Status>>;
    type Future = Pin<Box<dyn Future<Output = Attached> + Send>>;

    fn call(&mut self, request: Request<Streaming<Envelope>>) -> Self::Future {
        Box::pin(self.clone().attach(request.into_inner()))
    }
}
