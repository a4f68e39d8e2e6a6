//! The server: what it is given, what it holds, how it starts, changes its head, and stops.

use std::net::{SocketAddr, TcpListener};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, PoisonError, RwLock, mpsc};
use std::time::{Duration, Instant};

use rustls::ServerConfig;
use tokio::runtime::{Builder, Runtime};
use tokio::sync::{Semaphore, watch};

use super::admission::Clients;
use super::batch::Queue;
use super::connection;
use super::limits::{Limits, RateLimit};
use super::metrics::Metrics;
use super::operator;
use super::repeats::RepeatGuard;
use super::tls::{self, Credentials};
use crate::error::Error;
use crate::model::{Model, ModelVersion};
use crate::refusal::{Code, Refusal};

/// What clients get for a row.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Answers {
    /// All outputs of the head.
    Logits,
    /// The index of the greatest only: less for whoever wants to copy the model or invert it.
    Classes,
}

/// How a server is set up.
#[derive(Debug)]
pub struct Settings {
    /// Where clients connect. Port 0 takes any free one.
    pub address: SocketAddr,
    /// Where health and metrics are read: a loopback address, or nowhere.
    pub operator: Option<SocketAddr>,
    /// The server's certificate and key.
    pub credentials: Credentials,
    /// Whom it answers.
    pub clients: Clients,
    /// What it answers.
    pub answers: Answers,
    /// How much of it anybody may have.
    pub limits: Limits,
}

/// What all connections share.
pub(crate) struct Shared {
    pub(crate) limits: Limits,
    pub(crate) answers: Answers,
    pub(crate) metrics: Arc<Metrics>,
    pub(crate) queue: Queue,
    pub(crate) rate: RateLimit,
    pub(crate) repeats: RepeatGuard,
    /// Kibibytes for bodies and the features in them.
    pub(crate) memory: Semaphore,
    pub(crate) stopping: AtomicBool,
    clients: RwLock<Arc<Clients>>,
    tls: RwLock<Arc<ServerConfig>>,
    models: RwLock<Models>,
}

struct Models {
    current: Arc<Model>,
    before: Option<Before>,
}

/// The model before the last reload, for clients that have not heard of it.
struct Before {
    model: Arc<Model>,
    left: AtomicU64,
    until: Instant,
}

impl Shared {
    pub(crate) fn clients(&self) -> Arc<Clients> {
        read(&self.clients).clone()
    }

    pub(crate) fn tls(&self) -> Arc<ServerConfig> {
        read(&self.tls).clone()
    }

    pub(crate) fn version(&self) -> ModelVersion {
        read(&self.models).current.version
    }

    /// The model that a client pinned, if it is served.
    pub(crate) fn model(&self, pinned: ModelVersion, now: Instant) -> Result<Arc<Model>, Refusal> {
        let models = read(&self.models);
        if models.current.version == pinned {
            return Ok(models.current.clone());
        }
        if let Some(before) = &models.before
            && before.model.version == pinned
            && now < before.until
        {
            let one_less = |left: u64| left.checked_sub(1);
            let order = Ordering::Relaxed;
            if before.left.fetch_update(order, order, one_less).is_ok() {
                return Ok(before.model.clone());
            }
        }
        let text = format!(
            "the encoder is of model {pinned} and this server serves {}; fetch the encoder that \
             belongs to it",
            models.current.version
        );
        Err(Refusal::new(Code::ModelVersion, text))
    }
}

fn read<T>(lock: &RwLock<T>) -> std::sync::RwLockReadGuard<'_, T> {
    lock.read().unwrap_or_else(PoisonError::into_inner)
}

fn write<T>(lock: &RwLock<T>) -> std::sync::RwLockWriteGuard<'_, T> {
    lock.write().unwrap_or_else(PoisonError::into_inner)
}

/// How far the end has come.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Phase {
    /// Not begun.
    Serving,
    /// No new connections and requests; those in flight finish.
    Draining,
    /// Whatever is left is dropped.
    Gone,
}

/// A running server. It has threads of its own and can be held by blocking and by asynchronous
/// programs; dropping it stops it at once, [`Server::shutdown`] lets requests finish.
pub struct Server {
    shared: Arc<Shared>,
    runtime: Option<Runtime>,
    phase: watch::Sender<Phase>,
    connections: Arc<Semaphore>,
    address: SocketAddr,
    operator_address: Option<SocketAddr>,
}

impl Server {
    /// Checks the settings, listens, and serves.
    pub fn start(settings: Settings, model: Model) -> Result<Self, Error> {
        let Settings {
            address,
            operator,
            credentials,
            clients,
            answers,
            limits,
        } = settings;
        limits.check()?;
        if let Some(operator) = operator
            && !operator.ip().is_loopback()
        {
            return Err(Error::Setting {
                field: "operator",
                problem: format!(
                    "{operator} is not a loopback address, and nobody is asked there \
                                  who he is"
                ),
            });
        }
        let (listener, address) = listen(address)?;
        let operator = operator.map(listen).transpose()?;
        let operator_address = operator.as_ref().map(|(_, address)| *address);
        let metrics = Arc::new(Metrics::new());
        let connections = Arc::new(Semaphore::new(limits.max_connections));
        let shared = Arc::new(Shared {
            answers,
            queue: Queue::start(&limits, &metrics)?,
            rate: RateLimit::new(limits.rows_per_second, limits.burst_rows),
            repeats: RepeatGuard::new(limits.repeats.clone())?,
            memory: Semaphore::new((limits.max_memory_bytes / 1024).min(Semaphore::MAX_PERMITS)),
            stopping: AtomicBool::new(false),
            tls: RwLock::new(tls::server(&credentials, &clients)?),
            clients: RwLock::new(Arc::new(clients)),
            models: RwLock::new(Models {
                current: Arc::new(model),
                before: None,
            }),
            metrics,
            limits,
        });
        let runtime = Builder::new_multi_thread()
            .worker_threads(std::thread::available_parallelism().map_or(2, Into::into))
            .thread_name("serve")
            .enable_all()
            .build()
            .map_err(Error::system)?;
        // Nothing fails from here on, so the runtime is not dropped where it must not be.
        let (phase, ends) = watch::channel(Phase::Serving);
        if let Some((listener, _)) = operator {
            runtime.spawn(operator::serve(listener, shared.clone(), ends.clone()));
        }
        runtime.spawn(connection::accept(
            listener,
            shared.clone(),
            connections.clone(),
            ends,
        ));
        tracing::info!(%address, model = %shared.version(), "serving");
        Ok(Self {
            shared,
            runtime: Some(runtime),
            phase,
            connections,
            address,
            operator_address,
        })
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Where health and metrics are read.
    pub fn operator_address(&self) -> Option<SocketAddr> {
        self.operator_address
    }

    /// The version it serves.
    pub fn version(&self) -> ModelVersion {
        self.shared.version()
    }

    /// What it has counted.
    pub fn metrics(&self) -> Arc<Metrics> {
        self.shared.metrics.clone()
    }

    /// Serves another head from now on. Requests in flight finish on the old one; clients that
    /// pinned the old version are answered by it for the grace that the limits give.
    pub fn reload(&self, model: Model) {
        let limits = &self.shared.limits;
        let mut models = write(&self.shared.models);
        let old = std::mem::replace(&mut models.current, Arc::new(model));
        let version = models.current.version;
        if old.version != version {
            models.before = Some(Before {
                model: old,
                left: AtomicU64::new(limits.grace_requests),
                until: Instant::now() + Duration::from_millis(limits.grace_ms),
            });
        }
        drop(models);
        self.shared.metrics.reloaded();
        tracing::info!(model = %version, "a head was loaded");
    }

    /// Takes other credentials and another list of clients from now on. Tokens and revoked serials
    /// count at the next request, authorities and the server's certificate at the next connection.
    pub fn renew(&self, credentials: &Credentials, clients: Clients) -> Result<(), Error> {
        let tls = tls::server(credentials, &clients)?;
        *write(&self.shared.tls) = tls;
        *write(&self.shared.clients) = Arc::new(clients);
        tracing::info!("credentials and clients were renewed");
        Ok(())
    }

    /// Stops listening, lets requests in flight finish within the drain timeout, and ends. Whether
    /// all of them did.
    pub fn shutdown(mut self) -> bool {
        let Some(runtime) = self.runtime.take() else {
            return true;
        };
        self.shared.stopping.store(true, Ordering::Relaxed);
        self.phase.send_replace(Phase::Draining);
        let drain = Duration::from_millis(self.shared.limits.drain_timeout_ms);
        let (connections, all) = (self.connections.clone(), self.shared.limits.max_connections);
        let (done, drained) = mpsc::channel();
        runtime.spawn(async move {
            let closed = connections.acquire_many(all as u32);
            let drained = tokio::time::timeout(drain, closed).await.is_ok();
            // The receiver waits below.
            let _ = done.send(drained);
        });
        let drained = drained.recv().unwrap_or(false);
        self.phase.send_replace(Phase::Gone);
        runtime.shutdown_background();
        tracing::info!(drained, "stopped");
        drained
    }

    /// Serves until the process is told to end (interrupt, terminate), then shuts down. At a
    /// hangup `reload` is called; if it fails, the server goes on with what it had.
    pub fn run(self, mut reload: impl FnMut(&Self) -> Result<(), Error>) -> Result<bool, Error> {
        let Some(runtime) = &self.runtime else {
            return Ok(true);
        };
        let signals = super::signals::watch(runtime.handle())?;
        while let Ok(super::signals::Signal::Reload) = signals.recv() {
            if let Err(error) = reload(&self) {
                tracing::error!(%error, "nothing was reloaded");
            }
        }
        Ok(self.shutdown())
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        if let Some(runtime) = self.runtime.take() {
            self.phase.send_replace(Phase::Gone);
            runtime.shutdown_background();
        }
    }
}

impl std::fmt::Debug for Server {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Server({}, model {})", self.address, self.version())
    }
}

fn listen(address: SocketAddr) -> Result<(TcpListener, SocketAddr), Error> {
    let bad = |e: std::io::Error| Error::Listen {
        address: address.to_string(),
        problem: e.to_string(),
    };
    let listener = TcpListener::bind(address).map_err(bad)?;
    listener.set_nonblocking(true).map_err(bad)?;
    let bound = listener.local_addr().map_err(bad)?;
    Ok((listener, bound))
}
