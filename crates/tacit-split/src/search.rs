//! Where to cut: every legal cut hardened, priced and attacked.
//!
//! A deeper cut costs the client more and lets features forget more. [`search`] hardens the same
//! deployed network at each cut with the same recipe and marks the **Pareto front**: the cuts that no
//! other one beats in client cost, leak and public accuracy at once.
//!
//! # Limits
//! One seed and a quick audit: it says where to look, not what to report. Latency is that of this
//! machine, one row at a time.

use crate::error::SplitError;
use crate::evaluate::{Effort, Leak};
use crate::harden::{Cost, Outcome, Recipe, harden};
use crate::noise::ClientSecret;
use serde::{Deserialize, Serialize};
use tacit_audit::features::{LeakStudy, Private, Subjects};
use tacit_nn::Samples;
use tacit_nn::layered::{Cut, Layered};
use tacit_nn::predict::{accuracy, argmax};

/// One cut.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct CutPoint {
    /// The cut and its price.
    pub cut: Cut,
    /// Bytes of a request under the recipe's grid.
    pub bytes_sent: usize,
    /// Median time of encoding one row, in milliseconds, the noise included.
    pub encode_ms: f64,
    /// Public accuracy on the test rows under the veil.
    pub public_accuracy: f64,
    /// The largest leak over the private labels, by normalised figure where there is one.
    pub leaks: Vec<Leak>,
    /// What became of the hardening.
    pub outcome: Outcome,
    /// What it cost.
    pub cost: Cost,
    /// Whether no other cut beats it in client cost, leak and public accuracy at once.
    pub on_front: bool,
}

impl CutPoint {
    /// The figure that cuts are compared by: the largest normalised leak, or, where all are
    /// withheld, the largest advantage of an attack over its floor.
    pub fn leak(&self) -> f64 {
        let scored = self.leaks.iter().filter_map(|l| l.leak_normalised);
        let largest = scored.fold(f64::NEG_INFINITY, f64::max);
        if largest.is_finite() {
            return largest;
        }
        let advantages = self.leaks.iter().map(|l| l.attack_max - l.floor_hard);
        advantages.fold(f64::NEG_INFINITY, f64::max)
    }
}

/// Rows for [`search`].
#[derive(Debug, Clone, Copy)]
pub struct Ground<'a> {
    /// Of the model, with public labels.
    pub train: &'a Samples,
    /// Of the model, with public labels.
    pub validation: &'a Samples,
    /// The same rows as `train` with the private label that a method may learn from.
    pub known: Option<&'a Samples>,
    /// People whom nothing was trained on.
    pub subjects: &'a Subjects,
    /// Their private labels.
    pub private: &'a [Private],
}

/// Hardens and attacks `network` at each of `cuts` (all legal ones when empty). `progress` is told
/// each cut before its turn.
pub fn search(
    network: &Layered,
    cuts: &[usize],
    ground: Ground<'_>,
    recipe: &Recipe,
    effort: Effort,
    mut progress: impl FnMut(&Cut),
) -> Result<Vec<CutPoint>, SplitError> {
    let legal = network.architecture().cuts();
    if let Some(&after) = cuts.iter().find(|a| legal.iter().all(|c| c.after != **a)) {
        let names: Vec<&str> = legal.iter().map(|c| c.name.as_str()).collect();
        let legal = names.join(", ");
        return Err(SplitError::Cut { after, legal });
    }
    let study = LeakStudy::new(effort.of_audit(), recipe.seed);
    let mut ceilings = Vec::with_capacity(ground.private.len());
    for private in ground.private {
        ceilings.push(study.ceiling(ground.subjects, private)?);
    }
    let mut points = Vec::new();
    for cut in legal {
        if !cuts.is_empty() && !cuts.contains(&cut.after) {
            continue;
        }
        progress(&cut);
        let hardened = harden(
            network,
            cut.after,
            ground.train,
            ground.validation,
            ground.known,
            recipe,
            |_| {},
        )?;
        let deployment = hardened.deploy(ClientSecret::from_bytes([0x5a; 32]))?;
        let test = ground.subjects.test();
        let sent = deployment.client.sent(test.features(), 0)?;
        let answers = argmax(&deployment.head.answer(&sent)?);
        let seen = study.observe(&deployment, ground.subjects)?;
        let mut leaks = Vec::with_capacity(ground.private.len());
        for (private, ceiling) in ground.private.iter().zip(&ceilings) {
            let report = study.run(ground.subjects, &seen, private, ceiling)?;
            leaks.push(Leak::of(&report));
        }
        points.push(CutPoint {
            bytes_sent: hardened.veil.bytes(sent.columns()),
            encode_ms: 1e3 * deployment.client.latency(test.features())?.as_secs_f64(),
            public_accuracy: accuracy(&answers, test.labels())?,
            leaks,
            outcome: hardened.outcome,
            cost: hardened.cost,
            on_front: false,
            cut,
        });
    }
    mark_front(&mut points);
    Ok(points)
}

/// Marks the points that no other one is at least as good as in everything and better in something.
/// A collapsed hardening is never on the front.
pub fn mark_front(points: &mut [CutPoint]) {
    let merits: Vec<[f64; 3]> = points
        .iter()
        .map(|p| [-(p.cut.client_macs as f64), -p.leak(), p.public_accuracy])
        .collect();
    let beats = |a: &[f64; 3], b: &[f64; 3]| {
        let pairs = || a.iter().zip(b);
        pairs().all(|(x, y)| x >= y) && pairs().any(|(x, y)| x > y)
    };
    let usable: Vec<bool> = points
        .iter()
        .map(|p| !matches!(p.outcome, Outcome::Collapsed(_)))
        .collect();
    for (i, point) in points.iter_mut().enumerate() {
        let beaten = (0..merits.len()).any(|j| usable[j] && beats(&merits[j], &merits[i]));
        point.on_front = usable[i] && !beaten;
    }
}
