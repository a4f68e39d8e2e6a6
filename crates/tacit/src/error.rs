//! What went wrong, why, and what to do about it.
//!
//! Libraries below have error enums of their own; here they become one message to a person: what
//! could not be done, the chain of causes, and a remedy.
//!
//! ```
//! use tacit::{Error, error::Context};
//! let error = "1.5x".parse::<f64>().bad_input(|| "the learning rate is not a number").unwrap_err();
//! let error = error.remedy("give a decimal number, such as 0.1");
//! assert_eq!(
//!     error.to_string(),
//!     "the learning rate is not a number\n  because: invalid float literal\n  \
//!      remedy: give a decimal number, such as 0.1",
//! );
//! ```

use std::error::Error as StdError;
use std::fmt;

use crate::Status;

type Cause = Box<dyn StdError + Send + Sync>;

/// Whose turn it is to act.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    /// The work failed.
    Failed,
    /// What was given cannot be worked with.
    BadInput,
}

/// A failure, ready to be shown.
#[derive(Debug)]
pub struct Error {
    kind: Kind,
    what: String,
    cause: Option<Cause>,
    remedy: Option<String>,
}

impl Error {
    /// The work failed: exit code 1.
    pub fn failed(what: impl Into<String>) -> Self {
        Error {
            kind: Kind::Failed,
            what: what.into(),
            cause: None,
            remedy: None,
        }
    }

    /// What was given cannot be worked with: exit code 2.
    pub fn bad_input(what: impl Into<String>) -> Self {
        Error {
            kind: Kind::BadInput,
            ..Error::failed(what)
        }
    }

    /// Adds the cause.
    pub fn because(mut self, cause: impl Into<Cause>) -> Self {
        self.cause = Some(cause.into());
        self
    }

    /// Adds what to do about it.
    pub fn remedy(mut self, remedy: impl Into<String>) -> Self {
        self.remedy = Some(remedy.into());
        self
    }

    /// The exit code's meaning.
    pub fn status(&self) -> Status {
        match self.kind {
            Kind::Failed => Status::Failed,
            Kind::BadInput => Status::BadInput,
        }
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        f.write_str(&self.what)?;
        let mut above = self.what.clone();
        let mut next = self.cause.as_deref().map(|cause| cause as &dyn StdError);
        while let Some(cause) = next {
            let text = cause.to_string();
            // Some errors repeat their source in their own text; once is enough.
            if !above.contains(&text) {
                write!(f, "\n  because: {}", text.replace('\n', "\n    "))?;
                above = text;
            }
            next = cause.source();
        }
        if let Some(remedy) = &self.remedy {
            write!(f, "\n  remedy: {remedy}")?;
        }
        Ok(())
    }
}

impl StdError for Error {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        self.cause
            .as_deref()
            .map(|cause| cause as &(dyn StdError + 'static))
    }
}

/// Says what could not be done when something below fails.
pub trait Context<T> {
    /// It failed: exit code 1.
    fn failed<S: Into<String>>(self, what: impl FnOnce() -> S) -> Result<T, Error>;

    /// What was given cannot be worked with: exit code 2.
    fn bad_input<S: Into<String>>(self, what: impl FnOnce() -> S) -> Result<T, Error>;
}

impl<T, E: Into<Cause>> Context<T> for Result<T, E> {
    fn failed<S: Into<String>>(self, what: impl FnOnce() -> S) -> Result<T, Error> {
        self.map_err(|cause| Error::failed(what()).because(cause))
    }

    fn bad_input<S: Into<String>>(self, what: impl FnOnce() -> S) -> Result<T, Error> {
        self.map_err(|cause| Error::bad_input(what()).because(cause))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug)]
    struct Layer(&'static str, Option<Box<Layer>>);

    impl fmt::Display for Layer {
        fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
            f.write_str(self.0)
        }
    }

    impl StdError for Layer {
        fn source(&self) -> Option<&(dyn StdError + 'static)> {
            self.1.as_deref().map(|below| below as &dyn StdError)
        }
    }

    #[test]
    fn the_whole_chain_is_told_and_nothing_twice() {
        let deepest = Layer("no such file", None);
        let repeats = Layer(
            "cannot read plan.toml: no such file",
            Some(Box::new(deepest)),
        );
        let error = Error::bad_input("the plan cannot be read")
            .because(repeats)
            .remedy("check the path");
        assert_eq!(
            error.to_string(),
            "the plan cannot be read\n  because: cannot read plan.toml: no such file\n  remedy: check the path"
        );
    }

    #[test]
    fn each_kind_has_its_exit_code() {
        assert_eq!(Error::failed("x").status(), Status::Failed);
        assert_eq!(Error::bad_input("x").status(), Status::BadInput);
    }
}
