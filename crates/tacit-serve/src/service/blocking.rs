//! The client for programs without a runtime.

use tokio::runtime::{Builder, Runtime};

use super::client::ClientSettings;
use crate::error::Error;
use crate::message::Answer;

/// A [`Client`](crate::Client) with a thread of its own. Not for use inside a runtime.
#[derive(Debug)]
pub struct Client {
    // Dropped first: its connection lives on the runtime.
    client: crate::Client,
    runtime: Runtime,
}

impl Client {
    /// Checks the settings. The connection is opened when it is needed.
    pub fn new(settings: ClientSettings) -> Result<Self, Error> {
        let client = crate::Client::new(settings)?;
        let mut builder = Builder::new_multi_thread();
        let runtime = builder.worker_threads(1).enable_all().build();
        Ok(Self {
            client,
            runtime: runtime.map_err(Error::system)?,
        })
    }

    /// The answers to whole rows of features, in their order.
    pub fn query(&self, features: &[f32]) -> Result<Answer, Error> {
        self.runtime.block_on(self.client.query(features))
    }

    /// Sends bytes as they are and returns what comes back.
    pub fn exchange(&self, request: Vec<u8>) -> Result<Vec<u8>, Error> {
        self.runtime.block_on(self.client.exchange(request))
    }
}
