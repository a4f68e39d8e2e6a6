//! `GET /metrics`, `/healthz` and `/readyz`, in plain HTTP for the machine's own monitoring.
//!
//! | path | answers |
//! |---|---|
//! | `/metrics` | figures for Prometheus |
//! | `/healthz` | 200 while the node does its work, 503 with the reason when it is stopped or does not move |
//! | `/readyz` | 200 while it can take part: well, at its hub, certificate and roster in date; else 503 |
//!
//! Connections, their length and the time for one are bounded; who is over a bound is closed.

use std::convert::Infallible;
use std::net::{SocketAddr, ToSocketAddrs};
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::{Duration, SystemTime};

use bytes::Bytes;
use http::header::{ALLOW, CONTENT_TYPE};
use http::{HeaderValue, Method, Request, Response, StatusCode};
use http_body_util::Full;
use hyper::body::Incoming;
use hyper::server::conn::http1::Builder;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::TcpListener;
use tokio::sync::{Semaphore, oneshot};
use tokio::time::{sleep, timeout};

use super::{Operations, health, metrics};
use crate::config::OperationsConfig;
use crate::error::Error;
use crate::status::seconds;

/// A scrape takes less, or does not come to an end.
const LIMIT: Duration = Duration::from_secs(5);
const CONNECTIONS: usize = 16;
/// Longest request line and headers.
const REQUEST: usize = 8 << 10;

/// Answers until it is dropped.
#[derive(Debug)]
pub struct Server {
    address: SocketAddr,
    stop: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl Server {
    /// Listens. An address that others can reach is refused unless the configuration says so.
    pub fn start(config: &OperationsConfig, operations: Operations) -> Result<Self, Error> {
        let what = || format!("operations.listen = {:?}", config.listen);
        let mut found = config.listen.to_socket_addrs().map_err(Error::io(what()))?;
        let address = found
            .next()
            .ok_or_else(|| Error::config("operations.listen", "no such address"))?;
        if !address.ip().is_loopback() && !config.anyone {
            let problem = format!(
                "{address} can be reached by others, who could read names and figures; listen on \
                 127.0.0.1, or say `anyone = true` behind a firewall"
            );
            return Err(Error::config("operations.listen", problem));
        }
        let listener = std::net::TcpListener::bind(address).map_err(Error::io(what()))?;
        listener.set_nonblocking(true).map_err(Error::io(what()))?;
        let address = listener.local_addr().map_err(Error::io(what()))?;
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .map_err(Error::io(what()))?;
        let (stop, stopped) = oneshot::channel();
        let stalled_after = config.stalled_after_seconds;
        let answer = move || {
            runtime.block_on(async {
                let Ok(listener) = TcpListener::from_std(listener) else {
                    return;
                };
                tokio::select! {
                    () = accept(listener, operations, stalled_after) => {}
                    _ = stopped => {}
                }
            });
        };
        let thread = std::thread::Builder::new()
            .name("operations".into())
            .spawn(answer)
            .map_err(Error::io(what()))?;
        Ok(Self {
            address,
            stop: Some(stop),
            thread: Some(thread),
        })
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        drop(self.stop.take());
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

async fn accept(listener: TcpListener, operations: Operations, stalled_after: u64) {
    let places = Arc::new(Semaphore::new(CONNECTIONS));
    loop {
        let Ok((stream, _)) = listener.accept().await else {
            // Descriptors ran out; they come back.
            sleep(Duration::from_millis(50)).await;
            continue;
        };
        let Ok(place) = places.clone().try_acquire_owned() else {
            continue;
        };
        let operations = operations.clone();
        tokio::spawn(async move {
            let service = service_fn(|request| {
                let response = respond(&operations, stalled_after, &request);
                async move { Ok::<_, Infallible>(response) }
            });
            let connection = Builder::new()
                .timer(TokioTimer::new())
                .header_read_timeout(LIMIT)
                .max_buf_size(REQUEST)
                .keep_alive(false)
                .serve_connection(TokioIo::new(stream), service);
            // The monitoring will ask again.
            let _ = timeout(LIMIT, connection).await;
            drop(place);
        });
    }
}

fn respond(
    operations: &Operations,
    stalled_after: u64,
    request: &Request<Incoming>,
) -> Response<Full<Bytes>> {
    if request.method() != Method::GET {
        let mut response = text(StatusCode::METHOD_NOT_ALLOWED, "GET only\n".into());
        response
            .headers_mut()
            .insert(ALLOW, HeaderValue::from_static("GET"));
        return response;
    }
    let now = seconds(SystemTime::now());
    let node = operations.snapshot();
    let verdict = |verdict: Result<String, String>| match verdict {
        Ok(word) => text(StatusCode::OK, format!("{word}\n")),
        Err(why) => text(StatusCode::SERVICE_UNAVAILABLE, format!("{why}\n")),
    };
    match request.uri().path() {
        "/healthz" => verdict(health::health(&node, now, stalled_after)),
        "/readyz" => verdict(health::readiness(&node, now, stalled_after)),
        "/metrics" => match metrics::render(&node, now, stalled_after) {
            Ok(figures) => {
                let mut response = text(StatusCode::OK, figures);
                let kind = HeaderValue::from_static(metrics::CONTENT_TYPE);
                response.headers_mut().insert(CONTENT_TYPE, kind);
                response
            }
            Err(_) => text(StatusCode::INTERNAL_SERVER_ERROR, "no figures\n".into()),
        },
        _ => text(
            StatusCode::NOT_FOUND,
            "GET /metrics, /healthz or /readyz\n".into(),
        ),
    }
}

fn text(status: StatusCode, text: String) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::new(Bytes::from(text)));
    *response.status_mut() = status;
    let kind = HeaderValue::from_static("text/plain; charset=utf-8");
    response.headers_mut().insert(CONTENT_TYPE, kind);
    response
}

#[cfg(test)]
mod tests;
