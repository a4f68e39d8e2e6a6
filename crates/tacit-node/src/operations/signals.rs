//! What the operating system asks of a node.

use tacit_transport::grpc::Stop;

use crate::error::Error;

/// Exit code of a process that a second signal ended at once.
pub const KILLED: i32 = 130;

/// From now on an interrupt or a termination signal asks the node to stop, and `asked` hears of it; a
/// second one ends the process at once, with exit code [`KILLED`].
pub fn watch(stop: Stop, asked: impl FnOnce() + Send + 'static) -> Result<(), Error> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(Error::io("a runtime for signals"))?;
    // Here, so that no signal is missed once this returns.
    let mut signals = {
        let _inside = runtime.enter();
        Signals::new().map_err(Error::io("signals"))?
    };
    let wait = move || {
        runtime.block_on(async {
            signals.next().await;
            asked();
            stop.ask();
            signals.next().await;
            std::process::exit(KILLED);
        });
    };
    std::thread::Builder::new()
        .name("signals".into())
        .spawn(wait)
        .map_err(Error::io("a thread for signals"))?;
    Ok(())
}

#[cfg(unix)]
struct Signals {
    interrupt: tokio::signal::unix::Signal,
    terminate: tokio::signal::unix::Signal,
}

#[cfg(unix)]
impl Signals {
    fn new() -> std::io::Result<Self> {
        use tokio::signal::unix::{SignalKind, signal};
        Ok(Self {
            interrupt: signal(SignalKind::interrupt())?,
            terminate: signal(SignalKind::terminate())?,
        })
    }

    async fn next(&mut self) {
        tokio::select! {
            _ = self.interrupt.recv() => {}
            _ = self.terminate.recv() => {}
        }
    }
}

#[cfg(not(unix))]
struct Signals;

#[cfg(not(unix))]
impl Signals {
    fn new() -> std::io::Result<Self> {
        Ok(Self)
    }

    async fn next(&mut self) {
        let _ = tokio::signal::ctrl_c().await;
    }
}
