//! Predictions of networks with model and query encrypted, under a key that all parties hold together, against the
//! network in the clear: on small rings without security, and the margins of the parameters that are really used.

use std::sync::Arc;

use tacit_ckks::PublicKey;
use tacit_learn::encrypted::LocalRows;
use tacit_learn::model::Samples;
use tacit_learn::neural::encrypted::{MlpPlan, local};
use tacit_learn::neural::serving::local::Serving;
use tacit_learn::neural::serving::{Introduction, Querier, Query, ServingCost, ServingPlan, WAVE};
use tacit_learn::neural::{Curve, MlpConfig, MlpWeights, PolynomialActivation};
use tacit_transport::memory::Options;

fn samples(features: usize, rows: usize) -> Samples {
    let value = |k: usize| ((k * 7_919 % 1_013) as f64 * 0.37).sin() / 2.0;
    let values = (0..rows * features).map(value).collect();
    Samples::new(features, values, vec![0.0; rows]).unwrap()
}

fn config(layers: &[usize]) -> MlpConfig {
    MlpConfig {
        slots: 256,
        batch: 8,
        ..MlpConfig::new(layers)
    }
}

fn plan(config: &MlpConfig, max_answers: usize) -> Arc<ServingPlan> {
    let training = MlpPlan::insecure_toy(config.clone(), vec![10; 3]).unwrap();
    Arc::new(ServingPlan::new(&training, max_answers).unwrap())
}

struct Room {
    serving: Serving,
    weights: MlpWeights,
    querier: Querier,
    introduction: Introduction,
}

impl Room {
    fn new(config: &MlpConfig, max_answers: usize) -> Self {
        let names: Vec<String> = (0..3).map(|i| format!("site-{i}")).collect();
        let weights = MlpWeights::initial(config);
        let plan = plan(config, max_answers);
        let serving = Serving::of_weights(plan.clone(), &names, &weights).unwrap();
        let querier = Querier::new(plan, serving.collective_key().clone()).unwrap();
        let introduction = querier.introduction(true).unwrap();
        Self {
            serving,
            weights,
            querier,
            introduction,
        }
    }

    fn submit(&mut self, query: &Query) -> Result<(), String> {
        let submitted = self.serving.submit(query.clone(), &self.introduction);
        submitted.map_err(|e| e.to_string())
    }

    /// The largest difference of the answer's outputs from those in the clear.
    fn difference(
        &self,
        config: &MlpConfig,
        table: &Samples,
        rows: &[usize],
        answer: &[u8],
    ) -> f64 {
        let found = self.querier.read(answer, rows.len()).unwrap();
        let mut worst = 0.0f64;
        for (k, &row) in rows.iter().enumerate() {
            let expected = self.weights.outputs(config, table.row(row));
            let pairs = found.row(k).iter().zip(&expected);
            worst = pairs.map(|(a, b)| (a - b).abs()).fold(worst, f64::max);
        }
        worst
    }
}

/// Asks for as many rows as fit and for a few, in both forms, and compares.
fn check(config: MlpConfig) {
    let mut room = Room::new(&config, 10);
    let plan = room.serving.plan().clone();
    let table = samples(config.inputs(), plan.layout.samples() + 2);
    let all: Vec<usize> = (0..plan.layout.samples())
        .map(|k| (k * 5 + 1) % table.len())
        .collect();
    let few = vec![3, 0, 2];
    let queries = [
        room.querier.ask(&table, &all).unwrap(),
        room.querier.ask_compact(&table, &few).unwrap(),
    ];
    let params = &plan.encryption.params;
    let introduction =
        Introduction::from_bytes(params, &room.introduction.to_bytes(params)).unwrap();
    assert_eq!(introduction, room.introduction);
    let collective = room.serving.collective_key();
    let received = PublicKey::from_bytes(params, &collective.to_bytes(params)).unwrap();
    assert_eq!(received, *collective);
    for query in &queries {
        let bytes = query.to_bytes(params);
        let received = Query::from_bytes(&plan, &bytes).unwrap();
        assert_eq!(received, *query);
        room.submit(&received).unwrap();
    }
    let cost = ServingCost::of(&plan);
    let first = room.serving.answer(&Options::default(), |_| {}).unwrap();
    assert_eq!(first.counts, cost.prepare.plus(cost.query.times(2)));
    for (rows, answer) in [&all, &few].into_iter().zip(&first.answers) {
        let difference = room.difference(&config, &table, rows, answer);
        assert!(difference < 1e-3, "{config:?}: {difference:e}");
    }
    // A later session finds the model in place; more than a wave takes two.
    for k in 0..=WAVE {
        let query = room.querier.ask(&table, &[k]).unwrap();
        room.submit(&query).unwrap();
    }
    let second = room.serving.answer(&Options::default(), |_| {}).unwrap();
    assert_eq!(second.counts, cost.query.times(WAVE + 1));
    let rounds = |label: &str| {
        second
            .rounds
            .iter()
            .filter(|r| r.label.as_str().starts_with(label))
            .count()
    };
    assert_eq!((rounds("query/"), rounds("model/")), (2 * cost.rounds, 0));
    for (k, answer) in second.answers.iter().enumerate() {
        assert!(room.difference(&config, &table, &[k], answer) < 1e-3);
    }
}

#[test]
fn an_encrypted_model_answers_encrypted_queries_as_it_does_in_the_clear() {
    // Five pieces of inputs, in two ciphertexts of the trained layer; the last piece has room to spare.
    check(config(&[34, 8, 5, 3]));
}

#[test]
fn activations_with_a_constant_and_other_depths_agree_too() {
    let silu = PolynomialActivation::fit(Curve::Silu, 2, 4.0).unwrap();
    check(MlpConfig {
        activation: silu,
        batch: 4,
        ..config(&[11, 8, 2])
    });
    check(config(&[5, 7, 8, 4, 2]));
}

#[test]
fn a_trained_model_answers_without_having_been_decrypted_for_it() {
    let config = MlpConfig {
        iterations: 2,
        ..config(&[12, 8, 5, 3])
    };
    let table = samples(12, 30);
    let labels = (0..30).map(|row| f64::from(row % 3)).collect();
    let values = (0..30).flat_map(|row| table.row(row).to_vec()).collect();
    let labelled = Samples::new(12, values, labels).unwrap();
    let rows: Vec<Box<dyn LocalRows>> = (labelled.deal(3).unwrap().into_iter())
        .map(|rows| Box::new(rows) as Box<dyn LocalRows>)
        .collect();
    let names: Vec<String> = (0..3).map(|i| format!("site-{i}")).collect();
    let training = Arc::new(MlpPlan::insecure_toy(config.clone(), vec![10; 3]).unwrap());
    let options = Options::default();
    let (trained, parties) =
        local::train_to_serve(&training, &names, rows, &options, |_| {}).unwrap();
    let plan = Arc::new(ServingPlan::new(&training, 2).unwrap());
    let serving = Serving::of_parties(plan.clone(), &names, parties).unwrap();
    let querier = Querier::new(plan, serving.collective_key().clone()).unwrap();
    let introduction = querier.introduction(true).unwrap();
    let mut room = Room {
        serving,
        weights: trained.weights,
        querier,
        introduction,
    };
    let query = room.querier.ask_compact(&table, &[4, 9]).unwrap();
    room.submit(&query).unwrap();
    let answers = room.serving.answer(&options, |_| {}).unwrap().answers;
    assert!(room.difference(&config, &table, &[4, 9], &answers[0]) < 1e-3);
}

#[test]
fn only_the_querier_reads_its_answer() {
    let config = config(&[16, 8, 5, 3]);
    let mut room = Room::new(&config, 4);
    let plan = room.serving.plan().clone();
    let other = Querier::new(plan, room.serving.collective_key().clone()).unwrap();
    let table = samples(16, 4);
    let query = room.querier.ask(&table, &[0, 1]).unwrap();
    room.submit(&query).unwrap();
    let answers = room
        .serving
        .answer(&Options::default(), |_| {})
        .unwrap()
        .answers;
    assert!(room.difference(&config, &table, &[0, 1], &answers[0]) < 1e-3);
    // To anybody else, the other querier for one, it is noise as wide as the modulus.
    let seen = other.read(&answers[0], 2).unwrap();
    let largest = seen.values().iter().fold(0.0f64, |m, v| m.max(v.abs()));
    assert!(largest > 100.0, "{seen:?}");
}

#[test]
fn what_is_no_query_is_refused_by_name() {
    let config = config(&[16, 8, 5, 3]);
    let mut room = Room::new(&config, 2);
    let refused = |result: Result<Query, tacit_learn::encrypted::EncryptedError>| {
        result.unwrap_err().to_string()
    };
    let table = samples(16, 40);
    let all: Vec<usize> = (0..40).collect();
    assert!(refused(room.querier.ask(&table, &all)).contains("rows of a query"));
    assert!(refused(room.querier.ask(&table, &[40])).contains("queried"));
    assert!(refused(room.querier.ask(&samples(15, 2), &[0])).contains("features"));
    for bad in [f64::INFINITY, 65.0] {
        let mut values = vec![0.0; 32];
        values[19] = bad;
        let table = Samples::new(16, values, vec![0.0; 2]);
        let asked = table
            .map_err(Into::into)
            .and_then(|t| room.querier.ask(&t, &[0, 1]));
        let message = refused(asked);
        assert!(
            message.contains("row 1") && message.contains("3"),
            "{message}"
        );
    }

    let query = room.querier.ask(&table, &[1]).unwrap();
    let params = room.serving.plan().encryption.params.clone();
    let mut bytes = query.to_bytes(&params);
    assert!(Query::from_bytes(room.serving.plan(), &bytes[1..]).is_err());
    bytes[12] = 9;
    assert!(Query::from_bytes(room.serving.plan(), &bytes).is_err());
    room.submit(&query).unwrap();
    assert!(room.submit(&query).unwrap_err().contains("afresh"));
    let Query::Expanded(mut parts) = room.querier.ask(&table, &[1]).unwrap() else {
        panic!("an expanded query");
    };
    parts.pop();
    assert!(
        room.submit(&Query::Expanded(parts))
            .unwrap_err()
            .contains("ciphertexts")
    );
    let compact = room.querier.ask_compact(&table, &[1]).unwrap();
    let unknown = room.querier.introduction(false).unwrap();
    let refused = room.serving.submit(compact.clone(), &unknown).unwrap_err();
    assert!(refused.to_string().contains("asking key"));

    // Two answers are allowed, over all sessions.
    room.submit(&compact).unwrap();
    let third = room.querier.ask(&table, &[2]).unwrap();
    assert!(room.submit(&third).unwrap_err().contains("limit of 2"));
    let answers = room
        .serving
        .answer(&Options::default(), |_| {})
        .unwrap()
        .answers;
    assert_eq!(answers.len(), 2);
    assert!(room.submit(&third).unwrap_err().contains("limit of 2"));
}

#[test]
fn digits_among_ten_parties_are_answered_on_the_training_parameters() {
    let training = MlpPlan::new(MlpConfig::new(&[784, 64, 64, 10]), vec![6_000; 10], 64).unwrap();
    let plan = ServingPlan::new(&training, 1_000).unwrap();
    let margin = plan.answer_margin().unwrap();
    assert!(margin.fits() && margin.lambda_s() == 64 && margin.releases() == 1_000);
    assert!(margin.precision_bits() > 10.0, "{margin:?}");
    // What refreshes carry over is far below the flooding.
    let carried = plan.carried_margin_bits().unwrap();
    assert!(carried > 30.0, "{carried}");
    assert_eq!((plan.layout.samples(), plan.layout.pieces()), (192, 13));
    let cost = ServingCost::of(&plan);
    assert_eq!(
        (cost.query.products, cost.query.relinearisations),
        (962, 26)
    );
    assert_eq!((cost.refreshes, cost.rounds), (4, 5));
}

#[test]
fn plans_that_cannot_serve_are_refused_by_field() {
    let base = config(&[5, 6, 2]);
    let refused = |config: MlpConfig, answers| {
        let training = MlpPlan::insecure_toy(config, vec![10; 3]).unwrap();
        let refused = ServingPlan::new(&training, answers).unwrap_err();
        refused.to_string()
    };
    assert!(refused(base.clone(), 0).contains("`max_answers`"));
    let biased = MlpConfig {
        hidden_bias: true,
        ..base.clone()
    };
    assert!(refused(biased, 1).contains("`hidden_bias`"));
    let cubic = PolynomialActivation::new(vec![0.0, 0.5, 0.1, 0.05]).unwrap();
    let cubic = MlpConfig {
        activation: cubic,
        ..base
    };
    assert!(refused(cubic, 1).contains("`activation`"));
}
