//! A small application whose result anyone can check.

use crate::application::{Application, Next, RoundId, SessionContext};
use crate::digest::DigestWriter;
use crate::party_set::PartyIndex;

/// Adds up numbers: round r asks everyone for `r · value + input`, where the input is the total of
/// the round before. Totals wrap at 2^64.
///
/// A share is two words: the number, and a stand-in for the noise of a real share, drawn from a
/// PRF under the party's secret and bound to everything public about the round. The second word
/// shows two shares of one round to be different as soon as anything about them is.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Tally {
    value: u64,
    rounds: u32,
    context: Option<SessionContext>,
    /// Rounds this party gave a share for: state that a restart must bring back.
    answered: u64,
    totals: Vec<u64>,
}

/// What [`Tally`] refuses.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum TallyError {
    /// Not two words.
    #[error("{found} bytes where {expected} are expected; run the same version everywhere")]
    Length {
        /// Bytes found.
        found: usize,
        /// Bytes expected.
        expected: usize,
    },
}

impl Tally {
    /// A party with this value; the root runs `rounds` rounds.
    pub fn new(value: u64, rounds: u32) -> Self {
        Self {
            value,
            rounds,
            context: None,
            answered: 0,
            totals: Vec::new(),
        }
    }

    /// The totals, once the session is complete.
    pub fn totals(&self) -> &[u64] {
        &self.totals
    }

    /// What a session of the parties with these values must arrive at.
    pub fn expected(values: &[u64], rounds: u32) -> Vec<u64> {
        let mut totals = Vec::new();
        for round in 1..=u64::from(rounds) {
            let input = totals.last().copied().unwrap_or(0u64);
            let share = |v: &u64| v.wrapping_mul(round).wrapping_add(input);
            totals.push(values.iter().map(share).fold(0, u64::wrapping_add));
        }
        totals
    }
}

impl Application for Tally {
    type Error = TallyError;

    fn begin(&mut self, context: &SessionContext) -> Result<(), TallyError> {
        self.context = Some(context.clone());
        Ok(())
    }

    fn next_round(&mut self) -> Result<Next, TallyError> {
        if self.totals.len() < self.rounds as usize {
            let input = self.totals.last().copied().unwrap_or(0);
            return Ok(Next::round("tally", input.to_le_bytes().to_vec()));
        }
        Ok(Next::Complete(
            self.totals.iter().flat_map(|t| t.to_le_bytes()).collect(),
        ))
    }

    fn share(&mut self, round: &RoundId, input: &[u8]) -> Result<Vec<u8>, TallyError> {
        let [total] = words(input)?;
        self.answered += 1;
        let share = self.value.wrapping_mul(self.answered).wrapping_add(total);
        let seed = self.context.as_ref().map_or([0; 32], |c| c.crs_seed);
        let noise = DigestWriter::new("tacit tally noise")
            .u64(self.value)
            .bytes(&seed)
            .bytes(&round.binding(input).0)
            .finish();
        Ok([&share.to_le_bytes(), &noise.0[..8]].concat())
    }

    fn aggregate(
        &mut self,
        _: &RoundId,
        _: &[u8],
        into: &mut Vec<u8>,
        _: PartyIndex,
        share: &[u8],
    ) -> Result<(), TallyError> {
        let sum: [u64; 2] = words(into)?;
        let more: [u64; 2] = words(share)?;
        let sum = sum.into_iter().zip(more).map(|(s, m)| s.wrapping_add(m));
        *into = sum.flat_map(u64::to_le_bytes).collect();
        Ok(())
    }

    fn finish(&mut self, _: &RoundId, aggregate: Vec<u8>) -> Result<(), TallyError> {
        let [total, _] = words(&aggregate)?;
        self.totals.push(total);
        Ok(())
    }

    fn complete(&mut self, payload: &[u8]) -> Result<(), TallyError> {
        let totals = payload
            .chunks(8)
            .map(|word| words(word).map(|[total]| total));
        self.totals = totals.collect::<Result<_, _>>()?;
        Ok(())
    }

    fn rounds_expected(&self) -> Option<u32> {
        Some(self.rounds)
    }
}

fn words<const N: usize>(bytes: &[u8]) -> Result<[u64; N], TallyError> {
    let mut out = [0; N];
    if bytes.len() != 8 * N {
        return Err(TallyError::Length {
            found: bytes.len(),
            expected: 8 * N,
        });
    }
    for (word, chunk) in out.iter_mut().zip(bytes.chunks_exact(8)) {
        let mut le = [0; 8];
        le.copy_from_slice(chunk);
        *word = u64::from_le_bytes(le);
    }
    Ok(out)
}
