//! What the operating system asks of a server.

use std::sync::mpsc::{Receiver, channel};

use tokio::runtime::Handle;

use crate::error::Error;

/// A wish of the operator.
pub(crate) enum Signal {
    /// Read everything again (hangup).
    Reload,
    /// End (interrupt, terminate).
    Stop,
}

/// Signals from now on.
#[cfg(unix)]
pub(crate) fn watch(runtime: &Handle) -> Result<Receiver<Signal>, Error> {
    use tokio::signal::unix::{SignalKind, signal};

    let _inside = runtime.enter();
    let mut hangup = signal(SignalKind::hangup()).map_err(Error::system)?;
    let mut interrupt = signal(SignalKind::interrupt()).map_err(Error::system)?;
    let mut terminate = signal(SignalKind::terminate()).map_err(Error::system)?;
    let (sender, receiver) = channel();
    runtime.spawn(async move {
        loop {
            let signal = tokio::select! {
                _ = hangup.recv() => Signal::Reload,
                _ = interrupt.recv() => Signal::Stop,
                _ = terminate.recv() => Signal::Stop,
            };
            if sender.send(signal).is_err() {
                return;
            }
        }
    });
    Ok(receiver)
}

/// Interrupts from now on; there are no others here.
#[cfg(not(unix))]
pub(crate) fn watch(runtime: &Handle) -> Result<Receiver<Signal>, Error> {
    let (sender, receiver) = channel();
    runtime.spawn(async move {
        let _ = tokio::signal::ctrl_c().await;
        let _ = sender.send(Signal::Stop);
    });
    Ok(receiver)
}
