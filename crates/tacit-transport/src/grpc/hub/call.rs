//! What one connection calls: a greeting, and then messages both ways.

use std::future::Future;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use hyper::body::Incoming;
use tacit_session::PartyIndex;
use tokio::sync::{mpsc, watch};
use tokio::time::{Instant, sleep_until, timeout};
use tokio_stream::wrappers::ReceiverStream;
use tonic::codec::Streaming;
use tonic::{Request, Response, Status};

use super::rooms::seat;
use super::{Hub, HubEvent};
use crate::grpc::census::RefusalClass;
use crate::grpc::wire::{ATTACH, Envelope, EnvelopeCodec, Hello, Kind, MAX_MESSAGE, VERSION};

/// What one connection calls.
#[derive(Clone)]
pub(super) struct Call {
    pub(super) hub: Arc<Hub>,
    pub(super) party: PartyIndex,
    pub(super) name: String,
    pub(super) from: SocketAddr,
    /// How many rooms this connection is in.
    pub(super) calls: Arc<watch::Sender<usize>>,
}

impl Call {
    pub(super) async fn route(
        self,
        request: http::Request<Incoming>,
    ) -> http::Response<tonic::body::Body> {
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
            let mut len = prost::Message::encoded_len(&envelope) as u64;
            match self.hub.relay(room, self.party, envelope) {
                Ok(copies) => len = len.saturating_mul(copies.max(1)),
                Err(status) => return status.message().to_owned(),
            }
            self.hub.counters.relayed(len);
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
