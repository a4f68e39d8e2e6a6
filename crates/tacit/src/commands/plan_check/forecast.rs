//! What the plan will cost here, and how good its model will be.

use std::collections::BTreeMap;
use std::time::Instant;

use tacit_ckks::{Ciphertext, Encoder, EvaluationKeys, Evaluator, PublicKey, SecretKey, encrypt};
use tacit_data::{Cohort, Table};
use tacit_learn::encrypted::EncryptionPlan;
use tacit_learn::metrics;
use tacit_learn::model::{GlmConfig, Samples};
use tacit_learn::packing::{Cost, GradientForm};
use tacit_learn::twin::Descent;
use tacit_mhe::{
    CollectiveGaloisKey, ExactMap, PartySecret, Protocol, Refresh, SessionContext, ShareInput,
};
use tacit_node::advice::named;
use tacit_ring::Xof;
use tacit_session::topology::{Load, Network, forecast};
use tacit_session::{Plan, Topology};

use super::Figure;
use crate::error::Context;
use crate::{Console, Error};

/// Measures one of each operation here and adds up; what travels in the whole training.
pub(super) fn times(
    config: &GlmConfig,
    encryption: &EncryptionPlan,
    console: &mut Console,
    figure: &mut Figure<'_>,
) -> Result<Load, Error> {
    let failed = || "this machine could not be measured";
    let params = &encryption.params;
    let mut xof = Xof::from_os().failed(failed)?;
    let sk = SecretKey::generate(params).failed(failed)?;
    let pk = PublicKey::generate(params, &sk, &mut xof);
    let evaluator = Evaluator::new(
        params,
        EvaluationKeys::generate(params, &sk, &[1], &mut xof),
    );
    let encoder = Encoder::new(params);
    let level = encryption.top_level() - 1;
    let values = vec![0.5; params.slots()];
    let plain = encoder
        .encode(&values, level, params.scale())
        .failed(failed)?;
    let ct = encrypt(params, &pk, &plain, &mut xof);
    let secret = PartySecret::generate(params).failed(failed)?;
    let context = SessionContext::derive(&[0; 32], &[0; 32], &[[0; 32]; 2]);

    let seconds = |work: &mut dyn FnMut() -> Result<(), Error>| -> Result<f64, Error> {
        let mut best = f64::INFINITY;
        for _ in 0..3 {
            let began = Instant::now();
            work()?;
            best = best.min(began.elapsed().as_secs_f64());
        }
        Ok(best)
    };
    let rotation = seconds(&mut || evaluator.rotate(&ct, 1).map(drop).failed(failed))?;
    let product = seconds(&mut || evaluator.mul_rescale(&ct, &ct).map(drop).failed(failed))?;
    let plaintext = seconds(&mut || {
        let p = encoder
            .encode(&values, level, params.scale())
            .failed(failed)?;
        evaluator.mul_plain(&ct, &p).map(drop).failed(failed)
    })?;
    let galois_share = |level| {
        seconds(&mut || {
            // Each party expands the common random string itself.
            let (instance, element) = (context.instance(1), params.ring().rotation(1));
            let protocol = CollectiveGaloisKey::at_level(params, &instance, element, level);
            protocol.share(&secret).map(drop).failed(failed)
        })
    };
    let layout = config.layout().failed(failed)?;
    let rotations = encryption.rotations(&layout);
    let mut of_level = BTreeMap::from([(encryption.answer_level(), 3)]);
    for rotation in &rotations {
        *of_level.entry(rotation.level).or_insert(0) += 1;
    }
    let mut keys = 0.0;
    for (level, count) in of_level {
        keys += f64::from(count) * galois_share(level)?;
    }
    let mut lowered = ct.clone();
    evaluator
        .drop_to_level(&mut lowered, encryption.refresh_level)
        .failed(failed)?;
    let refresh = Refresh::new(
        params,
        &context.instance(2),
        lowered,
        encryption.top_level(),
        encryption.mask,
        ExactMap::IDENTITY,
    )
    .failed(failed)?;
    let refresh_share = seconds(&mut || refresh.share(&secret).map(drop).failed(failed))?;

    let degree = config.activation().failed(failed)?.folded().degree();
    let cost = Cost::of(&layout, degree, GradientForm::Fused);
    let party = cost.party.rotations as f64 * rotation
        + cost.party.products as f64 * product
        + (2 + cost.party.plain_products) as f64 * plaintext
        + refresh_share;
    let root = cost.root.rotations as f64 * rotation + 4.0 * plaintext;
    let iterations = config.iterations as f64;
    // With every party on a machine of its own they work at the same time.
    let apart = keys + iterations * (party + root);
    let n = encryption.parties as f64;
    let cores = std::thread::available_parallelism().map_or(1.0, |c| c.get() as f64);
    let together = n * keys / cores + iterations * (n * party / cores + root);

    let gradient = Ciphertext::encoded_len(params, encryption.refresh_level + 1);
    // Of a point, everybody knows c_1.
    let point = Ciphertext::encoded_c0_len(params, encryption.top_level());
    let key_bytes = encryption.key_bytes(&layout);
    let key_inputs = key_bytes.inputs() as f64;
    let key_shares = key_bytes.shares() as f64;
    let round = gradient
        + point
        + refresh.encoded_len()
        + ShareInput::encoded_len(params, encryption.refresh_level);
    let bytes = key_shares + key_inputs + iterations * round as f64;
    console.say(&format!(
        "Forecast from this machine: {:.1} s of computation when every party has a machine like this one, {:.1} s when \
         this one does everybody's work; about {:.0} MB sent and received per party, {:.1} MB of it per iteration.",
        apart,
        together,
        bytes / 1e6,
        round as f64 / 1e6
    ))?;
    figure("predicted.wall_s", together)?;
    figure("predicted.wall_s_apart", apart)?;
    figure("predicted.bytes_per_party", bytes)?;
    // An iteration is a round of gradients and one of refreshing.
    let lowered = ShareInput::encoded_len(params, encryption.refresh_level);
    Ok(Load {
        rounds: 2.0 * iterations + (rotations.len() + 3) as f64,
        inputs: key_inputs + iterations * (point + lowered) as f64,
        shares: key_shares + iterations * (gradient + refresh.encoded_len()) as f64,
    })
}

/// What the network adds in this plan's topology, and in others.
pub(super) fn topologies(
    plan: &Plan,
    network: &Network,
    load: &Load,
    console: &mut Console,
    figure: &mut Figure<'_>,
) -> Result<(), Error> {
    let parties = u16::try_from(plan.parties.len()).unwrap_or(u16::MAX);
    let own: Topology = plan.topology.into();
    let seconds = own.seconds(parties, network, load);
    let all = forecast(parties, network, load);
    let others = all
        .iter()
        .take(3)
        .map(|f| format!("{} {:.1} s", named(f.topology), f.seconds));
    console.say(&format!(
        "Topology: {} adds {seconds:.1} s of network, with {:.0} ms and {:.0} Mbit/s a site, to the computation; cheapest: {}.",
        named(own),
        1e3 * network.latency,
        8e-6 * network.bytes_per_second,
        others.collect::<Vec<_>>().join(", ")
    ))?;
    if let Some(best) = all.first() {
        if best.seconds < 0.9 * seconds {
            console.warn(&format!(
                "{} would save {:.0} % of the network's time: set [topology] before the plan is signed",
                named(best.topology),
                100.0 * (1.0 - best.seconds / seconds)
            ));
        }
        figure("predicted.network_best_s", best.seconds)?;
    }
    figure("predicted.network_s", seconds)
}

/// Runs the twin on the cohorts at hand.
pub(super) fn accuracy(
    plan: &Plan,
    config: &GlmConfig,
    cohorts: &[(String, Cohort)],
    console: &mut Console,
    figure: &mut Figure<'_>,
) -> Result<(), Error> {
    if cohorts.is_empty() {
        return console.say("No cohort can be read here: the twin predicts no accuracy.");
    }
    let failed = || "the twin could not be run on the cohorts at hand";
    let mut parties = Vec::new();
    let mut held_out: Vec<Table> = Vec::new();
    let all = Table::concat(cohorts.iter().map(|(_, c)| &c.table)).bad_input(failed)?;
    let d = all.columns();
    if d != config.features {
        return Err(Error::bad_input(format!(
            "the cohorts have {d} features, the plan's model.features is {}",
            config.features
        )));
    }
    let rows = all.rows() as f64;
    let mean: Vec<f64> = (0..d)
        .map(|j| all.iter_rows().map(|r| r[j]).sum::<f64>() / rows)
        .collect();
    let sd: Vec<f64> = (0..d)
        .map(|j| {
            let v = all
                .iter_rows()
                .map(|r| (r[j] - mean[j]).powi(2))
                .sum::<f64>()
                / rows;
            v.sqrt().max(1e-12)
        })
        .collect();
    let standardise = |t: &Table| -> Result<Samples, Error> {
        let features = t
            .iter_rows()
            .flat_map(|r| {
                (0..d)
                    .map(|j| ((r[j] - mean[j]) / sd[j]).clamp(-4.0, 4.0))
                    .collect::<Vec<_>>()
            })
            .collect();
        Samples::new(d, features, t.labels().to_vec()).failed(failed)
    };
    for (_, cohort) in cohorts {
        let (train, test) = cohort
            .table
            .train_test(0.2, config.seed)
            .bad_input(failed)?;
        parties.push(standardise(&train)?);
        held_out.push(test);
    }
    let test = standardise(&Table::concat(&held_out).bad_input(failed)?)?;
    let run = Descent::new(config, &parties)
        .and_then(|d| d.run())
        .failed(failed)?;
    let measured = metrics::evaluate(config.family, &run.weights, &test).failed(failed)?;
    let who = if cohorts.len() == plan.parties.len() {
        "all"
    } else {
        "the readable"
    };
    let quality = match (measured.accuracy, measured.majority_floor) {
        (Some(accuracy), Some(floor)) => {
            figure("predicted.accuracy", accuracy)?;
            figure("predicted.majority_accuracy", floor)?;
            format!(
                "accuracy {:.1} % (majority class {:.1} %)",
                100.0 * accuracy,
                100.0 * floor
            )
        }
        _ => format!("loss {:.4}", measured.loss),
    };
    figure("predicted.loss", measured.loss)?;
    console.say(&format!(
        "The twin, trained on 80 % of {who} cohorts, predicts {quality} on the other 20 % ({} rows).",
        test.len()
    ))?;
    figure("twin.share_outside_activation", run.range.share_outside())?;
    if let Some(warning) = run.range.warning() {
        console.warn(&warning);
    }
    Ok(())
}
