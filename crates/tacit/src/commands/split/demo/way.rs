//! One direction: draw, train, cut, harden, attack, reconstruct.

use tacit_data::tasks::Sets;
use tacit_nn::layered::Cut;
use tacit_report::Section;
use tacit_report::measure::Phases;
use tacit_split::Recipe;
use tacit_split::harden::Hardened;

use super::super::judge::{Bench, Judged};
use super::super::model::Family;
use super::super::{bundle, harden, page, train};
use super::Demo;
use crate::{Console, Error};

/// The block behind which the demonstration cuts: the first dense layer.
const CUT: &str = "5-dense";

/// What came of one direction.
pub(super) struct Way {
    pub sets: Sets,
    pub cut: Cut,
    pub hardened: Hardened,
    pub before: Judged,
    pub after: Judged,
    /// Features in the plane.
    pub projection: Section,
}

pub(super) fn go(
    args: &Demo,
    recipe: &Recipe,
    labels: [&str; 2],
    console: &mut Console,
    phases: &mut Phases,
) -> Result<Way, Error> {
    let data = args.data(labels);
    let seed = args.seed;
    let sets = phases.time("draw characters", || {
        data.load().and_then(|t| data.sets(&t))
    })?;
    let network = Family::Convnet.network(&sets.model, &[], seed)?;
    let network = phases.time("train", || {
        train::learn(network, &sets.model, args.epochs, seed, console)
    });
    let (network, _) = network?;
    let cut = harden::cut(&network, CUT)?;
    let progress = console.progress();
    let hardened = phases.time("harden", || {
        harden::work(&network, &cut, &sets.model, recipe, &progress)
    })?;
    harden::warn_of_collapse(&hardened, console);
    let bare = bundle::undefended(&network, cut.after, &sets.model)?;
    let parts = [bundle::deploy(&bare)?, bundle::deploy(&hardened)?];
    let (before, after, projection) = phases.time("attack and reconstruct", || {
        let bench = Bench::new(&sets, args.attackers, seed, &progress)?
            .reconstructing(args.attackers, seed)?;
        let before = bench.judge("undefended", &parts[0], &progress)?;
        let after = bench.judge("hardened", &parts[1], &progress)?;
        let projection = page::projection(&bench, Some(&before), &after);
        Ok::<_, Error>((before, after, projection))
    })?;
    Ok(Way {
        sets,
        cut,
        hardened,
        before,
        after,
        projection,
    })
}
