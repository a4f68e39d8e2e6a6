//! Health and metrics, on a loopback address, in plain HTTP: for the machine's own monitoring.
//!
//! `GET /health` is 200 while the server takes requests and 503 when it is about to stop;
//! `GET /metrics` is the text format of Prometheus.

use std::convert::Infallible;
use std::fmt::Write;
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use bytes::Bytes;
use http::header::CONTENT_TYPE;
use http::{HeaderValue, Method, Request, Response, StatusCode};
use http_body_util::Full;
use hyper::body::Incoming;
use hyper::server::conn::http1::Builder;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::TcpListener;
use tokio::sync::{Semaphore, watch};
use tokio::time::{sleep, timeout};

use super::server::{Phase, Shared};

/// A scrape takes less, or does not come to an end.
const LIMIT: Duration = Duration::from_secs(10);
const CONNECTIONS: usize = 16;

/// Serves until the very end, so that the last scrape sees the server stop.
pub(crate) async fn serve(
    listener: std::net::TcpListener,
    shared: Arc<Shared>,
    mut phase: watch::Receiver<Phase>,
) {
    let listener = match TcpListener::from_std(listener) {
        Ok(listener) => listener,
        Err(error) => return tracing::error!(%error, "no metrics can be read"),
    };
    let end = async {
        let _ = phase.wait_for(|&phase| phase == Phase::Gone).await;
    };
    let mut end = pin!(end);
    let places = Arc::new(Semaphore::new(CONNECTIONS));
    loop {
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            () = &mut end => return,
        };
        let Ok((stream, _)) = accepted else {
            sleep(Duration::from_millis(50)).await;
            continue;
        };
        let Ok(place) = places.clone().try_acquire_owned() else {
            continue;
        };
        let shared = shared.clone();
        tokio::spawn(async move {
            let service = service_fn(|request| {
                let response = respond(&shared, &request);
                async move { Ok::<_, Infallible>(response) }
            });
            let connection = Builder::new()
                .timer(TokioTimer::new())
                .header_read_timeout(LIMIT)
                .keep_alive(false)
                .serve_connection(TokioIo::new(stream), service);
            // The monitoring will ask again.
            let _ = timeout(LIMIT, connection).await;
            drop(place);
        });
    }
}

fn respond(shared: &Shared, request: &Request<Incoming>) -> Response<Full<Bytes>> {
    let stopping = shared.stopping.load(Ordering::Relaxed);
    let (status, text) = match (request.method(), request.uri().path()) {
        (&Method::GET, "/health") if stopping => {
            (StatusCode::SERVICE_UNAVAILABLE, "stopping\n".into())
        }
        (&Method::GET, "/health") => (StatusCode::OK, "serving\n".into()),
        (&Method::GET, "/metrics") => (StatusCode::OK, metrics(shared)),
        _ => (StatusCode::NOT_FOUND, "GET /health or /metrics\n".into()),
    };
    let mut response = Response::new(Full::new(Bytes::from(text)));
    *response.status_mut() = status;
    let kind = HeaderValue::from_static("text/plain; version=0.0.4; charset=utf-8");
    response.headers_mut().insert(CONTENT_TYPE, kind);
    response
}

fn metrics(shared: &Shared) -> String {
    let mut out = shared.metrics.render();
    // Writing to a string does not fail.
    let _ = write!(
        out,
        "# HELP tacit_serve_model_info The version served.\n\
         # TYPE tacit_serve_model_info gauge\n\
         tacit_serve_model_info{{version=\"{}\"}} 1\n",
        shared.version()
    );
    out
}
