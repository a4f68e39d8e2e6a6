//! A hub, from its files until it is stopped.

use std::net::SocketAddr;
use std::time::SystemTime;

use tacit_identity::SiteRole;
use tacit_transport::grpc::{Hub, HubEvent, HubLimits};
use tokio::net::TcpListener;

use crate::config::NodeConfig;
use crate::error::Error;
use crate::operations::Operations;

/// Relays until the operator asks for the end. `ready` hears where the hub listens.
pub fn relay(
    config: &NodeConfig,
    operations: &Operations,
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
    let (identity, roster) = (config.open_identity()?, config.signed_roster()?);
    let certificate = identity.certificate().clone();
    let hub = Hub::new(identity, roster.clone(), limits, log)?;
    operations.introduce(SiteRole::Hub, &certificate, &roster, SystemTime::now());
    operations.watch_hub(hub.clone());
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
        Ok(hub.serve(listener, operations.stop().asked()).await?)
    })
}

#[cfg(test)]
mod tests;
