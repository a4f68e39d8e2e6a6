//! The operator's wish that a site ends.

use std::sync::Arc;

use tokio::sync::watch;

/// Asks a running site to end in order. Clones ask the same site; what nobody asks runs on.
///
/// A site that is asked leaves its hub, finishes and keeps the step that it is at, and returns
/// [`Error::Stopped`](crate::Error::Stopped). Started again, it goes on with the next step.
#[derive(Clone, Debug)]
pub struct Stop(Arc<watch::Sender<bool>>);

impl Default for Stop {
    fn default() -> Self {
        Self(Arc::new(watch::Sender::new(false)))
    }
}

impl Stop {
    /// Nobody has asked yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Asks. Asking again changes nothing.
    pub fn ask(&self) {
        self.0.send_replace(true);
    }

    /// Whether somebody has asked.
    pub fn is_asked(&self) -> bool {
        *self.0.borrow()
    }

    /// Done when somebody has asked.
    pub async fn asked(&self) {
        let mut seen = self.0.subscribe();
        // The sender lives in `self`.
        let _ = seen.wait_for(|asked| *asked).await;
    }
}
