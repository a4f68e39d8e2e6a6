//! A session of long vectors, without cryptography.

use std::convert::Infallible;

use tacit_session::{Application, Next, PartyIndex, RoundId, SessionContext};

/// Hands long vectors down and up again.
pub struct Bulk {
    /// Rounds that are left.
    pub rounds: usize,
    /// Bytes of an input.
    pub input: usize,
    /// Bytes of a share.
    pub share: usize,
    /// Adds a share to a sum.
    pub add: fn(&mut [u8], &[u8]),
}

impl Application for Bulk {
    type Error = Infallible;

    fn begin(&mut self, _: &SessionContext) -> Result<(), Infallible> {
        Ok(())
    }

    fn next_round(&mut self) -> Result<Next, Infallible> {
        let Some(left) = self.rounds.checked_sub(1) else {
            return Ok(Next::Complete(Vec::new()));
        };
        self.rounds = left;
        Ok(Next::round("bulk", vec![left as u8; self.input]))
    }

    fn share(&mut self, _: &RoundId, input: &[u8]) -> Result<Vec<u8>, Infallible> {
        Ok(vec![input[0]; self.share])
    }

    fn aggregate(
        &mut self,
        _: &RoundId,
        _: &[u8],
        into: &mut Vec<u8>,
        _: PartyIndex,
        share: &[u8],
    ) -> Result<(), Infallible> {
        (self.add)(into, share);
        Ok(())
    }

    fn finish(&mut self, _: &RoundId, _: Vec<u8>) -> Result<(), Infallible> {
        Ok(())
    }

    fn complete(&mut self, _: &[u8]) -> Result<(), Infallible> {
        Ok(())
    }
}
