//! What holds of both schemes, which have the same names for the same things.

macro_rules! claims {
    ($scheme:ident) => {
        mod claims {
            use proptest::prelude::*;
            use tacit_fe::group::{G1Affine, G2Affine};
            use tacit_fe::scheme::$scheme::*;
            use tacit_fe::{Evaluator, FeError, IntegerModel, PointFault, Timing};
            use tacit_ring::{DecodeError, Seed};

            use super::FACTS;
            use crate::{any_model, expected, model, small_model, zero_output};

            fn master(inputs: usize, input_max: u16) -> MasterSecret {
                MasterSecret::from_seed(inputs, input_max, &Seed::from_bytes([7; 32])).unwrap()
            }

            fn small_ciphertext(master: &MasterSecret) -> Ciphertext {
                let encryptor = Encryptor::authority(master, Timing::Tables);
                encryptor.encrypt(&[1, 200, 17]).unwrap()
            }

            /// Encrypts in every way, evaluates on one, two and three threads, and compares with the clear.
            fn check(master: &MasterSecret, model: &IntegerModel, x: &[u16]) {
                let key = master.keygen(model).unwrap();
                let expected = expected(model, x);
                let plan = |threads| EvaluationPlan::new(&key, model, threads).unwrap();
                let plans = [1, 2, 3].map(plan);
                for timing in [Timing::ConstantTime, Timing::Tables] {
                    for encryptor in [
                        Encryptor::public(master.public_key(), timing),
                        Encryptor::authority(master, timing),
                    ] {
                        let ciphertext = encryptor.encrypt(x).unwrap();
                        for plan in &plans {
                            let outputs = plan.evaluate(&ciphertext).unwrap();
                            assert_eq!(outputs, expected, "{encryptor:?}");
                        }
                    }
                }
            }

            proptest! {
                #![proptest_config(ProptestConfig::with_cases(24))]

                #[test]
                fn decryption_gives_f_of_x((model, x) in any_model()) {
                    let master = master(model.inputs(), 255);
                    let zero = zero_output(&model);
                    match master.keygen(&model) {
                        Ok(_) => {
                            prop_assert_eq!(zero, None);
                            check(&master, &model, &x);
                        }
                        Err(FeError::ZeroOutput { output }) => {
                            // An output may also vanish because its terms cancel.
                            prop_assert!(zero.is_none_or(|first| output <= first));
                            // f is zero as a form, so for this x too.
                            prop_assert_eq!(model.evaluate(&x).unwrap()[output], 0);
                        }
                        Err(error) => prop_assert!(false, "{}", error),
                    }
                }
            }

            #[test]
            fn extreme_inputs_and_coefficients_decrypt() {
                let (low, high) = (i16::MIN, i16::MAX);
                let p = vec![low, high, 1, -1, 0, low, high, 2, 0, 16, -16, 17];
                let model = model((4, 3, 2), p, vec![1, -1, 31, 0, -32, 5], 2);
                let master = master(4, 2);
                for x in [[0; 4], [2; 4], [0, 2, 0, 1]] {
                    check(&master, &model, &x);
                }
                let wide = crate::model((1, 1, 1), vec![1], vec![1], u16::MAX);
                check(&self::master(1, u16::MAX), &wide, &[u16::MAX]);
            }

            #[test]
            fn columns_with_gaps_repetitions_and_nothing_decrypt() {
                // Columns: a lone large coefficient, two equal ones, opposite ones, zeros, a gap at the top.
                let columns: [[i16; 6]; 6] = [
                    [0, 0, 31, 0, 0, 0],
                    [7, 7, 7, 7, 7, 7],
                    [5, -5, 5, -5, 5, -5],
                    [0; 6],
                    [15, 15, 1, 1, -1, 0],
                    [1, 2, 3, 4, 8, 16],
                ];
                let rows = (0..6).flat_map(|i| columns.map(|column| column[i]));
                let model = model((6, 6, 2), rows.collect(), vec![1; 12], 255);
                let master = master(6, 255);
                check(&master, &model, &[1, 0, 255, 3, 3, 90]);
                check(&master, &model, &[0; 6]);
            }

            #[test]
            fn a_network_of_the_published_shape_decrypts() {
                let (n, d, k) = (785, 40, 10);
                let mut xof = Seed::from_bytes([1; 32]).expand();
                let mut draw = |size: u64| (xof.next_u64() % (2 * size + 1)) as i16 - size as i16;
                let p = (0..n * d)
                    .map(|_| draw(15) * i16::from(draw(1) > 0))
                    .collect();
                let combination = (0..d * k).map(|_| draw(31)).collect();
                let model = model((n, d, k), p, combination, 255);
                let x: Vec<u16> = (0..n as u16).map(|i| (i * 37) % 256).collect();
                check(&master(n, 255), &model, &x);
            }

            #[test]
            fn known_answers_of_key_generation() {
                let master = master(3, 255);
                let hash = master.public_key().hash().to_string();
                assert!(hash.starts_with(FACTS.public_key_hash), "{hash}");
                let key = master.keygen(&small_model()).unwrap();
                let digest = blake3::hash(&key.to_bytes()).to_hex();
                assert_eq!(&digest[..16], FACTS.functional_key_digest);
            }

            #[test]
            fn inputs_of_wrong_shape_or_range_are_refused() {
                let master = master(3, 255);
                let encryptor = Encryptor::public(master.public_key(), Timing::ConstantTime);
                let shape = encryptor.encrypt(&[1, 2]).unwrap_err();
                assert!(matches!(
                    shape,
                    FeError::InputShape {
                        found: 2,
                        expected: 3
                    }
                ));
                let range = encryptor.encrypt(&[1, 256, 2]).unwrap_err();
                assert!(matches!(
                    range,
                    FeError::InputRange {
                        index: 1,
                        found: 256,
                        ..
                    }
                ));
                for (inputs, input_max) in [(0, 255), (65_537, 255), (3, 0)] {
                    let refused = MasterSecret::generate(inputs, input_max);
                    assert!(matches!(refused, Err(FeError::KeyShape { .. })));
                }
            }

            #[test]
            fn models_that_do_not_fit_the_master_key_are_refused() {
                let longer = master(4, 255).keygen(&small_model());
                assert!(matches!(
                    longer,
                    Err(FeError::ModelDoesNotFitKey { key_inputs: 4, .. })
                ));
                // The model's bounds were proven for smaller inputs than the key encrypts.
                let larger = master(3, 256).keygen(&small_model());
                assert!(matches!(
                    larger,
                    Err(FeError::ModelDoesNotFitKey {
                        key_input_max: 256,
                        ..
                    })
                ));
                let zero = model((3, 1, 2), vec![1, 2, 3], vec![1, 0], 255);
                let refused = master(3, 255).keygen(&zero);
                assert!(matches!(refused, Err(FeError::ZeroOutput { output: 1 })));
            }

            #[test]
            fn a_key_for_another_model_or_authority_is_refused() {
                let (model, master) = (small_model(), master(3, 255));
                let key = master.keygen(&model).unwrap();
                let p = vec![1, -2, 0, 3, -15, 5];
                let other = crate::model((3, 2, 2), p, vec![1, -1, 2, 31], 255);
                let refused = EvaluationPlan::new(&key, &other, 1);
                assert!(matches!(refused, Err(FeError::KeyForOtherModel { .. })));
                // The name of the right model over another number of points.
                let mut forged = key.to_bytes();
                forged[66..70].copy_from_slice(&1u32.to_le_bytes());
                forged.truncate(forged.len() - FACTS.counted * 96);
                let forged = FunctionalKey::from_bytes(&forged).unwrap();
                let refused = EvaluationPlan::new(&forged, &model, 1);
                assert!(matches!(
                    refused,
                    Err(FeError::Decode(DecodeError::Field {
                        found: 1,
                        expected: 2,
                        ..
                    }))
                ));

                let stranger = MasterSecret::from_seed(3, 255, &Seed::from_bytes([8; 32])).unwrap();
                let plan = EvaluationPlan::new(&key, &model, 1).unwrap();
                let ciphertext = small_ciphertext(&stranger);
                let refused = plan.evaluate(&ciphertext);
                let others = |refused| matches!(refused, FeError::CiphertextForOtherKey { .. });
                assert!(others(refused.unwrap_err()));
                assert!(others(key.check_public_key(ciphertext.public_key()).unwrap_err()));
                key.check_public_key(master.public_key().hash()).unwrap();
            }

            #[test]
            fn the_first_bytes_of_a_ciphertext_name_its_master_key() {
                let ct = small_ciphertext(&master(3, 255));
                for bytes in [ct.to_bytes(), ct.to_raw_bytes()] {
                    let first = &bytes[..Ciphertext::NAMED_WITHIN];
                    assert_eq!(Ciphertext::public_key_of(first).unwrap(), ct.public_key());
                    assert_eq!(Ciphertext::public_key_of(&bytes).unwrap(), ct.public_key());
                    let error = Ciphertext::public_key_of(&first[1..]).unwrap_err();
                    assert!(matches!(error, FeError::Decode(DecodeError::Version { .. })));
                    let error = Ciphertext::public_key_of(&first[..33]).unwrap_err();
                    assert!(matches!(error, FeError::Decode(DecodeError::Truncated { .. })));
                }
            }

            #[test]
            fn encodings_round_trip() {
                let master = master(3, 255);
                let public = master.public_key();
                assert_eq!(&PublicKey::from_bytes(&public.to_bytes()).unwrap(), public);
                let restored = MasterSecret::from_secret_bytes(&master.to_secret_bytes()).unwrap();
                assert_eq!(restored.public_key(), public);
                let key = master.keygen(&small_model()).unwrap();
                assert_eq!(FunctionalKey::from_bytes(&key.to_bytes()).unwrap(), key);
                assert_eq!(restored.keygen(&small_model()).unwrap(), key);
                let ct = small_ciphertext(&master);
                assert_eq!(Ciphertext::from_bytes(&ct.to_bytes()).unwrap(), ct);
                let raw = ct.to_raw_bytes();
                assert_eq!(Ciphertext::from_bytes(&raw).unwrap(), ct);
                assert_eq!(Ciphertext::from_trusted_bytes(&raw).unwrap(), ct);
            }

            /// Every decoder, on one of its encodings: bytes, decoder, where counts stand.
            type Decoder = (Vec<u8>, fn(&[u8]) -> Result<(), FeError>, &'static [usize]);

            fn decoders() -> Vec<Decoder> {
                let master = master(3, 255);
                let ct = small_ciphertext(&master);
                let key = master.keygen(&small_model()).unwrap().to_bytes();
                let public = master.public_key().to_bytes();
                let secret = master.to_secret_bytes().to_vec();
                let (compressed, raw) = (ct.to_bytes(), ct.to_raw_bytes());
                let from_secret = |b: &[u8]| MasterSecret::from_secret_bytes(b).map(drop);
                let from_anywhere = |b: &[u8]| Ciphertext::from_bytes(b).map(drop);
                let trusted = |b: &[u8]| Ciphertext::from_trusted_bytes(b).map(drop);
                vec![
                    (public, |b| PublicKey::from_bytes(b).map(drop), &[2]),
                    (secret, from_secret, &[2]),
                    (key, |b| FunctionalKey::from_bytes(b).map(drop), FACTS.counts),
                    (compressed, from_anywhere, &[34]),
                    (raw.clone(), from_anywhere, &[34]),
                    (raw, trusted, &[34]),
                ]
            }

            #[test]
            fn truncated_longer_and_foreign_bytes_are_refused() {
                for (bytes, decode, _) in decoders() {
                    decode(&bytes).unwrap();
                    for end in 0..bytes.len() {
                        let error = decode(&bytes[..end]).unwrap_err();
                        let truncated =
                            matches!(error, FeError::Decode(DecodeError::Truncated { .. }));
                        assert!(truncated, "{error}");
                    }
                    let longer = [bytes.as_slice(), &[0]].concat();
                    let error = decode(&longer).unwrap_err();
                    let trailing =
                        matches!(error, FeError::Decode(DecodeError::TrailingBytes { .. }));
                    assert!(trailing, "{error}");
                    for position in [0, 1] {
                        let mut other = bytes.clone();
                        other[position] ^= 0x40;
                        let error = decode(&other).unwrap_err();
                        let version = matches!(error, FeError::Decode(DecodeError::Version { .. }));
                        assert!(version, "{error}");
                    }
                }
            }

            #[test]
            fn absurd_counts_are_refused_before_anything_is_allocated() {
                for (bytes, decode, places) in decoders() {
                    for &at in places {
                        let with = |count: u32| {
                            let mut bytes = bytes.clone();
                            bytes[at..at + 4].copy_from_slice(&count.to_le_bytes());
                            decode(&bytes).unwrap_err()
                        };
                        for count in [0, u32::MAX, 1 << 30] {
                            let error = with(count);
                            let field = matches!(error, FeError::Decode(DecodeError::Field { .. }));
                            assert!(field, "{error}");
                        }
                        let error = with(60_000);
                        let expected = matches!(
                            error,
                            FeError::Decode(DecodeError::Truncated { .. } | DecodeError::Field { .. })
                        );
                        assert!(expected, "{error}");
                    }
                }
            }

            #[test]
            fn bad_points_are_refused_with_their_place() {
                let master = master(3, 255);
                let ct = small_ciphertext(&master);
                let (compressed, raw) = (ct.to_bytes(), ct.to_raw_bytes());
                let fault = |bytes: &[u8]| match Ciphertext::from_bytes(bytes) {
                    Err(FeError::Point { what, index, fault }) => (what, index, fault),
                    other => panic!("{other:?}"),
                };
                let with = |at: usize, point: &[u8]| {
                    let mut bytes = compressed.clone();
                    bytes[at..at + point.len()].copy_from_slice(point);
                    bytes
                };
                // A point outside the subgroup: some small x whose point has another order.
                let outside = (1..50u8)
                    .map(|x| {
                        let mut bytes = [0; 48];
                        (bytes[0], bytes[47]) = (0x80, x);
                        bytes
                    })
                    .find(|b| G1Affine::from_compressed(b) == Err(PointFault::NotInSubgroup))
                    .unwrap();
                let in_g1 = FACTS.mask + FACTS.g1;
                let (of_g1, of_g2, of_mask) = FACTS.points;
                let bytes = with(38 + 48 * (FACTS.mask + of_g1), &outside);
                let expected = ("ciphertext, G1", of_g1, PointFault::NotInSubgroup);
                assert_eq!(fault(&bytes), expected);
                let identity = G2Affine::identity().to_compressed();
                let bytes = with(38 + 48 * in_g1 + 96 * of_g2, &identity);
                let expected = ("ciphertext, G2", of_g2, PointFault::Identity);
                assert_eq!(fault(&bytes), expected);
                let bytes = with(38 + 48 * of_mask, &G1Affine::identity().to_compressed());
                let expected = ("ciphertext, mask", of_mask, PointFault::Identity);
                assert_eq!(fault(&bytes), expected);
                let mut bytes = raw.clone();
                bytes[38 + 96 * in_g1 + 191] ^= 1;
                assert_eq!(fault(&bytes), ("ciphertext, G2", 0, PointFault::NotOnCurve));
                assert!(Ciphertext::from_trusted_bytes(&bytes).is_err());
                let mut bytes = raw;
                bytes[38] |= 0x20;
                assert_eq!(fault(&bytes), ("ciphertext, mask", 0, PointFault::Encoding));

                let mut secret = master.to_secret_bytes().to_vec();
                secret[8 + 32 * FACTS.scalar..][..32].fill(0xff);
                let refused = MasterSecret::from_secret_bytes(&secret);
                let expected = FACTS.scalar;
                assert!(matches!(refused, Err(FeError::Scalar { index }) if index == expected));

                let mut key = master.keygen(&small_model()).unwrap().to_bytes();
                let (at, what) = FACTS.key_points;
                key[at + 96..at + 2 * 96].copy_from_slice(&identity);
                let refused = FunctionalKey::from_bytes(&key).unwrap_err();
                let (index, fault) = (1, PointFault::Identity);
                assert_eq!(refused, FeError::Point { what, index, fault });
            }

            #[test]
            fn secrets_do_not_print() {
                let master = master(3, 255);
                let encryptor = Encryptor::authority(&master, Timing::Tables);
                let text = format!("{master:?} {encryptor:?}");
                assert!(text.contains("redacted") && text.len() < 1500, "{text}");
            }

            #[test]
            fn encryptors_plans_and_ciphertexts_are_for_any_number_of_threads() {
                fn shared<T: Send + Sync>() {}
                shared::<(Encryptor<'_>, EvaluationPlan, Ciphertext, MasterSecret)>();
                shared::<(Evaluator, Evaluator<tacit_fe::StandardModel>)>();
            }
        }
    };
}
