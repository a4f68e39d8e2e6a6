//! One error type for the crate. Every variant names the culprit and, where there is one, the
//! remedy.

/// What can go wrong when a model is configured, trained or measured.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A field of the configuration has a value the algorithm cannot use.
    #[error("configuration field `{field}`: {problem}; {remedy}")]
    Config {
        /// The field, as it is spelled in the plan.
        field: &'static str,
        /// What is wrong with it.
        problem: String,
        /// What to write instead.
        remedy: String,
    },
    /// A feature is NaN or infinite.
    #[error(
        "row {row}, column {column}: feature is {value}; set a missing-value policy for the \
         cohort or drop the row"
    )]
    NonFinite {
        /// Row inside the party's rows, from 0.
        row: usize,
        /// Feature column, from 0.
        column: usize,
        /// The offending value.
        value: f64,
    },
    /// A feature column does not vary.
    #[error("column {column} is constant ({value}); drop it from the plan's features")]
    ConstantColumn {
        /// Feature column, from 0.
        column: usize,
        /// The one value it takes.
        value: f64,
    },
    /// A label is outside what the family can explain.
    #[error("row {row}: label {label} does not fit family {family}, which needs {expected}")]
    Label {
        /// Row inside the party's rows, from 0.
        row: usize,
        /// The offending label.
        label: f64,
        /// Name of the family.
        family: &'static str,
        /// What a label of this family looks like.
        expected: String,
    },
    /// Two things that must have the same size do not.
    #[error("{what}: expected {expected}, found {found}")]
    Shape {
        /// What was measured.
        what: &'static str,
        /// The size required.
        expected: usize,
        /// The size given.
        found: usize,
    },
    /// Nothing to work on.
    #[error("{what} is empty; it needs at least one entry")]
    Empty {
        /// What is empty.
        what: &'static str,
    },
    /// An error in one party's input.
    #[error("party {party}: {source}")]
    Party {
        /// Index of the party in roster order.
        party: usize,
        /// What is wrong with its input.
        #[source]
        source: Box<Error>,
    },
    /// An activation cannot be fitted as asked.
    #[error("activation fit of degree {degree} on [{low}, {high}]: {problem}")]
    Fit {
        /// Degree asked for.
        degree: usize,
        /// Lower end of the interval.
        low: f64,
        /// Upper end of the interval.
        high: f64,
        /// Why it failed.
        problem: String,
    },
    /// A model does not fit into one ciphertext.
    #[error("packing: {problem}; {remedy}")]
    Packing {
        /// What does not fit.
        problem: String,
        /// What to change.
        remedy: String,
    },
    /// Training left the numbers' range.
    #[error(
        "training diverged at iteration {iteration} (|u| reached {max_abs_u:e}, the activation \
         is fitted on |u| ≤ {bound}); lower `step_factor` or widen `activation.bound`"
    )]
    Diverged {
        /// Iteration, from 0.
        iteration: usize,
        /// Largest linear predictor seen.
        max_abs_u: f64,
        /// Half width of the fitted interval.
        bound: f64,
    },
    /// An exact solver did not reach its tolerance.
    #[error(
        "{solver} stopped after {iterations} iterations with gradient norm {gradient:e}; the data \
         may be separable: set `l2` above zero"
    )]
    NotConverged {
        /// The solver.
        solver: &'static str,
        /// Iterations done.
        iterations: usize,
        /// Euclidean norm of the gradient it stopped at.
        gradient: f64,
    },
}

impl Error {
    pub(crate) fn at_party(self, party: usize) -> Self {
        Error::Party {
            party,
            source: Box::new(self),
        }
    }

    pub(crate) fn config(
        field: &'static str,
        problem: impl Into<String>,
        remedy: impl Into<String>,
    ) -> Self {
        Error::Config {
            field,
            problem: problem.into(),
            remedy: remedy.into(),
        }
    }
}
