//! From training to answering: what a party takes along.

use std::sync::Arc;

use super::super::serving::{ServingParty, ServingPlan, TrainedModel};
use super::party::{MlpParty, Result};

impl MlpParty {
    /// After training, this party answers queries in further sessions: with the same secret, and at the root with the
    /// same keys and the model as it is, encrypted.
    pub fn into_serving(mut self, plan: Arc<ServingPlan>) -> Result<ServingParty> {
        let Some(engine) = self.root.engine.take() else {
            return Ok(ServingParty::new(plan, self.secret));
        };
        let collective = self.keys.public_key()?.clone();
        let [first, hidden] = self.root.take_weights();
        let model = TrainedModel { first, hidden };
        Ok(ServingParty::new(plan, self.secret).with_model(engine, collective, model))
    }
}
