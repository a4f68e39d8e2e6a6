//! Who attacks, and what they may spend.
//!
//! A study asks many questions of many attackers. Where a family's cost grows faster than what it
//! can find, it gets a front (the columns with the largest F), or is replaced (logistic regression
//! by gradients instead of Newton's method), or stays at home; the settings in the report say which
//! columns it saw.

use super::screen::Screened;
use crate::attacker::{Attacker, Budget};
use crate::attackers::{
    ConvolutionalNetwork, DenseNetwork, GradientBoosting, KernelSvm, LinearSvm, Logistic,
    MapNetwork, NearestNeighbours, RandomForest, SoftmaxRegression,
};

/// How much a study spends.
#[derive(Debug, Clone, PartialEq)]
pub struct Effort {
    /// Of each attacker.
    pub families: Budget,
    /// Which families are sent.
    pub breadth: Breadth,
    /// R, the times the same input is asked for by the attackers that average.
    pub repeats: usize,
    /// Inputs that differ by up to a grey level, whose features are averaged where noise is bound to
    /// the input; pictures only.
    pub near_duplicates: usize,
    /// Encodings of each training row that the attacker makes itself.
    pub runs: usize,
    /// Numbers of private labels an attacker has, for the curve; those above the rows there are, are
    /// left out.
    pub curve: Vec<usize>,
    /// Epochs of the shadow encoder; 0 for no query-free attack.
    pub shadow_epochs: usize,
}

/// Which families are sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Breadth {
    /// Logistic regression, forest and dense network.
    Few,
    /// Those expected to be the strongest somewhere: besides, nearest neighbours, boosting, and the
    /// quadratic logistic and convolutional networks where they fit.
    Standard,
    /// Besides, those that the others are expected to match: support vectors and the convolutional network on vectors.
    All,
}

impl Effort {
    /// For figures that are published.
    pub fn full() -> Self {
        Effort {
            families: Budget {
                steps: 3_000,
                rounds: 200,
                trees: 160,
                ..Budget::full()
            },
            breadth: Breadth::All,
            repeats: 64,
            near_duplicates: 16,
            runs: 4,
            curve: vec![100, 1_000, 10_000],
            shadow_epochs: 30,
        }
    }

    /// For studies of many seeds, sources and labels.
    pub fn standard() -> Self {
        Effort {
            families: Budget::standard(),
            breadth: Breadth::Standard,
            repeats: 32,
            near_duplicates: 8,
            runs: 2,
            curve: vec![100, 1_000, 10_000],
            shadow_epochs: 10,
        }
    }

    /// For a first look, a search, or a test; a failure to attack says less.
    pub fn quick() -> Self {
        Effort {
            families: Budget {
                steps: 150,
                trees: 20,
                ..Budget::quick()
            },
            breadth: Breadth::Few,
            repeats: 16,
            near_duplicates: 0,
            runs: 0,
            curve: vec![],
            shadow_epochs: 0,
        }
    }
}

/// What kind of rows the attackers get.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Kind {
    pub(crate) rows: usize,
    pub(crate) columns: usize,
    pub(crate) classes: usize,
    /// The shape of a row, if it is a map.
    pub(crate) map: Option<[usize; 3]>,
}

/// Multiplications that Newton's method may cost per iteration.
const NEWTON: usize = 300_000_000;
/// Histogram entries that a round of boosting may cost.
const ROUND: usize = 1_500_000;
/// Columns of a forest.
const FOREST_COLUMNS: usize = 512;
/// Below this side a map has no neighbourhoods to speak of.
const LEAST_SIDE: usize = 3;

/// The attackers for rows of this kind.
pub(crate) fn lineup(effort: &Effort, kind: Kind) -> Vec<Box<dyn Attacker>> {
    let Kind {
        rows,
        columns,
        classes,
        map,
    } = kind;
    // Models of one class against the rest.
    let models = if classes == 2 { 1 } else { classes };
    let newton = |terms: usize| models * terms * terms * rows <= NEWTON;
    let standard = effort.breadth >= Breadth::Standard;
    let all = effort.breadth == Breadth::All;

    let mut attackers: Vec<Box<dyn Attacker>> = Vec::new();
    if newton(columns + 1) {
        attackers.push(Box::new(Logistic { degree: 1 }));
    } else {
        attackers.push(Box::new(SoftmaxRegression));
    }
    let quadratic = Logistic { degree: 2 };
    let terms = (columns + 1) * (columns + 2) / 2;
    if standard && quadratic.applies(columns) && newton(terms) {
        attackers.push(Box::new(quadratic));
    }
    attackers.push(screened(Box::new(RandomForest), columns, FOREST_COLUMNS));
    attackers.push(Box::new(DenseNetwork));
    if standard {
        attackers.push(Box::new(NearestNeighbours));
        let most = ROUND * if all { 8 } else { 1 } / (rows * models).max(1);
        attackers.push(screened(Box::new(GradientBoosting), columns, most.max(16)));
    }
    if let Some(shape) = map
        && standard
        && shape[1].min(shape[2]) >= LEAST_SIDE
    {
        attackers.push(Box::new(MapNetwork { shape }));
    }
    if all {
        attackers.push(screened(Box::new(LinearSvm), columns, 128));
        attackers.push(screened(Box::new(KernelSvm), columns, 64));
        attackers.push(Box::new(ConvolutionalNetwork));
    }
    attackers
}

/// The attackers for questions that are asked again of other rows: enough to see a difference.
pub(crate) fn short_lineup(effort: &Effort, kind: Kind) -> Vec<Box<dyn Attacker>> {
    let effort = Effort {
        breadth: Breadth::Few,
        ..effort.clone()
    };
    lineup(&effort, kind)
}

fn screened(attacker: Box<dyn Attacker>, columns: usize, most: usize) -> Box<dyn Attacker> {
    match columns > most {
        true => Box::new(Screened {
            attacker,
            columns: most,
        }),
        false => attacker,
    }
}
