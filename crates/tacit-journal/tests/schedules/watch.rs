//! The failure conditions: what is checked whenever a frame leaves, over all sessions under one key.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use tacit_ckks::{Ciphertext, Parameters};
use tacit_journal::simulation::Disks;
use tacit_mhe::{Ledger, Protocol};
use tacit_session::{Digest, Frame, FrameKind, PartyIndex};

use crate::training::{Contexts, Step, encoded_datum, refresh, release};

/// Every party's shares so far, and what was asked.
pub struct Watch {
    params: Parameters,
    /// Releases that the plan allows.
    pub allowed: usize,
    inputs: HashMap<(Digest, u32), Vec<u8>>,
    /// By party and c_1: the one share.
    shares: BTreeMap<(PartyIndex, [u8; 32]), Digest>,
    released: BTreeMap<PartyIndex, BTreeSet<[u8; 32]>>,
    /// What each session's protocols are named by.
    pub contexts: Contexts,
    /// Parties whose journal went back in time unnoticed: it may lack that they released.
    pub forgetful: BTreeSet<PartyIndex>,
    /// Parties whose ledger went back in time unnoticed: it may lack what left before.
    pub rolled_back: BTreeSet<PartyIndex>,
}

impl Watch {
    pub fn new(params: &Parameters, allowed: usize) -> Self {
        Self {
            params: params.clone(),
            allowed,
            inputs: HashMap::new(),
            shares: BTreeMap::new(),
            released: BTreeMap::new(),
            contexts: Contexts::default(),
            forgetful: BTreeSet::new(),
            rolled_back: BTreeSet::new(),
        }
    }

    pub fn leaves(&mut self, from: PartyIndex, frame: &Frame, disks: &Disks) -> Result<(), String> {
        let header = frame.header();
        let round = (header.session, header.round);
        if header.kind == FrameKind::Input {
            let input = || frame.payload().to_vec();
            self.inputs.entry(round).or_insert_with(input);
            return Ok(());
        }
        if header.kind != FrameKind::Share || header.round < 2 {
            return Ok(());
        }
        let Some(input) = self.inputs.get(&round).cloned() else {
            return Ok(()); // the session's last word
        };
        let label = header.label.as_str();
        let is = |step: Step| step.label() == label;
        if is(Step::Refresh) || is(Step::Release) {
            let ct = Ciphertext::from_bytes(&self.params, &input).map_err(|e| e.to_string())?;
            let name = Ledger::name_of(&ct.polys()[1]);
            self.one_share(from, name, header.payload_digest)?;
            self.named_by_its_session(is(Step::Release), round, &input, frame.payload())?;
            if !self.rolled_back.contains(&from) && !disks.ledger.holds(&name) {
                return Err("a share on a c_1 that is not in the ledger on the disk".into());
            }
            if is(Step::Release) && !self.forgetful.contains(&from) {
                self.within_plan(from, name)?;
            }
        }
        let is_own = header
            .claim
            .as_ref()
            .is_some_and(|c| c.contributors.count() == 1);
        if is(Step::Gradient) && is_own {
            return self.randomised(from, &input, frame.payload());
        }
        Ok(())
    }

    fn one_share(&mut self, from: PartyIndex, c1: [u8; 32], share: Digest) -> Result<(), String> {
        match *self.shares.entry((from, c1)).or_insert(share) == share {
            true => Ok(()),
            false => Err("two different shares on one c_1".into()),
        }
    }

    /// A share is of the protocol that its session, its round, who acts, and its input name, and no other.
    fn named_by_its_session(
        &self,
        is_release: bool,
        (session, number): (Digest, u32),
        input: &[u8],
        share: &[u8],
    ) -> Result<(), String> {
        let contexts = self.contexts.borrow();
        let Some(known) = contexts.get(&session) else {
            return Ok(());
        };
        let id = known.instance(number).and_then(|instance| {
            Ok(match is_release {
                true => release(&self.params, &instance, input)?.id(),
                false => refresh(&self.params, &instance, input)?.id(),
            })
        });
        let id = id.map_err(|e| e.to_string())?;
        match share.get(2..34) == Some(&id.as_bytes()[..]) {
            true => Ok(()),
            false => Err("a share of a protocol of another session".into()),
        }
    }

    fn within_plan(&mut self, from: PartyIndex, c1: [u8; 32]) -> Result<(), String> {
        let released = self.released.entry(from).or_default();
        released.insert(c1);
        match released.len() <= self.allowed {
            true => Ok(()),
            false => Err("a release outside the plan".into()),
        }
    }

    /// Whoever knows W divides by it: the quotient must not be the party's datum.
    fn randomised(&self, from: PartyIndex, input: &[u8], share: &[u8]) -> Result<(), String> {
        let said = |e: &dyn std::error::Error| e.to_string();
        let params = &self.params;
        let share = Ciphertext::from_bytes(params, share).map_err(|e| said(&e))?;
        let weights = input.len() - Ciphertext::encoded_len(params, share.level());
        let weights = Ciphertext::from_bytes(params, &input[weights..]).map_err(|e| said(&e))?;
        let datum = encoded_datum(params, from).map_err(|e| said(&e))?;
        let q = params.ring().q(0);
        let (w, s) = (weights.polys()[1].row(0), share.polys()[1].row(0));
        let products = w
            .iter()
            .zip(datum.poly().row(0))
            .map(|(&w, &x)| q.mul(w, x));
        match products.eq(s.iter().copied()) {
            true => Err("a product that gives the party's datum away".into()),
            false => Ok(()),
        }
    }
}
