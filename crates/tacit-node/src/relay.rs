//! A hub, from its files until it is stopped.

use std::net::SocketAddr;

use tacit_transport::grpc::{Hub, HubEvent, HubLimits};
use tokio::net::TcpListener;

use crate::config::NodeConfig;
use crate::error::Error;

/// Relays until an interrupt or a termination signal. `ready` hears where the hub listens.
pub fn relay(
    config: &NodeConfig,
    log: impl Fn(HubEvent) + Send + Sync + 'static,
    ready: impl FnOnce(SocketAddr),
) -> Result<(), Error> {
    let relay = config.relay.as_ref().ok_or_else(|| {
        let problem = "there is no [relay] section; a party is run from [party]";
        Error::config("node", problem)
    })?;
    let limits = HubLimits {
        connections: relay.connections,
        bytes_per_second: relay.bytes_per_second,
        ..HubLimits::default()
    };
    let hub = Hub::new(
        config.open_identity()?,
        config.signed_roster()?,
        limits,
        log,
    )?;
    let system = |what: &str| Error::io(format!("{what} {}", relay.listen));
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(system("a runtime for"))?;
    runtime.block_on(async {
        let listener = TcpListener::bind(&relay.listen)
            .await
            .map_err(system("listening on"))?;
        ready(listener.local_addr().map_err(system("listening on"))?);
        let stop = stopped().map_err(system("signals for"))?;
        Ok(hub.serve(listener, stop).await?)
    })
}

/// Done when the operator wants the process to end.
#[cfg(unix)]
fn stopped() -> std::io::Result<impl Future<Output = ()>> {
    use tokio::signal::unix::{SignalKind, signal};
    let mut interrupt = signal(SignalKind::interrupt())?;
    let mut terminate = signal(SignalKind::terminate())?;
    Ok(async move {
        tokio::select! {
            _ = interrupt.recv() => {}
            _ = terminate.recv() => {}
        }
    })
}

#[cfg(not(unix))]
fn stopped() -> std::io::Result<impl Future<Output = ()>> {
    Ok(async { drop(tokio::signal::ctrl_c().await) })
}
