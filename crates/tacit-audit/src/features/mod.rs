//! What features at a cut give away about a private label.
//!
//! In split inference a client runs an *encoder* and sends its features; the server runs the *head*
//! on them. The features should tell the public label and nothing else. A [`LeakStudy`] measures
//! what else they tell, by the families of [`crate::attackers`] on several views of what is sent:
//!
//! | view | what the attacker does |
//! |---|---|
//! | `features` | learns from features as they are sent; a convolutional network, if they are a map |
//! | `whitened` | scales them by the deviations within the public class that the head predicts, which undoes a center loss |
//! | `averaged`, `averaged-whitened` | asks for the same input R times and takes the mean; pointless, and left out, where noise is bound to the input |
//! | `near-duplicates`, `near-duplicates-whitened` | takes the mean over inputs that differ by up to a grey level, where noise is bound to the input; pictures only |
//! | `redrawn`, `redrawn-whitened` | holds the encoder, so it draws fresh noise for each of its own rows several times and learns from all |
//! | `head-copy` | tunes a copy of the head's layers to the private label |
//! | `shadow` | never asks the encoder: learns on a shadow of it, trained on its own rows to fit the head |
//! | `outputs` | uses the head's logits: the *floor* if all outputs are public |
//! | `label` | uses the predicted class: the *floor* in any case |
//!
//! Beside them stands the *ceiling*: the same families on the raw input. The headline is
//!
//! ```text
//! leak = (attack − floor) / (ceiling − floor)
//! ```
//!
//! with the largest share over all attackers, which flatters them a little. 0: the features tell no
//! more than the answer itself. 1: they tell as much as the raw input. Where ceiling − floor is
//! below [`NARROWEST_GAP`] the quotient is noise, and where the private label is a function of the
//! public one there is nothing to protect: then there is no figure, but an [`Unscored`] reason.
//!
//! Rows are dealt once into [`Subjects`], disjoint from those that trained the model. Attackers see
//! *defended* features with their private labels, and the same kind of noise as the victims'.
//!
//! # Limits
//! The figures are lower bounds on what leaks: a better attacker may come. No representation keeps
//! high utility and hides *every* attribute (Stadler, Kulynych, Gastpar, Papernot and Troncoso, "The
//! fundamental limits of least-privilege learning", ICML 2024): a small leak of the labels that were
//! tried says nothing of those that were not.

mod head_copy;
mod lineup;
mod observe;
mod report;
mod screen;
mod shadow;
mod source;
mod study;
mod subjects;
mod whiten;

pub use lineup::{Breadth, Effort};
pub use observe::Observed;
pub use report::{
    CurvePoint, GroupBy, GroupFigures, LeakAttack, LeakReport, Metric, NARROWEST_GAP, Repeats,
    Scale, Unscored,
};
pub use source::FeatureSource;
pub use study::{Ceiling, LeakStudy};
pub use subjects::{Private, Subjects};
