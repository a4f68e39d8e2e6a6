//! The point of a gradient on its way: c_0 alone where every party can tell c_1, which is half of it.
//!
//! A refreshed ciphertext is (c_0, a), with `a` from the common random string of its instance: whoever took part in a refresh
//! knows it ([`Refresh::without_c0`]). A point is an integer combination of the last two results, so its c_1 is that of the
//! same combination of (0, a). After a checkpoint, which re-randomises weights, points travel whole until two refreshes have passed.

use super::*;

/// What a party knows of the last two refreshed weights: (0, a).
#[derive(Default)]
pub(super) struct Refreshed {
    last: Option<Ciphertext>,
    before: Option<Ciphertext>,
}

impl Refreshed {
    pub fn push(&mut self, refresh: &Refresh) {
        self.before = self.last.replace(refresh.without_c0());
    }

    /// The weights are no longer those of a refresh.
    pub fn forget(&mut self) {
        *self = Self::default();
    }
}

impl GlmParty {
    /// The point of iteration t with 0 for c_0, as far as this party can tell.
    fn point_without_c0(&self, t: usize) -> Result<Option<Ciphertext>> {
        let Some(last) = &self.refreshed.last else {
            return Ok(None);
        };
        let schedule = self.schedule()?;
        let before = self.refreshed.before.as_ref();
        Ok(Some(match schedule.is_nesterov() {
            true => self
                .assembled()?
                .extrapolate(last, before, &schedule.steps()[t])?,
            false => last.clone(),
        }))
    }

    /// Root: a point, without c_1 if it is made of the refreshed weights that the others know.
    pub(super) fn point_to_bytes(&self, t: usize, point: &Ciphertext) -> Result<Vec<u8>> {
        let (root, known) = (&self.root, &self.refreshed);
        let schedule = self.schedule()?;
        let with_before = schedule.is_nesterov() && schedule.steps()[t].momentum_units > 0;
        let is_known = same_c1(&root.weights, &known.last)
            && (!with_before || same_c1(&root.previous, &known.before));
        Ok(match is_known {
            true => point.c0_to_bytes(self.params()),
            false => point.to_bytes(self.params()),
        })
    }

    /// The point of iteration t, from the root.
    pub(super) fn point_from_bytes(&self, t: usize, bytes: &[u8]) -> Result<Ciphertext> {
        let params = self.params();
        if !Ciphertext::is_c0(bytes) {
            return Ok(Ciphertext::from_bytes(params, bytes)?);
        }
        let problem = "it came without c_1, but this party was not in the refresh before";
        let known = self.point_without_c0(t)?;
        let known = known.ok_or_else(|| missing("point of a gradient", problem))?;
        let [_, c1] = <[_; 2]>::try_from(known.into_polys()).map_err(|_| not_entered())?;
        Ok(Ciphertext::from_c0_bytes(params, bytes, c1)?)
    }
}

fn same_c1(a: &Option<Ciphertext>, b: &Option<Ciphertext>) -> bool {
    match (a, b) {
        (Some(a), Some(b)) => a.polys()[1] == b.polys()[1],
        (a, b) => a.is_none() && b.is_none(),
    }
}
