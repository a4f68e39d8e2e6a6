//! A hub on a thread of its own, beside whatever else a process does.

use std::net::{SocketAddr, TcpListener};
use std::sync::Arc;
use std::thread;

use tokio::sync::oneshot;

use super::desk::runtime;
use super::hub::Hub;
use crate::error::Error;

/// A hub that serves for as long as this value lives.
#[derive(Debug)]
pub struct HubThread {
    address: SocketAddr,
    stop: Option<oneshot::Sender<()>>,
    thread: Option<thread::JoinHandle<()>>,
}

impl HubThread {
    /// Listens on `listen`, an `address:port`; port 0 takes a free one.
    pub fn start(hub: Arc<Hub>, listen: &str) -> Result<Self, Error> {
        let what = format!("listening on {listen}");
        let listener = TcpListener::bind(listen).map_err(Error::io(&what))?;
        listener.set_nonblocking(true).map_err(Error::io(&what))?;
        let address = listener.local_addr().map_err(Error::io(&what))?;
        let runtime = runtime()?;
        let (stop, stopped) = oneshot::channel();
        let serve = move || {
            runtime.block_on(async {
                // Fails only without a runtime, and this is one.
                if let Ok(listener) = tokio::net::TcpListener::from_std(listener) {
                    let stopped = async { drop(stopped.await) };
                    let _ = hub.serve(listener, stopped).await;
                }
            });
        };
        let thread = thread::Builder::new()
            .name("hub".into())
            .spawn(serve)
            .map_err(Error::io("a thread for the hub"))?;
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

impl Drop for HubThread {
    fn drop(&mut self) {
        drop(self.stop.take());
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}
