//! Messages between a split network's clients and its server.

use std::time::Duration;

use tacit_serve::message::{
    PREAMBLE, Reply, read_reply, read_request, write_answer, write_refusal, write_request,
};
use tacit_serve::{Answer, Code, Encoding, FeatureRule, ModelVersion, Refusal};

use super::canonical;

const COLUMNS: usize = 3;
const MODEL: ModelVersion = ModelVersion([7; 32]);

fn rule(encoding: Encoding) -> FeatureRule {
    FeatureRule::new(COLUMNS, 4.0, encoding).expect("a sound rule")
}

/// Under the encoding that the request claims, so that both are reached.
pub fn request(data: &[u8]) -> bool {
    let levels = data.get(10).is_some_and(|&tag| tag == 1);
    let encoding = if levels {
        Encoding::Quantised { levels: 200 }
    } else {
        Encoding::Float
    };
    let rule = rule(encoding);
    let Ok((preamble, features)) = read_request(data, &rule, 1000) else {
        return false;
    };
    assert_eq!(features.len(), preamble.rows() * COLUMNS);
    assert!(features.iter().all(|x| x.abs() <= rule.clip()));
    let again = write_request(&preamble.model, &rule, &features).expect("its own encoding");
    canonical(data, &again)
}

pub fn request_seeds() -> Vec<Vec<u8>> {
    let features = [0.0, 4.0, -4.0, 0.25, -1.5, f32::MIN_POSITIVE];
    let write = |encoding| write_request(&MODEL, &rule(encoding), &features).expect("sound");
    vec![
        write(Encoding::Float),
        write(Encoding::Quantised { levels: 200 }),
    ]
}

pub fn reply(data: &[u8]) -> bool {
    match read_reply(data) {
        Ok(Reply::Answered(model, answer)) => {
            assert!(answer.rows() > 0 && data.len() >= PREAMBLE + 4);
            assert_eq!(answer.classes().len(), answer.rows());
            canonical(data, &write_answer(&model, &answer))
        }
        Ok(Reply::Refused(refusal)) => canonical(data, &write_refusal(&refusal)),
        Err(_) => false,
    }
}

pub fn reply_seeds() -> Vec<Vec<u8>> {
    let logits = Answer::Logits {
        values: vec![1.0, -2.0, 0.5, 3.0],
        outputs: 2,
    };
    let refusal = Refusal {
        code: Code::RateLimited,
        text: "more rows than a client may ask".into(),
        retry_after: Some(Duration::from_millis(250)),
    };
    vec![
        write_answer(&MODEL, &logits),
        write_answer(&MODEL, &Answer::Classes(vec![0, 9])),
        write_refusal(&refusal),
    ]
}
