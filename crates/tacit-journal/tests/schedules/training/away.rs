//! What a party of the training in miniature needs to go on without another.

use std::cell::RefCell;
use std::collections::HashMap;
use std::rc::Rc;

use tacit_ckks::{Ciphertext, PublicKey, encrypt_zero};
use tacit_mhe::threshold::{Exchange, ThresholdSecret};
use tacit_mhe::{Instance, SessionContext as Context};
use tacit_session::{Continuation, Digest};

use super::*;

/// What everybody may know of a session: what its protocols are named by.
#[derive(Clone)]
pub struct Known {
    pub context: Context,
    pub holders: Option<Vec<u32>>,
}

impl Known {
    pub fn of(context: &SessionContext) -> Self {
        let holders = |c: &Continuation| c.holders.iter().map(|p| u32::from(p.0)).collect();
        Self {
            context: Context {
                session: context.session.0,
                crs: context.crs_seed,
                parties: context.parties.into(),
            },
            holders: context.continuation.as_ref().map(holders),
        }
    }

    pub fn instance(&self, round: u32) -> Result<Instance> {
        Ok(match &self.holders {
            Some(holders) => self.context.instance_among(round.into(), holders)?,
            None => self.context.instance(round.into()),
        })
    }
}

/// By session.
pub type Contexts = Rc<RefCell<HashMap<Digest, Known>>>;

#[derive(Default)]
pub struct Away {
    /// t; 0 for none.
    pub threshold: u32,
    pub contexts: Contexts,
    exchange: Option<Exchange>,
    place: Option<ThresholdSecret>,
    acting: Option<PartySecret>,
    origin: Option<Known>,
    dealt: Vec<u8>,
    confirmed: bool,
    /// The session in which shares of the release may have left.
    releasing: Option<Digest>,
    /// Root: after the last gradient.
    pub(super) kept: Checkpoint,
}

impl Training {
    pub fn with_threshold(mut self, threshold: u32, contexts: &Contexts) -> Self {
        self.away.threshold = threshold;
        self.away.contexts = contexts.clone();
        self
    }

    pub fn origin(&self) -> Option<Digest> {
        let origin = self.away.origin.as_ref();
        origin.map(|known| Digest(known.context.session))
    }

    /// Root: where it goes on from.
    pub fn kept(&self) -> &Checkpoint {
        &self.away.kept
    }

    /// Whether this party could go on without another.
    pub fn can_go_on(&self) -> Result<()> {
        let needed = |what| Err(Refusal::AllAreNeeded(what));
        let is_root = self.me == PartyIndex::ROOT;
        if self.away.place.is_none() || (is_root && !self.away.confirmed) {
            return needed("not everybody has its sub-shares");
        }
        if is_root && self.away.kept.state.is_empty() {
            return needed("there is no checkpoint");
        }
        if is_root && self.away.releasing.is_some() && self.flaw != Some(Flaw::ReleasesTwice) {
            return needed("the model's release had begun");
        }
        Ok(())
    }

    /// The session is over for this party.
    pub fn leave(&mut self) {
        let kept = &self.away.kept;
        let mut script = vec![Step::Rejoin];
        script.extend(&kept.script);
        self.from = Checkpoint {
            script,
            ..kept.clone()
        };
        self.context = None;
    }

    pub(super) fn begin_away(&mut self, context: &SessionContext) -> Result<()> {
        let known = Known::of(context);
        let mut contexts = self.away.contexts.borrow_mut();
        contexts.insert(context.session, known.clone());
        drop(contexts);
        let Some(with) = &context.continuation else {
            if self.away.threshold > 0 {
                let (session, announced) = (&context.session.0, &context.announcements);
                let (me, t) = (u32::from(self.me.0), self.away.threshold);
                self.away.exchange = Some(Exchange::new(&self.params, session, me, t, announced)?);
            }
            self.away.origin = Some(known);
            return Ok(());
        };
        self.can_go_on()?;
        let (Some(place), Some(holders)) = (&self.away.place, &known.holders) else {
            return Err(Refusal::Input);
        };
        self.away.acting = Some(match with.holders.contains(&self.me) {
            true => place.activate(&self.params, holders)?,
            false => place.stand_by(&self.params, holders)?,
        });
        Ok(())
    }

    /// Every party knows for itself in which session it released.
    pub(super) fn begin_release(&mut self) -> Result<()> {
        let session = self.context.as_ref().map(|c| c.session);
        let before = self.away.releasing.or(session);
        if before != session && self.flaw != Some(Flaw::ReleasesTwice) {
            return Err(Refusal::AllAreNeeded("a share of the release had left"));
        }
        self.away.releasing = session;
        Ok(())
    }

    /// What protocols are named by.
    pub(super) fn known(&self) -> Result<Known> {
        let context = self.context.as_ref().ok_or(Refusal::Input)?;
        let known = Known::of(context);
        match &self.away.origin {
            Some(origin) if self.flaw == Some(Flaw::SessionIdReused) => Ok(Known {
                context: origin.context.clone(),
                ..known
            }),
            _ => Ok(known),
        }
    }

    pub(super) fn acting(&self) -> &PartySecret {
        self.away.acting.as_ref().unwrap_or(&self.secret)
    }

    fn exchange(&self) -> Result<&Exchange> {
        self.away.exchange.as_ref().ok_or(Refusal::Input)
    }

    pub(super) fn away_input(&mut self, step: Step) -> Vec<u8> {
        match step {
            Step::Confirm => std::mem::take(&mut self.away.dealt),
            Step::Rejoin => {
                let left = self.from.script.len() as u8 - 1;
                [&[left][..], &self.key, &self.state].concat()
            }
            Step::Release => {
                self.away.releasing = self.context.as_ref().map(|c| c.session);
                self.state.clone()
            }
            _ => Vec::new(),
        }
    }

    pub(super) fn away_share(
        &mut self,
        step: Step,
        round: &RoundId,
        input: &[u8],
    ) -> Result<Vec<u8>> {
        match step {
            Step::SubShares => Ok(self.exchange()?.deal(&self.secret)?),
            Step::Confirm => {
                let exchange = self.exchange()?;
                let place = exchange.receive(&self.secret, input)?;
                let receipt = exchange.receipt(input).to_vec();
                self.away.place = Some(place);
                Ok(receipt)
            }
            _ => {
                let tail = Ciphertext::encoded_len(&self.params, TOP - 1);
                let (left, rest) = input.split_first().ok_or(Refusal::Input)?;
                let key = rest.len().checked_sub(tail).ok_or(Refusal::Input)?;
                let (key, state) = rest.split_at(key);
                let key = PublicKey::from_bytes(&self.params, key)?;
                let state = Ciphertext::from_bytes(&self.params, state)?;
                if self.me != PartyIndex::ROOT {
                    let whole = Checkpoint::fresh(9).script;
                    let rest = whole.len().checked_sub(usize::from(*left));
                    self.from.script = vec![Step::Rejoin];
                    self.from
                        .script
                        .extend(&whole[rest.ok_or(Refusal::Input)?..]);
                }
                let binding = round.binding(input).0;
                let mut xof = self.acting().stream_seed("rejoin", &binding).expand();
                let zero = encrypt_zero(&self.params, &key, state.level(), state.scale(), &mut xof);
                Ok(zero.to_bytes(&self.params))
            }
        }
    }

    pub(super) fn away_aggregate(
        &self,
        step: Step,
        into: &mut Vec<u8>,
        share: &[u8],
    ) -> Result<()> {
        match step {
            Step::SubShares => Ok(self.exchange()?.merge(into, share)?),
            Step::Confirm if into[..] != *share => Err(Refusal::Input),
            Step::Confirm => Ok(()),
            _ => Ok(Ciphertext::add_encoded(&self.params, into, share)?),
        }
    }

    pub(super) fn away_finish(&mut self, step: Step, sum: Vec<u8>) -> Result<()> {
        match step {
            Step::SubShares => self.away.dealt = sum,
            Step::Confirm => self.away.confirmed = true,
            _ if self.flaw == Some(Flaw::CheckpointAsItWas) => {}
            _ => Ciphertext::add_encoded(&self.params, &mut self.state, &sum)?,
        }
        Ok(())
    }
}
