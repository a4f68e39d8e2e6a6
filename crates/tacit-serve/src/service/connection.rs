//! Connections: accepted within bounds, handshaken within a time, closed when idle or at the end.

use std::convert::Infallible;
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use hyper::server::conn::http2::Builder;
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, watch};
use tokio::time::{sleep, timeout};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;

use super::admission::Peer;
use super::exchange::respond;
use super::server::{Phase, Shared};

/// Unread bytes that a peer may send ahead, on a stream and on a connection.
const STREAM_WINDOW: u32 = 256 << 10;
const CONNECTION_WINDOW: u32 = 1 << 20;
const MAX_HEADERS: u32 = 8 << 10;
/// After a failed `accept`, as when file descriptors run out.
const PAUSE: Duration = Duration::from_millis(50);
/// How long the peer of a failed handshake has to read why.
const LINGER: Duration = Duration::from_millis(500);

/// Accepts connections until the end begins.
pub(crate) async fn accept(
    listener: std::net::TcpListener,
    shared: Arc<Shared>,
    connections: Arc<Semaphore>,
    mut phase: watch::Receiver<Phase>,
) {
    let listener = match TcpListener::from_std(listener) {
        Ok(listener) => listener,
        Err(error) => return tracing::error!(%error, "nothing can be accepted"),
    };
    loop {
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            _ = phase.changed() => return,
        };
        let stream = match accepted {
            Ok((stream, _)) => stream,
            Err(error) => {
                tracing::warn!(%error, "a connection could not be accepted");
                sleep(PAUSE).await;
                continue;
            }
        };
        match connections.clone().try_acquire_owned() {
            Ok(place) => {
                tokio::spawn(serve(stream, shared.clone(), phase.clone(), place));
            }
            Err(_) => shared.metrics.turned_away(),
        }
    }
}

async fn serve(
    stream: TcpStream,
    shared: Arc<Shared>,
    phase: watch::Receiver<Phase>,
    place: OwnedSemaphorePermit,
) {
    shared.metrics.opened();
    if let Some((stream, peer)) = handshake(stream, &shared).await {
        exchanges(stream, peer, &shared, phase).await;
    }
    shared.metrics.closed();
    drop(place);
}

/// The encrypted stream, and who is at its other end if that was asked.
async fn handshake(
    stream: TcpStream,
    shared: &Shared,
) -> Option<(TlsStream<TcpStream>, Option<Arc<Peer>>)> {
    // Small messages, each waited for.
    let _ = stream.set_nodelay(true);
    let limit = Duration::from_millis(shared.limits.handshake_timeout_ms);
    let accept = TlsAcceptor::from(shared.tls())
        .accept(stream)
        .into_fallible();
    // Kept until it has been counted.
    let mut accept = pin!(accept);
    let stream = match timeout(limit, accept.as_mut()).await {
        Ok(Ok(stream)) => stream,
        Ok(Err((error, stream))) => {
            shared.metrics.handshake_failed();
            tracing::debug!(%error, "a handshake failed");
            linger(stream).await;
            return None;
        }
        Err(_) => {
            shared.metrics.handshake_failed();
            tracing::debug!("a handshake took too long");
            return None;
        }
    };
    let certificates = stream.get_ref().1.peer_certificates();
    let Some(certificate) = certificates.and_then(|chain| chain.first()) else {
        return Some((stream, None));
    };
    match Peer::read(certificate) {
        Ok(peer) => Some((stream, Some(Arc::new(peer)))),
        Err(error) => {
            shared.metrics.handshake_failed();
            tracing::debug!(%error, "a certificate could not be read");
            None
        }
    }
}

/// Lets the peer read the alert: closing with its bytes unread would reset the connection first.
async fn linger(mut stream: TcpStream) {
    let drain = async {
        stream.shutdown().await?;
        let mut bytes = [0; 1024];
        while stream.read(&mut bytes).await? > 0 {}
        Ok::<_, std::io::Error>(())
    };
    // Whatever happens here, the connection is over.
    let _ = timeout(LINGER, drain).await;
}

/// Requests of a connection, begun and finished.
#[derive(Default)]
struct Activity {
    begun: AtomicU64,
    finished: AtomicU64,
}

impl Activity {
    /// Requests begun, if none is in flight.
    fn at_rest(&self) -> Option<u64> {
        let finished = self.finished.load(Ordering::SeqCst);
        Some(self.begun.load(Ordering::SeqCst)).filter(|&begun| begun == finished)
    }
}

/// Counts a request, however it ends.
struct InFlight(Arc<Activity>);

impl InFlight {
    fn begin(activity: &Arc<Activity>) -> Self {
        activity.begun.fetch_add(1, Ordering::SeqCst);
        Self(activity.clone())
    }
}

impl Drop for InFlight {
    fn drop(&mut self) {
        self.0.finished.fetch_add(1, Ordering::SeqCst);
    }
}

async fn exchanges(
    stream: TlsStream<TcpStream>,
    peer: Option<Arc<Peer>>,
    shared: &Arc<Shared>,
    mut phase: watch::Receiver<Phase>,
) {
    let activity = Arc::new(Activity::default());
    let service = service_fn(|request| {
        let in_flight = InFlight::begin(&activity);
        let (shared, peer) = (shared.clone(), peer.clone());
        async move {
            let response = respond(&shared, peer.as_deref(), request).await;
            drop(in_flight);
            Ok::<_, Infallible>(response)
        }
    });
    let connection = Builder::new(TokioExecutor::new())
        .timer(TokioTimer::new())
        .max_concurrent_streams(shared.limits.max_streams)
        .initial_stream_window_size(STREAM_WINDOW)
        .initial_connection_window_size(CONNECTION_WINDOW)
        .max_header_list_size(MAX_HEADERS)
        .serve_connection(TokioIo::new(stream), service);
    let mut connection = pin!(connection);
    let idle = Duration::from_millis(shared.limits.idle_timeout_ms);
    // Nothing has been begun when the connection is new.
    let (mut seen, mut closing) = (Some(0), false);
    loop {
        let now = *phase.borrow_and_update();
        match now {
            Phase::Serving => {}
            Phase::Draining => connection.as_mut().graceful_shutdown(),
            Phase::Gone => return,
        }
        tokio::select! {
            done = connection.as_mut() => {
                if let Err(error) = done {
                    tracing::debug!(%error, "a connection broke");
                }
                return;
            }
            changed = phase.changed() => if changed.is_err() { return },
            () = sleep(idle) => {
                // No request begun since the last look and none in flight: a peer that is idle, or
                // that has been writing the headers of its first request ever since.
                let at_rest = activity.at_rest();
                if at_rest.is_some() && std::mem::replace(&mut seen, at_rest) == at_rest {
                    if closing {
                        return;
                    }
                    closing = true;
                    connection.as_mut().graceful_shutdown();
                }
            }
        }
    }
}
