//! The messages: round trips, and readers that take anything.

use std::time::Duration;

use proptest::collection::vec;
use proptest::prelude::*;
use tacit_serve::message::{
    PREAMBLE, Reply, read_reply, read_request, write_answer, write_refusal, write_request,
};
use tacit_serve::{Answer, Code, Encoding, FeatureRule, ModelVersion, Refusal};

const MODEL: ModelVersion = ModelVersion([5; 32]);
const CLIP: f32 = 3.0;

fn encoding() -> impl Strategy<Value = Encoding> {
    let quantised = (2u16..=256).prop_map(|levels| Encoding::Quantised { levels });
    prop_oneof![Just(Encoding::Float), quantised]
}

fn rule() -> impl Strategy<Value = FeatureRule> {
    (1usize..20, encoding()).prop_map(|(columns, encoding)| {
        FeatureRule::new(columns, CLIP, encoding).expect("a sound rule")
    })
}

proptest! {
    #[test]
    fn what_is_written_is_read_and_written_again(
        (rule, features) in rule().prop_flat_map(|rule| {
            let rows = (1usize..5).prop_flat_map(move |rows| {
                vec(-CLIP..=CLIP, rows * rule.columns())
            });
            (Just(rule), rows)
        })
    ) {
        let bytes = write_request(&MODEL, &rule, &features).unwrap();
        let (preamble, read) = read_request(&bytes, &rule, 5).unwrap();
        prop_assert_eq!(preamble.model, MODEL);
        prop_assert_eq!(preamble.rows() * rule.columns(), features.len());
        match rule.encoding() {
            Encoding::Float => prop_assert_eq!(&read, &features),
            Encoding::Quantised { levels } => {
                let half = CLIP / f32::from(levels - 1) * 1.0001;
                for (read, sent) in read.iter().zip(&features) {
                    prop_assert!((read - sent).abs() <= half);
                }
            }
        }
        prop_assert_eq!(write_request(&MODEL, &rule, &read).unwrap(), bytes);
    }

    #[test]
    fn any_bytes_are_refused_or_the_only_encoding_of_what_they_say(
        rule in rule(),
        mut bytes in vec(any::<u8>(), 0..200),
        sound in any::<bool>(),
    ) {
        if sound && bytes.len() >= PREAMBLE {
            // With a preamble that fits, so that the numbers are reached.
            let rest = bytes.len() - PREAMBLE;
            let width = if rule.encoding() == Encoding::Float { 4 } else { 1 };
            let rows = rest / rule.columns() / width;
            bytes.truncate(PREAMBLE + rows * rule.columns() * width);
            bytes[..8].copy_from_slice(b"tacit.sv");
            bytes[8..12].copy_from_slice(&[1, 1, u8::from(width == 1), 0]);
            bytes[12..16].copy_from_slice(&(rows as u32).to_le_bytes());
            bytes[16..20].copy_from_slice(&(rule.columns() as u32).to_le_bytes());
        }
        if let Ok((preamble, features)) = read_request(&bytes, &rule, 100) {
            prop_assert!(features.iter().all(|x| x.abs() <= CLIP));
            prop_assert_eq!(write_request(&preamble.model, &rule, &features).unwrap(), bytes);
        }
    }

    #[test]
    fn any_reply_is_malformed_or_the_only_encoding_of_what_it_says(
        mut bytes in vec(any::<u8>(), 0..200),
        kind in 0u8..4,
    ) {
        if bytes.len() >= PREAMBLE {
            let rest = (bytes.len() - PREAMBLE) as u32;
            bytes[..8].copy_from_slice(b"tacit.sv");
            bytes[8..12].copy_from_slice(&[1, kind, 2 * (kind & 1), 0]);
            bytes[16..20].copy_from_slice(&rest.to_le_bytes());
            if kind == 2 {
                bytes.truncate(PREAMBLE + rest as usize / 4 * 4);
                bytes[12..16].copy_from_slice(&(rest / 4).to_le_bytes());
                bytes[16..20].copy_from_slice(&1u32.to_le_bytes());
            }
        }
        match read_reply(&bytes) {
            Ok(Reply::Answered(model, answer)) => {
                prop_assert_eq!(write_answer(&model, &answer), bytes);
            }
            Ok(Reply::Refused(refusal)) => prop_assert_eq!(write_refusal(&refusal), bytes),
            Err(_) => {}
        }
    }
}

#[test]
fn answers_and_refusals_come_back_as_they_were() {
    let answers = [
        Answer::Classes(vec![0, 7, u32::MAX]),
        Answer::Logits {
            values: vec![1.0, -0.0, f32::MIN_POSITIVE, 4.0],
            outputs: 2,
        },
    ];
    for answer in answers {
        let bytes = write_answer(&MODEL, &answer);
        assert_eq!(read_reply(&bytes), Ok(Reply::Answered(MODEL, answer)));
        for end in 0..bytes.len() {
            assert!(read_reply(&bytes[..end]).is_err());
        }
    }
    for &code in Code::ALL {
        assert_eq!(Code::from_number(code.number()), Some(code));
        let refusal = Refusal {
            code,
            text: "because".into(),
            retry_after: Some(Duration::from_millis(7)),
        };
        let bytes = write_refusal(&refusal);
        assert_eq!(read_reply(&bytes), Ok(Reply::Refused(refusal)));
    }
    let long = Refusal {
        code: Code::Length,
        text: "é".repeat(2000),
        retry_after: None,
    };
    let read = read_reply(&write_refusal(&long));
    assert!(matches!(read, Ok(Reply::Refused(short)) if short.text.chars().count() == 512));
}

#[test]
fn codes_keep_their_numbers_and_names() {
    let known: Vec<String> = Code::ALL
        .iter()
        .map(|code| format!("{} {code}", code.number()))
        .collect();
    let wanted = "1 token_missing, 2 token_unknown, 3 token_expired, 4 certificate_revoked, \
                  5 certificate_expired, 6 certificate_missing, 10 not_a_message, \
                  11 format_version, 12 kind, 13 dtype, 14 shape, 15 batch_too_large, 16 length, \
                  17 body_too_large, 18 not_finite, 19 out_of_range, 20 model_version, \
                  30 rate_limited, 31 repeated, 32 overloaded, 33 too_slow, 34 shutting_down, \
                  40 head_failed, 41 no_such_place";
    assert_eq!(known.join(", "), wanted);
}
