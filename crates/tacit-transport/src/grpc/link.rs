//! One connection of a party to its hub.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use hyper::body::Incoming;
use hyper::client::conn::http2::{Builder, SendRequest};
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use rustls::pki_types::ServerName;
use tacit_identity::{Identity, SignedRoster};
use tacit_session::PartyIndex;
use tokio::io::BufReader;
use tokio::net::TcpStream;
use tokio::sync::mpsc;
use tokio::time::timeout;
use tokio_rustls::TlsConnector;
use tokio_stream::wrappers::ReceiverStream;
use tonic::body::Body;
use tonic::codec::Streaming;
use tonic::{Code, Request, Status};

use super::hub::Hub;
use super::tls;
use super::traffic::{Counted, Traffic};
use super::wire::{
    ATTACH, Envelope, EnvelopeCodec, FRAME, Hello, Kind, MAX_MESSAGE, READ, VERSION,
};
use crate::error::Error;

/// Messages on their way to the socket: few, so that what is urgent does not wait behind many chunks.
const UP: usize = 8;
/// A peer that answers no ping for so long is gone.
const SILENCE: Duration = Duration::from_secs(10);

/// An attached link. Dropping it closes the connection.
pub(super) struct Link {
    pub(super) up: mpsc::Sender<Envelope>,
    pub(super) down: Down,
    connection: tokio::task::JoinHandle<()>,
    /// The hub's clock at its greeting, as its answer gives it.
    date: Option<String>,
}

/// Where messages come from.
pub(super) enum Down {
    Wire(Box<Streaming<Envelope>>),
    Chair(mpsc::Receiver<Result<Envelope, Status>>),
}

impl Down {
    /// The next message; none when the other side has ended in order.
    pub(super) async fn message(&mut self) -> Result<Option<Envelope>, Status> {
        match self {
            Self::Wire(stream) => stream.message().await,
            Self::Chair(seat) => seat.recv().await.transpose(),
        }
    }
}

impl Link {
    /// A seat at the relay of this very process.
    pub(super) fn local(hub: &Arc<Hub>, room: [u8; 32], me: PartyIndex) -> Result<Self, String> {
        let chair = hub.sit(room, me);
        let chair = chair.map_err(|status| status.message().to_owned())?;
        let (up, mut said) = mpsc::channel(UP);
        let (number, hub) = (chair.number, hub.clone());
        let connection = tokio::spawn(async move {
            while let Some(envelope) = said.recv().await {
                let _ = hub.relay(room, me, envelope);
            }
            hub.detach(room, me, number);
        });
        Ok(Self {
            up,
            down: Down::Chair(chair.down),
            connection,
            date: None,
        })
    }
}

impl Drop for Link {
    fn drop(&mut self) {
        self.connection.abort();
    }
}

/// As [`attach_counting`], for connections that nobody counts.
pub(super) async fn attach(
    identity: &Identity,
    roster: Arc<SignedRoster>,
    to: (&str, &str),
    room: [u8; 32],
    patience: Duration,
) -> Result<Link, String> {
    attach_counting(identity, roster, to, room, patience, Arc::default()).await
}

/// Dials, proves who this is, and joins the room.
pub(super) async fn attach_counting(
    identity: &Identity,
    roster: Arc<SignedRoster>,
    to: (&str, &str),
    room: [u8; 32],
    patience: Duration,
    traffic: Arc<Traffic>,
) -> Result<Link, String> {
    let hello = Hello {
        version: VERSION,
        room: room.to_vec(),
    };
    let hello = Envelope {
        peer: 0,
        kind: Some(Kind::Hello(hello)),
    };
    attach_saying(identity, roster, to, Some(hello), patience, traffic).await
}

/// As [`attach_counting`], with this greeting or none.
pub(super) async fn attach_saying(
    identity: &Identity,
    roster: Arc<SignedRoster>,
    (hub, address): (&str, &str),
    hello: Option<Envelope>,
    patience: Duration,
    traffic: Arc<Traffic>,
) -> Result<Link, String> {
    let (config, verdict) = tls::client(identity, roster, hub).map_err(|e| e.to_string())?;
    let dial = async {
        let socket = TcpStream::connect(address).await;
        let socket = socket.map_err(|e| format!("{address}: {e}"))?;
        let _ = socket.set_nodelay(true);
        let name = ServerName::try_from(hub.to_owned()).map_err(|e| e.to_string())?;
        let stream = TlsConnector::from(Arc::new(config))
            .connect(
                name,
                BufReader::with_capacity(READ, Counted::new(socket, traffic)),
            )
            .await;
        let stream = stream.map_err(|e| verdict.explain(&e))?;
        let (requests, connection) = Builder::new(TokioExecutor::new())
            .timer(TokioTimer::new())
            .max_frame_size(FRAME)
            .keep_alive_interval(Some(SILENCE))
            .keep_alive_timeout(SILENCE)
            .keep_alive_while_idle(true)
            .handshake(TokioIo::new(stream))
            .await
            .map_err(|e| verdict.explain(&e))?;
        let broken = verdict.clone();
        let (why, said) = tokio::sync::oneshot::channel();
        let connection = tokio::spawn(async move {
            if let Err(error) = connection.await {
                let _ = why.send(broken.explain(&error));
            }
        });
        let (up, envelopes) = mpsc::channel(UP);
        if let Some(hello) = hello {
            up.send(hello).await.map_err(|e| e.to_string())?;
        }
        let origin = http::Uri::from_static("https://hub");
        let mut grpc = tonic::client::Grpc::with_origin(Requests(requests), origin)
            .max_decoding_message_size(MAX_MESSAGE);
        let path = http::uri::PathAndQuery::from_static(ATTACH);
        let stream = Request::new(ReceiverStream::new(envelopes));
        let called = match grpc.ready().await {
            Ok(()) => grpc.streaming(stream, path, EnvelopeCodec).await,
            Err(error) => Err(Status::unavailable(error.to_string())),
        };
        match called {
            Ok(response) => Ok(Link {
                up,
                date: date(response.metadata()),
                down: Down::Wire(Box::new(response.into_inner())),
                connection,
            }),
            Err(status) => {
                let refused = format!("the hub refuses: {}", status.message());
                // What the hub says itself has one of these codes. Else the connection knows better: an alert
                // comes after the handshake.
                match status.code() {
                    Code::DeadlineExceeded
                    | Code::FailedPrecondition
                    | Code::InvalidArgument
                    | Code::ResourceExhausted => Err(refused),
                    _ => Err(match timeout(Duration::from_secs(1), said).await {
                        Ok(Ok(why)) => why,
                        _ => refused,
                    }),
                }
            }
        }
    };
    match timeout(patience, dial).await {
        Ok(dialled) => dialled,
        Err(_) => Err(format!("{address}: no answer in {patience:?}")),
    }
}

fn date(answer: &tonic::metadata::MetadataMap) -> Option<String> {
    let date = answer.get(http::header::DATE.as_str())?;
    Some(date.to_str().ok()?.to_owned())
}

/// The connection as the service that gRPC calls.
struct Requests(SendRequest<Body>);

impl tower_service::Service<http::Request<Body>> for Requests {
    type Response = http::Response<Incoming>;
    type Error = hyper::Error;
    type Future = Pin<Box<dyn Future<Output = Result<Self::Response, Self::Error>> + Send>>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        self.0.poll_ready(context)
    }

    fn call(&mut self, request: http::Request<Body>) -> Self::Future {
        Box::pin(self.0.send_request(request))
    }
}

/// What a test of the way to a hub found.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Reached {
    /// From dialling to the hub's greeting.
    pub took: Duration,
    /// The hub's clock at its greeting, as in RFC 9110 (`Sun, 06 Nov 1994 08:49:37 GMT`), to a second.
    pub date: Option<String>,
}

/// Dials the hub, proves who this is, and leaves again. For a test before a session.
pub fn reach(
    identity: &Identity,
    roster: Arc<SignedRoster>,
    hub: &str,
    address: &str,
    patience: Duration,
) -> Result<Reached, Error> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(Error::io("the runtime of the transport"))?;
    let began = Instant::now();
    // A room of no session.
    let dialled = attach(identity, roster, (hub, address), [0; 32], patience);
    match runtime.block_on(dialled) {
        Ok(link) => Ok(Reached {
            took: began.elapsed(),
            date: link.date.clone(),
        }),
        Err(reason) => Err(Error::Unreached {
            hub: hub.to_owned(),
            reason,
        }),
    }
}
