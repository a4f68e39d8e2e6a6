//! Attackers let at encoders: the same rows, labels and ceilings for each of them.

use tacit_audit::FeatureSource;
use tacit_audit::features::{Ceiling, Effort, LeakReport, LeakStudy, Observed, Private, Subjects};
use tacit_audit::inversion::{InversionEffort, InversionReport, InversionStudy};
use tacit_data::tasks::{Labels, Sets, TaskData};
use tacit_nn::predict;

use super::{model, projection};
use crate::error::Context;
use crate::{Error, Progress};

/// Points of a projection.
const POINTS: usize = 400;

/// How much attackers may spend.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum Spending {
    /// A first look: a failure to attack says little.
    Quick,
    /// For studies.
    Standard,
    /// For figures that are reported.
    Full,
}

impl Spending {
    /// What that means.
    pub fn effort(self) -> Effort {
        match self {
            Spending::Quick => Effort::quick(),
            Spending::Standard => Effort::standard(),
            Spending::Full => Effort::full(),
        }
    }

    /// The same where a library chooses the attackers.
    pub fn level(self) -> tacit_split::evaluate::Effort {
        match self {
            Spending::Quick => tacit_split::evaluate::Effort::Quick,
            Spending::Standard => tacit_split::evaluate::Effort::Standard,
            Spending::Full => tacit_split::evaluate::Effort::Full,
        }
    }

    /// The same for reconstruction.
    pub fn inversion(self) -> InversionEffort {
        match self {
            Spending::Quick => InversionEffort::quick(),
            Spending::Standard => InversionEffort::standard(),
            Spending::Full => InversionEffort::full(),
        }
    }
}

/// Rows, labels and ceilings.
pub struct Bench<'a> {
    sets: &'a Sets,
    subjects: Subjects,
    labels: Vec<(Private, Ceiling)>,
    study: LeakStudy,
    inversion: Option<InversionStudy>,
}

/// What was found about one encoder.
pub struct Judged {
    /// Of the public head, on what clients send.
    pub public_accuracy: f64,
    /// One for each private label.
    pub leaks: Vec<LeakReport>,
    /// Some test rows' features, as sent, in the plane of their first two principal components.
    pub plane: Vec<[f64; 2]>,
    /// Pictures from features, if that was asked for.
    pub rebuilt: Option<InversionReport>,
}

impl Judged {
    /// The largest normalised leak, of those labels that have one.
    pub fn worst(&self) -> Option<f64> {
        let leaks = self.leaks.iter().filter_map(|leak| leak.leak_normalised);
        leaks.max_by(f64::total_cmp)
    }
}

impl<'a> Bench<'a> {
    /// Attacks the inputs themselves, once for every private label.
    pub fn new(
        sets: &'a Sets,
        spending: Spending,
        seed: u64,
        progress: &Progress,
    ) -> Result<Self, Error> {
        let failed = || "the attackers cannot work on these rows";
        let subjects = subjects(sets)?;
        let study = LeakStudy::new(spending.effort(), seed);
        let phase = progress.phase("ceilings", sets.test.private.len() as u64);
        let mut labels = Vec::new();
        for private in privates(sets)? {
            let ceiling = study.ceiling(&subjects, &private).bad_input(failed)?;
            labels.push((private, ceiling));
            phase.inc();
        }
        phase.finish();
        Ok(Bench {
            sets,
            subjects,
            labels,
            study,
            inversion: None,
        })
    }

    /// Reconstructs pictures from features too.
    pub fn reconstructing(mut self, spending: Spending, seed: u64) -> Result<Self, Error> {
        if !self.subjects.are_pictures() {
            return Err(Error::bad_input("only pictures can be reconstructed")
                .because(format!("{} is a table", self.sets.test.name))
                .remedy("leave --reconstruct out"));
        }
        self.inversion = Some(InversionStudy::new(spending.inversion(), seed));
        Ok(self)
    }

    /// Lets the attackers at an encoder.
    pub fn judge(
        &self,
        name: &str,
        source: &dyn FeatureSource,
        progress: &Progress,
    ) -> Result<Judged, Error> {
        let failed = || format!("the {name} encoder cannot be attacked");
        let phase = progress.phase(format!("attackers, {name}"), 1 + self.labels.len() as u64);
        let seen = self
            .study
            .observe(source, &self.subjects)
            .bad_input(failed)?;
        phase.inc();
        let mut leaks = Vec::new();
        for (private, ceiling) in &self.labels {
            let report = self.study.run(&self.subjects, &seen, private, ceiling);
            leaks.push(report.bad_input(failed)?);
            phase.inc();
        }
        phase.finish();
        let rebuilt = match &self.inversion {
            None => None,
            Some(study) => {
                let phase = progress.phase(format!("reconstruction, {name}"), 1);
                let report = study.run(source, &self.subjects, &seen).bad_input(failed)?;
                phase.inc();
                phase.finish();
                Some(report)
            }
        };
        Ok(Judged {
            public_accuracy: self.public_accuracy(&seen)?,
            leaks,
            plane: self.plane(&seen)?,
            rebuilt,
        })
    }

    /// Classes of a private label of the rows in [`Judged::plane`].
    pub fn shown(&self, label: usize) -> &[usize] {
        let values = &self.sets.test.private[label].values;
        &values[..values.len().min(POINTS)]
    }

    /// The private labels.
    pub fn labels(&self) -> &[Labels] {
        &self.sets.test.private
    }

    fn public_accuracy(&self, seen: &Observed) -> Result<f64, Error> {
        let [_, _, test] = seen.predicted();
        predict::accuracy(test, &self.sets.test.public.values)
            .failed(|| "the accuracy cannot be measured")
    }

    fn plane(&self, seen: &Observed) -> Result<Vec<[f64; 2]>, Error> {
        let [_, _, test] = seen.sent();
        let few: Vec<usize> = (0..test.rows().min(POINTS)).collect();
        let few = test.select(&few).failed(|| "features cannot be drawn")?;
        Ok(projection::plane(&few))
    }
}

/// The rows as attackers take them.
pub fn subjects(sets: &Sets) -> Result<Subjects, Error> {
    let public = |task: &TaskData| model::samples(task, &task.public);
    Subjects::new(
        sets.test.shape,
        public(&sets.attacker)?,
        public(&sets.validation)?,
        public(&sets.test)?,
    )
    .bad_input(|| "the attackers cannot work on these rows")
}

/// The private labels as attackers take them.
pub fn privates(sets: &Sets) -> Result<Vec<Private>, Error> {
    if sets.test.private.is_empty() {
        return Err(Error::bad_input("there is no private label to attack")
            .remedy("name some with --private"));
    }
    let labels = sets.test.private.iter().enumerate();
    Ok(labels
        .map(|(at, label)| Private {
            name: label.name.clone(),
            classes: label.classes.len(),
            train: sets.attacker.private[at].values.clone(),
            validation: sets.validation.private[at].values.clone(),
            test: label.values.clone(),
        })
        .collect())
}
