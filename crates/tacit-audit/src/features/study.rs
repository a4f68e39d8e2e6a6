//! One source, one private label, one seed.

use super::head_copy::HeadCopy;
use super::lineup::{Kind, lineup, short_lineup};
use super::observe::{View, each};
use super::report::{GroupBy, Judged, groups, strongest};
use super::{
    CurvePoint, Effort, FeatureSource, LeakAttack, LeakReport, Metric, NARROWEST_GAP, Observed,
    Private, Scale, Subjects, Unscored,
};
use crate::attacker::Attacker;
use crate::error::AuditError;
use crate::report::{Attack, wilson};
use crate::standard::Standardiser;
use crate::suite::{first_rows, judge};
use rayon::prelude::*;
use tacit_nn::predict::{accuracy, argmax, balanced_accuracy};
use tacit_nn::{Draws, Matrix, Samples};

/// Share of what the majority misses that the public class explains, from which on the private label
/// counts as a function of it.
const FUNCTION: f64 = 0.99;
/// The most frequent class may be this many times its equal share before accuracy misleads.
const UNEVEN: f64 = 1.2;

/// Measures what leaks.
///
/// Asking the source ([`observe`](LeakStudy::observe)) is done once for all private labels, and the
/// ceiling once for all sources.
#[derive(Debug, Clone)]
pub struct LeakStudy {
    effort: Effort,
    seed: u64,
}

/// What the raw input gives away about a private label.
#[derive(Debug, Clone)]
pub struct Ceiling {
    attacks: Vec<LeakAttack>,
}

/// One attacker that will look at one view.
struct Task<'a> {
    view: &'static str,
    attacker: Box<dyn Attacker>,
    sets: &'a [Samples; 3],
}

impl LeakStudy {
    /// A study is a function of the effort, the seed and the data.
    pub fn new(effort: Effort, seed: u64) -> Self {
        LeakStudy { effort, seed }
    }

    /// Asks the source everything that any attacker wants to know.
    pub fn observe(
        &self,
        source: &dyn FeatureSource,
        subjects: &Subjects,
    ) -> Result<Observed, AuditError> {
        Observed::of(source, subjects, &self.effort, self.seed)
    }

    /// The same families on the raw input.
    pub fn ceiling(&self, subjects: &Subjects, private: &Private) -> Result<Ceiling, AuditError> {
        private.check(subjects)?;
        let [a, b, c] = subjects.rows();
        let view = View {
            name: "raw",
            sets: [a.clone(), b.clone(), c.clone()],
            map: subjects.are_pictures().then(|| subjects.shape()),
            all_families: true,
        };
        let sets = self.labelled(&view, private)?;
        let attackers = lineup(&self.effort, kind(&view, &sets));
        let tasks = attackers.into_iter().map(|attacker| Task {
            view: view.name,
            attacker,
            sets: &sets,
        });
        let judged = self.judge_all(tasks.collect(), private)?;
        Ok(Ceiling {
            attacks: judged.into_iter().map(|j| j.line).collect(),
        })
    }

    /// All steps for a single source and label.
    pub fn leak(
        &self,
        source: &dyn FeatureSource,
        subjects: &Subjects,
        private: &Private,
    ) -> Result<LeakReport, AuditError> {
        let seen = self.observe(source, subjects)?;
        self.run(subjects, &seen, private, &self.ceiling(subjects, private)?)
    }

    /// Lets every attacker of this effort look for `private` in what was observed.
    pub fn run(
        &self,
        subjects: &Subjects,
        seen: &Observed,
        private: &Private,
        ceiling: &Ceiling,
    ) -> Result<LeakReport, AuditError> {
        private.check(subjects)?;
        let by_label = self.by_label(subjects, seen, private)?;
        let mut labelled = Vec::with_capacity(seen.views.len());
        for view in &seen.views {
            labelled.push(self.labelled(view, private)?);
        }
        let mut tasks = Vec::new();
        for (view, sets) in seen.views.iter().zip(&labelled) {
            let attackers = match view.all_families {
                true => lineup(&self.effort, kind(view, sets)),
                false => short_lineup(&self.effort, kind(view, sets)),
            };
            tasks.extend(attackers.into_iter().map(|attacker| Task {
                view: view.name,
                attacker,
                sets,
            }));
        }
        let as_sent = self.labels_of(&seen.views[0].sets, private)?;
        if let Some(copy) = seen.head.as_ref().and_then(HeadCopy::of) {
            tasks.push(Task {
                view: "head-copy",
                attacker: Box::new(copy),
                sets: &as_sent,
            });
        }
        let mut judged = vec![by_label];
        judged.extend(self.judge_all(tasks, private)?);
        let curve = self.curve(seen, &labelled, private)?;
        Ok(self.report(subjects, seen, private, ceiling, judged, curve))
    }

    /// The floor: the most frequent private labels of the predicted public class.
    fn by_label(
        &self,
        subjects: &Subjects,
        seen: &Observed,
        private: &Private,
    ) -> Result<Judged, AuditError> {
        let mut counts = vec![vec![0.5f64; private.classes]; subjects.public_classes()];
        for (&public, &label) in seen.predicted[0].iter().zip(&private.train) {
            counts[public][label] += 1.0;
        }
        let scores = |predicted: &[usize]| {
            let rows = predicted.iter().flat_map(|&public| {
                let total: f64 = counts[public].iter().sum();
                counts[public].iter().map(move |c| (c / total).ln() as f32)
            });
            Matrix::new(predicted.len(), private.classes, rows.collect())
        };
        let on_validation = argmax(&scores(&seen.predicted[1])?);
        let scores = scores(&seen.predicted[2])?;
        let predicted = argmax(&scores);
        let right = predicted.iter().zip(&private.test).filter(|(p, l)| p == l);
        let right = right.count();
        let attack = Attack {
            name: "frequencies",
            accuracy: accuracy(&predicted, &private.test)?,
            balanced_accuracy: balanced_accuracy(&predicted, &private.test)?,
            interval: wilson(right, private.test.len()),
            validation_accuracy: accuracy(&on_validation, &private.validation)?,
            settings: "none".to_owned(),
            scores,
            predicted,
        };
        Judged::new("label", attack, &prior(private), &private.test)
    }

    /// The sets of a view with private labels, standardised.
    fn labelled(&self, view: &View, private: &Private) -> Result<[Samples; 3], AuditError> {
        let standard = Standardiser::fit(&view.sets[0]);
        let sets = each(view.sets.each_ref(), |rows| standard.apply(rows))?;
        self.labels_of(&sets, private)
    }

    /// Sets with private labels.
    fn labels_of(&self, sets: &[Matrix; 3], private: &Private) -> Result<[Samples; 3], AuditError> {
        let set = |at: usize| -> Result<Samples, AuditError> {
            let labels = private.labels()[at];
            let copies = sets[at].rows() / labels.len().max(1);
            let labels = labels.repeat(copies);
            Ok(Samples::new(sets[at].clone(), labels, private.classes)?)
        };
        let validation = first_rows(&set(1)?, self.effort.families.validation_rows, self.seed)?;
        Ok([set(0)?, validation, set(2)?])
    }

    fn judge_all(
        &self,
        tasks: Vec<Task<'_>>,
        private: &Private,
    ) -> Result<Vec<Judged>, AuditError> {
        let prior = prior(private);
        let one = |task: Task<'_>| {
            let seed = Draws::new(self.seed, task.view).bits();
            let attack = judge(
                task.attacker.as_ref(),
                task.sets.each_ref(),
                seed,
                &self.effort.families,
            )?;
            Judged::new(task.view, attack, &prior, &private.test)
        };
        tasks.into_par_iter().with_max_len(1).map(one).collect()
    }

    /// The strongest attack with few labels, on features and whitened features.
    fn curve(
        &self,
        seen: &Observed,
        labelled: &[[Samples; 3]],
        private: &Private,
    ) -> Result<Vec<CurvePoint>, AuditError> {
        let mut points = vec![];
        for &labels in &self.effort.curve {
            let mut few = vec![];
            for (view, [train, validation, test]) in seen.views.iter().zip(labelled) {
                let wanted = ["features", "whitened"].contains(&view.name);
                if !wanted || labels >= train.rows() {
                    continue;
                }
                let seed = Draws::new(self.seed, &format!("{labels} labels")).bits();
                let train = first_rows(train, labels, seed)?;
                let validation = first_rows(validation, (labels / 4).max(20), seed)?;
                few.push((view, [train, validation, test.clone()]));
            }
            let varied = few.iter().all(|(_, [train, ..])| {
                let first = train.labels().first();
                train.labels().iter().any(|l| Some(l) != first)
            });
            if few.is_empty() || !varied {
                continue;
            }
            let mut tasks = vec![];
            for (view, sets) in &few {
                let attackers = short_lineup(&self.effort, kind(view, sets));
                tasks.extend(attackers.into_iter().map(|attacker| Task {
                    view: view.name,
                    attacker,
                    sets,
                }));
            }
            let judged = self.judge_all(tasks, private)?;
            let most = |metric| {
                let of = judged.iter().map(|j| j.line.of(metric));
                of.fold(0.0, f64::max)
            };
            points.push(CurvePoint {
                labels,
                accuracy: most(Metric::Accuracy),
                balanced_accuracy: most(Metric::BalancedAccuracy),
            });
        }
        Ok(points)
    }

    fn report(
        &self,
        subjects: &Subjects,
        seen: &Observed,
        private: &Private,
        ceiling: &Ceiling,
        judged: Vec<Judged>,
        mut curve: Vec<CurvePoint>,
    ) -> LeakReport {
        let (share, explained) = private.told_by_public(subjects);
        let function = explained >= FUNCTION;
        let function = function.then_some(Unscored::FunctionOfPublic { share });
        let accuracy = scale(Metric::Accuracy, &judged, ceiling, private, function);
        let balanced = scale(
            Metric::BalancedAccuracy,
            &judged,
            ceiling,
            private,
            function,
        );
        let uneven = accuracy.base_rate * present(private) as f64 > UNEVEN;
        let (metric, headline) = match uneven {
            true => (Metric::BalancedAccuracy, &balanced),
            false => (Metric::Accuracy, &accuracy),
        };
        curve.push(CurvePoint {
            labels: private.train.len(),
            accuracy: accuracy.attack_max,
            balanced_accuracy: balanced.attack_max,
        });

        let test = subjects.test().labels();
        let hits = |guesses: &[usize], labels: &[usize]| -> Vec<bool> {
            guesses.iter().zip(labels).map(|(g, l)| g == l).collect()
        };
        let public = hits(&seen.predicted[2], test);
        let strongest = judged.iter().find(|j| j.line.name() == headline.strongest);
        let attack = strongest.map_or(vec![], |j| hits(j.guesses(metric), &private.test));
        let floor = hits(judged[0].guesses(metric), &private.test);
        let right = [&public[..], &attack, &floor];
        let mut figures = groups(GroupBy::Public, test, right, subjects.public_classes());
        figures.extend(groups(
            GroupBy::Private,
            &private.test,
            right,
            private.classes,
        ));

        LeakReport {
            private: private.name.clone(),
            classes: private.classes,
            seed: self.seed,
            train_rows: private.train.len(),
            test_rows: private.test.len(),
            public_accuracy: public.iter().filter(|r| **r).count() as f64 / public.len() as f64,
            metric,
            base_rate: headline.base_rate,
            floor_hard: headline.floor_hard,
            floor_full: headline.floor_full,
            ceiling: headline.ceiling,
            attack_max: headline.attack_max,
            strongest: headline.strongest.clone(),
            leak_normalised: headline.leak_normalised,
            unscored: match headline.leak_normalised {
                Some(_) => None,
                None => function.or(Some(Unscored::NarrowGap {
                    gap: headline.ceiling - headline.floor_hard,
                })),
            },
            attacks: judged.into_iter().map(|j| j.line).collect(),
            ceilings: ceiling.attacks.clone(),
            repeats: seen.repeats,
            curve,
            groups: figures,
            notes: seen.notes.clone(),
            accuracy,
            balanced,
        }
    }
}

/// Floors, ceiling and maximum in one metric.
fn scale(
    metric: Metric,
    judged: &[Judged],
    ceiling: &Ceiling,
    private: &Private,
    function: Option<Unscored>,
) -> Scale {
    let most = |view: Option<&str>| {
        let lines = judged.iter().map(|j| &j.line);
        strongest(lines.filter(|l| view.is_none_or(|v| l.view == v)), metric)
    };
    let share = |line: Option<&LeakAttack>| line.map_or(0.0, |l| l.of(metric));
    let best = most(None);
    let floor_hard = share(most(Some("label")));
    // Whoever has all outputs has the label.
    let floor_full = share(most(Some("outputs"))).max(floor_hard);
    let top = share(strongest(ceiling.attacks.iter(), metric));
    let attack_max = share(best);
    let over = |floor: f64| {
        let scored = function.is_none() && top - floor >= NARROWEST_GAP;
        scored.then(|| (attack_max - floor) / (top - floor))
    };
    Scale {
        base_rate: base_rate(metric, private),
        floor_hard,
        floor_full,
        ceiling: top,
        attack_max,
        strongest: best.map_or(String::new(), LeakAttack::name),
        leak_normalised: over(floor_hard),
        leak_over_outputs: over(floor_full),
    }
}

fn base_rate(metric: Metric, private: &Private) -> f64 {
    match metric {
        Metric::BalancedAccuracy => 1.0 / present(private).max(1) as f64,
        Metric::Accuracy => {
            let counts = counts(&private.train, private.classes);
            let most = counts.iter().copied().max();
            let majority = counts.iter().position(|c| Some(*c) == most);
            let hits = private.test.iter().filter(|l| Some(**l) == majority);
            hits.count() as f64 / private.test.len().max(1) as f64
        }
    }
}

/// Classes that occur among the test rows.
fn present(private: &Private) -> usize {
    let counts = counts(&private.test, private.classes);
    counts.iter().filter(|c| **c > 0).count()
}

fn counts(labels: &[usize], classes: usize) -> Vec<usize> {
    let mut counts = vec![0; classes];
    labels.iter().for_each(|&l| counts[l] += 1);
    counts
}

/// Log-probabilities of the classes among the training rows.
fn prior(private: &Private) -> Vec<f32> {
    let total = private.train.len() as f64 + 0.5 * private.classes as f64;
    let of = |count: usize| ((count as f64 + 0.5) / total).ln() as f32;
    counts(&private.train, private.classes)
        .into_iter()
        .map(of)
        .collect()
}

fn kind(view: &View, sets: &[Samples; 3]) -> Kind {
    Kind {
        rows: sets[0].rows(),
        columns: sets[0].features().columns(),
        classes: sets[0].classes(),
        map: view.map,
    }
}
