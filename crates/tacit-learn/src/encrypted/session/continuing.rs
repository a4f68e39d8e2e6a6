//! Going on without a party that stays away.
//!
//! With `threshold.t` every party's share of the key is split among all while all are there (`threshold/shares`,
//! `threshold/confirm`). Afterwards any t of them can act for all. When a party stays away, those who are left [leave the
//! session](GlmParty::leave_unfinished) and [begin](Application::begin) another one, with a [`Continuation`] that says who takes
//! part and who acts with the key:
//!
//! ```text
//! continue/checkpoint → train/gradient → train/refresh → …
//! ```
//!
//! The root goes on from the weights after the last complete iteration. All who take part add fresh encryptions of zero to
//! them, so that every c_1 after that is new to every ledger, whatever shares left before. Keys are those of the first
//! session. Those who take part without the key give shares of zero key: their rows count, their masks help.
//!
//! The gradient is then over the rows of those who take part, still divided by the number of all rows: steps are as small or
//! smaller than they would be, and the pull towards zero weighs as much more as rows are missing. After training the same
//! parties answer queries.
//!
//! What may have been decrypted before is not decrypted again from the same ciphertext: an answer is re-randomised and
//! counts as one more; a release of the model is not begun twice.

use super::*;
use crate::encrypted::parameters::REFRESHES_OF_THRESHOLD;

fn refused(problem: impl Into<String>) -> EncryptedError {
    EncryptedError::Continuation(problem.into())
}

/// Parts of a checkpoint's input: where it is, public key, totals, bound, evaluation keys, weights, the weights before.
const PARTS: usize = 7;

impl GlmParty {
    /// The session is over for this party, though it is not complete: others went on without somebody, or will. What began
    /// in it is given up, back to the last complete iteration; queries not answered must be submitted again. Does nothing
    /// after the end of a session.
    pub fn leave_unfinished(&mut self) {
        self.away.left |= std::mem::take(&mut self.away.under_way);
        self.round = None;
        self.root.base = None;
        self.root.lowered = None;
        self.root.queries.clear();
    }

    /// The first session, whose keys all others use: [`Continuation::origin`].
    pub fn origin(&self) -> Option<Digest> {
        self.keys
            .origin()
            .ok()
            .map(|context| Digest(context.session))
    }

    /// Whether this party could go on without some of the others: at the root, also whether there is something to go on
    /// from. The error says what all parties are needed for.
    pub fn can_go_on(&self, is_root: bool) -> Result<()> {
        if self.plan.encryption.threshold.is_none() {
            return Err(refused(
                "the plan has no threshold, so all parties are needed; wait for the one that is away",
            ));
        }
        let needed = "all parties are needed until then; wait for the one that is away";
        if self.away.place.is_none() || (is_root && !self.root.confirmed) {
            return Err(refused(format!(
                "not everybody has its sub-shares of the key yet (threshold/confirm); {needed}"
            )));
        }
        if is_root && self.root.completed == 0 {
            return Err(refused(format!("no iteration is complete yet; {needed}")));
        }
        if is_root && self.away.releasing.is_some() && self.root.released.is_none() {
            return Err(refused(
                "the model's release had begun among others, and it is released once; wait for the party that is away",
            ));
        }
        Ok(())
    }

    /// A session of all parties: the first, or one that answers.
    pub(super) fn begin_with_all(&mut self, context: &SessionContext) -> Result<()> {
        if let Some(last) = &self.away.last {
            return Err(refused(format!(
                "this party is in {last}; say who takes part from now on, even if all do"
            )));
        }
        if self.away.left {
            return Err(refused(
                "this party has left the first session; say who takes part from now on, even if all do",
            ));
        }
        if let (Some(threshold), Err(_)) = (self.plan.encryption.threshold, self.keys.session()) {
            let (session, announced) = (&context.session.0, &context.announcements);
            let me = u32::from(context.me.0);
            let exchange = Exchange::new(self.params(), session, me, threshold, announced)?;
            self.away.exchange = Some(exchange);
        }
        Ok(())
    }

    /// A session without some of the parties.
    pub(super) fn go_on(&mut self, me: PartyIndex, with: &Continuation) -> Result<()> {
        let is_root = me == PartyIndex::ROOT;
        self.can_go_on(is_root)?;
        if self.origin() != Some(with.origin) {
            return Err(refused("it is about the keys of another session"));
        }
        let is_next = match &self.away.last {
            _ if self.away.under_way => {
                return Err(refused("the session before is still under way here"));
            }
            None => true,
            Some(last) if with.attempt > last.attempt => true,
            Some(last) if with == last && !self.away.left => false,
            Some(last) => {
                return Err(refused(format!(
                    "this party was in {last}; {with} is not later"
                )));
            }
        };
        let place = self.away.place.as_ref().ok_or_else(not_entered)?;
        let holders: Vec<u32> = with.holders.iter().map(|p| u32::from(p.0)).collect();
        let params = self.params();
        let acting = match with.holders.contains(&me) {
            true => place.activate(params, &holders)?,
            false => place.stand_by(params, &holders)?,
        };
        self.away.acting = Some(acting);
        self.away.last = Some(with.clone());
        self.away.left = false;
        let answers = self.plan.max_answers;
        self.script = match is_next {
            false => Script::serving(answers),
            true if is_root => self.script_from(self.root.completed, self.releases_model()),
            true => Script::rejoining(),
        };
        Ok(())
    }

    /// Whether the session begins with a checkpoint is for the root to say: a process that started anew may not know what
    /// the others have done together since.
    pub(super) fn follow(&mut self, round: &RoundId) {
        let is_first = round.number == FIRST_ROUND && self.round.is_none();
        if self.away.last.is_none() || self.me == PartyIndex::ROOT.as_usize() || !is_first {
            return;
        }
        self.script = match round.label.as_str() == Step::Checkpoint.label() {
            true => Script::rejoining(),
            false => Script::serving(self.plan.max_answers),
        };
    }

    fn script_from(&self, first: usize, release: bool) -> Script {
        let (iterations, answers) = (self.plan.config.iterations, self.plan.max_answers);
        Script::continuing(first, iterations, release, answers)
    }

    fn releases_model(&self) -> bool {
        self.plan.release_model && self.root.released.is_none()
    }

    pub(super) fn exchange(&self) -> Result<&Exchange> {
        let exchange = self.away.exchange.as_ref();
        exchange.ok_or_else(|| missing("sub-shares", "the plan has no threshold"))
    }

    /// What this party makes its shares with: all of its own key, or its part of what others lack.
    pub(super) fn acting(&self) -> &PartySecret {
        self.away.acting.as_ref().unwrap_or(&self.secret)
    }

    /// Every party knows for itself in which session it released: the root may have forgotten.
    pub(super) fn begin_release(&mut self) -> Result<()> {
        let session = self.keys.session()?.session;
        if self.away.releasing.is_some_and(|before| before != session) {
            return Err(refused(
                "a share of the model's release has left in another session, and it is released once",
            ));
        }
        self.away.releasing = Some(session);
        Ok(())
    }

    /// Masks hide as many refreshes as they were made for.
    pub(super) fn count_refresh(&mut self) -> Result<()> {
        let most = REFRESHES_OF_THRESHOLD * self.plan.config.iterations;
        if self.plan.encryption.threshold.is_some() && self.away.refreshes >= most {
            return Err(refused(format!(
                "{most} refreshes were made, as many as the masks of this plan hide; it cannot be begun again so often"
            )));
        }
        self.away.refreshes += 1;
        Ok(())
    }

    /// Root: everything that somebody may lack who takes part.
    pub(super) fn checkpoint_input(&self) -> Result<Vec<u8>> {
        let first = self.root.completed;
        let mut head = (first as u64).to_le_bytes().to_vec();
        head.push(u8::from(self.releases_model()));
        if first == self.plan.config.iterations {
            let mut parts = vec![&head[..]];
            parts.resize(PARTS, &[]);
            return Ok(sections::join(&parts));
        }
        let keys = self.keys.hand_out(&self.party_keys())?;
        let (totals, bound) = (self.totals_bytes(), self.bound_bytes());
        let weights = self.weights()?.to_bytes(self.params());
        let previous = self.root.previous.as_ref();
        let previous = previous.map_or_else(Vec::new, |ct| ct.to_bytes(self.params()));
        let public = self.keys.public_key_sum();
        Ok(sections::join(&[
            &head, public, &totals, &bound, &keys, &weights, &previous,
        ]))
    }

    /// Where it goes on; the number of ciphertexts to re-randomise.
    pub(super) fn learn_checkpoint(&mut self, input: &[u8]) -> Result<usize> {
        let parts = sections::split("checkpoint", input, PARTS)?;
        let (first, release) = match parts[0].split_first_chunk::<8>() {
            Some((first, [release @ 0..=1])) => (u64::from_le_bytes(*first), *release == 1),
            _ => return Err(missing("checkpoint", "not an iteration and a flag")),
        };
        let iterations = self.plan.config.iterations;
        let first = usize::try_from(first).unwrap_or(usize::MAX);
        if !(1..=iterations).contains(&first) || (release && !self.plan.release_model) {
            let problem = format!("iteration {first} is not of this plan, or the model's release");
            return Err(missing("checkpoint", &problem));
        }
        self.script = self.script_from(first, release);
        self.refreshed.forget();
        if first == iterations {
            return Ok(0);
        }
        self.keys.learn_public_key(parts[1])?;
        self.learn_totals(parts[2])?;
        self.learn_bound(parts[3])?;
        self.learn_keys(parts[4])?;
        Ok(given(&parts).len())
    }

    /// Fresh encryptions of zero, as many as there are ciphertexts.
    pub(super) fn checkpoint_share(&self, round: &RoundId, input: &[u8]) -> Result<Vec<u8>> {
        let parts = sections::split("checkpoint", input, PARTS)?;
        let params = self.params();
        let mut shares = Vec::new();
        for (k, bytes) in (0..).zip(given(&parts)) {
            let ct = Ciphertext::from_bytes(params, bytes)?;
            let mut transcript = tacit_ring::Transcript::new("learn checkpoint");
            transcript.append(&round.binding(input).0).append_u64(k);
            let zero = self.keys.encrypt_bound(
                self.acting(),
                transcript,
                &[0.0],
                ct.level(),
                ct.scale(),
            )?;
            shares.push(zero.to_bytes(params));
        }
        let shares: Vec<&[u8]> = shares.iter().map(Vec::as_slice).collect();
        Ok(sections::join(&shares))
    }

    /// Root: adds what all have made to what it went on from.
    pub(super) fn go_on_from(&mut self, sum: &[u8]) -> Result<()> {
        let zeros = sections::split_any("checkpoint", sum)?;
        let params = self.params().clone();
        let mut kept = [&mut self.root.weights, &mut self.root.previous];
        for (kept, zero) in kept.iter_mut().filter_map(|ct| ct.as_mut()).zip(zeros) {
            let mut bytes = kept.to_bytes(&params);
            Ciphertext::add_encoded(&params, &mut bytes, zero)?;
            *kept = Ciphertext::from_bytes(&params, &bytes)?;
        }
        Ok(())
    }

    /// Root: an answer among fewer parties is re-randomised, since shares on the ciphertext may have left before.
    pub(super) fn answered_anew(&self, result: Ciphertext) -> Result<Ciphertext> {
        if self.away.last.is_none() {
            return Ok(result);
        }
        let session = &self.keys.session()?.session;
        let key = self.keys.public_key()?;
        let result = tacit_mhe::Private::new(result);
        Ok(result.rerandomise(self.params(), key, self.acting(), session, None)?)
    }
}

/// The ciphertexts of a checkpoint: weights, and those before, where there are.
fn given<'a>(parts: &[&'a [u8]]) -> Vec<&'a [u8]> {
    let last = parts.iter().skip(PARTS - 2);
    last.copied().filter(|part| !part.is_empty()).collect()
}
