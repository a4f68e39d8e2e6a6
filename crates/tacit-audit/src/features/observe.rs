//! What the attacker sees, and the forms it puts it into.

use super::shadow::{Shadow, shadow_view};
use super::whiten::ClassWhitener;
use super::{Effort, FeatureSource, Repeats, Subjects};
use crate::error::AuditError;
use tacit_nn::layered::Layered;
use tacit_nn::predict::argmax;
use tacit_nn::{Draws, Matrix, Network};

/// Rows on which it is tried whether a second asking gives the same.
const TRIED: usize = 32;
/// How far a near-duplicate is from its original, as a share of the range of each column.
const GREY_LEVEL: f32 = 1.0 / 255.0;
/// Multiplications through the encoder that one attack may cost beyond what was asked for anyway.
const MOST_WORK: u64 = 200_000_000_000;

/// Everything that was asked of one source, once for all private labels.
#[derive(Debug, Clone)]
pub struct Observed {
    pub(crate) views: Vec<View>,
    /// Predicted public classes, set by set.
    pub(crate) predicted: [Vec<usize>; 3],
    pub(crate) repeats: Repeats,
    /// The head, if it can be copied.
    pub(crate) head: Option<Layered>,
    pub(crate) notes: Vec<String>,
}

/// Rows in one form, set by set.
#[derive(Debug, Clone)]
pub(crate) struct View {
    pub(crate) name: &'static str,
    /// The training rows may be there several times, one copy after the other.
    pub(crate) sets: [Matrix; 3],
    pub(crate) map: Option<[usize; 3]>,
    /// Whether all families look at it, or a few.
    pub(crate) all_families: bool,
}

impl Observed {
    /// Features as sent at the first asking, set by set: training, validation, test.
    pub fn sent(&self) -> &[Matrix; 3] {
        &self.views[0].sets
    }

    /// Public classes that the head predicts, set by set.
    pub fn predicted(&self) -> &[Vec<usize>; 3] {
        &self.predicted
    }

    pub(crate) fn of(
        source: &dyn FeatureSource,
        subjects: &Subjects,
        effort: &Effort,
        seed: u64,
    ) -> Result<Self, AuditError> {
        let classes = subjects.public_classes();
        let rows = subjects.rows();
        let ask = |rows: &Matrix| checked(source.features(rows, 0)?, rows);
        let sent = each(rows, ask)?;
        let outputs = each(sent.each_ref(), |features| {
            checked(source.outputs(features)?, features)
        })?;
        for outputs in &outputs {
            if outputs.columns() != classes {
                return Err(AuditError::Shape {
                    what: "outputs of the public head, one per public class",
                    found: outputs.columns(),
                    expected: classes,
                });
            }
        }
        let map = source.map();
        let columns = sent[0].columns();
        if let Some(shape) = map
            && shape.iter().product::<usize>() != columns
        {
            return Err(AuditError::Shape {
                what: "columns of the features, as the shape of their map says",
                found: columns,
                expected: shape.iter().product(),
            });
        }
        let predicted = outputs.each_ref().map(argmax);
        let few: Vec<usize> = (0..TRIED.min(rows[2].rows())).collect();
        let few = rows[2].select(&few)?;
        let again_differs = source.features(&few, 0)? != source.features(&few, 1)?;
        let own_differs = source.simulated(&few, 1)? != source.simulated(&few, 2)?;

        let mut seen = Observed {
            views: vec![View {
                name: "features",
                sets: sent,
                map,
                all_families: true,
            }],
            predicted,
            repeats: Repeats::Same,
            head: source.head().cloned(),
            notes: vec![],
        };
        let (sent, predicted) = (seen.views[0].sets.clone(), seen.predicted.clone());
        let whitened = whiten(&sent, &predicted, classes)?;
        seen.add("whitened", whitened, true);
        seen.add("outputs", outputs, true);

        let macs = source.encoder().architecture().macs().max(1);
        if again_differs && effort.repeats > 1 {
            let times = effort.repeats as u64;
            let mean = each(rows, |rows| {
                checked(source.mean_features(rows, times)?, rows)
            })?;
            seen.repeats = Repeats::Averaged(effort.repeats);
            seen.add_averaged(source, mean, classes)?;
        } else if own_differs && effort.near_duplicates > 1 && subjects.are_pictures() {
            // Noise that is bound to the input: only inputs that differ a little draw anew.
            let once = macs * rows.iter().map(|r| r.rows() as u64).sum::<u64>();
            let copies = affordable(effort.near_duplicates, once);
            if copies > 1 {
                let mean = each(rows, |rows| near_duplicates(source, rows, copies, seed))?;
                let whitened = whiten(&mean, &seen.predicted, classes)?;
                seen.add("near-duplicates", mean, false);
                seen.add("near-duplicates-whitened", whitened, false);
            }
            if copies < effort.near_duplicates {
                let wanted = effort.near_duplicates;
                let note =
                    format!("near-duplicates: {copies} of {wanted}, since the encoder is dear");
                seen.notes.push(note);
            }
        }
        if own_differs && effort.runs > 0 {
            let mut values = sent[0].values().to_vec();
            let mut copies = predicted[0].clone();
            for run in 1..=effort.runs as u64 {
                let again = checked(source.simulated(rows[0], run)?, rows[0])?;
                copies.extend(argmax(&source.outputs(&again)?));
                values.extend_from_slice(again.values());
            }
            let [_, validation, test] = sent;
            let sets = [
                Matrix::new(copies.len(), columns, values)?,
                validation,
                test,
            ];
            let [_, of_validation, of_test] = predicted;
            let whitened = whiten(&sets, &[copies, of_validation, of_test], classes)?;
            seen.add("redrawn", sets, false);
            seen.add("redrawn-whitened", whitened, false);
        }
        if seen.head.is_none() {
            let note = "head-copy: left out, since the head cannot be copied";
            seen.notes.push(note.to_owned());
        }
        seen.add_shadow(source, subjects, effort, macs, seed)?;
        if !again_differs {
            seen.notes.push(
                "averaged: left out, since asking again for the same input gives the same \
                 features"
                    .to_owned(),
            );
        }
        Ok(seen)
    }

    /// Means over repeated queries: as they are, and whitened within the class that the head
    /// predicts for the mean.
    fn add_averaged(
        &mut self,
        source: &dyn FeatureSource,
        mean: [Matrix; 3],
        classes: usize,
    ) -> Result<(), AuditError> {
        let outputs = each(mean.each_ref(), |rows| source.outputs(rows))?;
        let predicted = outputs.each_ref().map(argmax);
        let whitened = whiten(&mean, &predicted, classes)?;
        self.add("averaged", mean, false);
        self.add("averaged-whitened", whitened, true);
        Ok(())
    }

    /// What is learnt without asking the encoder.
    fn add_shadow(
        &mut self,
        source: &dyn FeatureSource,
        subjects: &Subjects,
        effort: &Effort,
        macs: u64,
        seed: u64,
    ) -> Result<(), AuditError> {
        if effort.shadow_epochs == 0 {
            return Ok(());
        }
        let mut leave_out = |why: &str| self.notes.push(format!("shadow: left out, {why}"));
        let Some(head) = source.head() else {
            leave_out("since the head cannot be differentiated");
            return Ok(());
        };
        if head.inputs() != source.encoder().outputs() {
            leave_out("since the head does not read what the encoder writes");
            return Ok(());
        }
        // Forwards, and twice that back.
        let epoch = 3 * macs * subjects.train().rows() as u64;
        let epochs = affordable(effort.shadow_epochs, epoch);
        if epochs == 0 {
            leave_out("since the encoder is dear");
            return Ok(());
        }
        if epochs < effort.shadow_epochs {
            let wanted = effort.shadow_epochs;
            self.notes.push(format!(
                "shadow: {epochs} of {wanted} epochs, since the encoder is dear"
            ));
        }
        let shadow = Shadow {
            encoder: source.encoder(),
            head,
            epochs,
            seed,
        };
        let view = shadow_view(shadow, subjects, &self.sent()[2], &self.predicted[2])?;
        self.add("shadow", view, false);
        Ok(())
    }

    pub(crate) fn add(&mut self, name: &'static str, sets: [Matrix; 3], all_families: bool) {
        self.views.push(View {
            name,
            sets,
            map: None,
            all_families,
        });
    }
}

/// How many of `wanted` the work allows, at `price` multiplications each.
fn affordable(wanted: usize, price: u64) -> usize {
    wanted.min((MOST_WORK / price.max(1)) as usize)
}

/// Whitened within predicted classes by the figures of the training rows.
pub(crate) fn whiten(
    sets: &[Matrix; 3],
    predicted: &[Vec<usize>; 3],
    classes: usize,
) -> Result<[Matrix; 3], AuditError> {
    let whitener = ClassWhitener::fit(&sets[0], &predicted[0], classes);
    let [a, b, c] = sets;
    let [p, q, r] = predicted;
    Ok([
        whitener.apply(a, p)?,
        whitener.apply(b, q)?,
        whitener.apply(c, r)?,
    ])
}

/// The mean of the features of `copies` inputs that each differ from the row by up to a grey level.
fn near_duplicates(
    source: &dyn FeatureSource,
    rows: &Matrix,
    copies: usize,
    seed: u64,
) -> Result<Matrix, AuditError> {
    let mut low = vec![f32::INFINITY; rows.columns()];
    let mut high = vec![f32::NEG_INFINITY; rows.columns()];
    for row in rows.iter() {
        for ((l, h), v) in low.iter_mut().zip(&mut high).zip(row) {
            (*l, *h) = (l.min(*v), h.max(*v));
        }
    }
    let mut draws = Draws::new(seed, "near-duplicates");
    let mut sum: Vec<f64> = vec![];
    for _ in 0..copies {
        let mut values = Vec::with_capacity(rows.values().len());
        for row in rows.iter() {
            let columns = row.iter().zip(low.iter().zip(&high));
            values.extend(
                columns
                    .map(|(v, (l, h))| (v + draws.symmetric(GREY_LEVEL) * (h - l)).clamp(*l, *h)),
            );
        }
        let near = Matrix::new(rows.rows(), rows.columns(), values)?;
        add_to(&mut sum, &checked(source.features(&near, 0)?, rows)?);
    }
    mean_of(sum, copies as u64, rows.rows())
}

/// The mean of the answers to queries 0..times.
pub(crate) fn mean_over_queries(
    source: &(impl FeatureSource + ?Sized),
    rows: &Matrix,
    times: u64,
) -> Result<Matrix, AuditError> {
    let mut sum = vec![];
    for query in 0..times.max(1) {
        add_to(&mut sum, &source.features(rows, query)?);
    }
    mean_of(sum, times.max(1), rows.rows())
}

fn add_to(sum: &mut Vec<f64>, features: &Matrix) {
    sum.resize(features.values().len(), 0.0);
    for (sum, v) in sum.iter_mut().zip(features.values()) {
        *sum += f64::from(*v);
    }
}

fn mean_of(sum: Vec<f64>, times: u64, rows: usize) -> Result<Matrix, AuditError> {
    let columns = sum.len() / rows.max(1);
    let values = sum.into_iter().map(|s| (s / times as f64) as f32).collect();
    Ok(Matrix::new(rows, columns, values)?)
}

/// Features or outputs must be one row per row.
fn checked(found: Matrix, rows: &Matrix) -> Result<Matrix, AuditError> {
    match found.rows() == rows.rows() && found.columns() > 0 {
        true => Ok(found),
        false => Err(AuditError::Shape {
            what: "rows from a source of features, one per row asked for and not empty",
            found: found.rows(),
            expected: rows.rows(),
        }),
    }
}

pub(crate) fn each(
    sets: [&Matrix; 3],
    f: impl Fn(&Matrix) -> Result<Matrix, AuditError>,
) -> Result<[Matrix; 3], AuditError> {
    let [a, b, c] = sets;
    Ok([f(a)?, f(b)?, f(c)?])
}
