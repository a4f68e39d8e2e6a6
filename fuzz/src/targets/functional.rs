//! Keys and ciphertexts of functional encryption: both schemes have the same names for them.

macro_rules! decoders {
    ($scheme:ident) => {
        pub mod $scheme {
            use std::sync::LazyLock;
            use tacit_fe::scheme::$scheme::{
                Ciphertext, Encryptor, FunctionalKey, MasterSecret, PublicKey,
            };
            use tacit_fe::{IntegerModel, Timing};
            use tacit_ring::Seed;

            use super::super::canonical;

            static MASTER: LazyLock<MasterSecret> = LazyLock::new(|| {
                MasterSecret::from_seed(2, 255, &Seed::from_bytes([1; 32]))
                    .expect("a small master key")
            });

            fn a_ciphertext() -> Ciphertext {
                let encryptor = Encryptor::authority(&MASTER, Timing::Tables);
                encryptor.encrypt(&[3, 200]).expect("an input in range")
            }

            pub fn public_key(data: &[u8]) -> bool {
                PublicKey::from_bytes(data).is_ok_and(|key| canonical(data, &key.to_bytes()))
            }

            pub fn public_key_seeds() -> Vec<Vec<u8>> {
                vec![MASTER.public_key().to_bytes()]
            }

            pub fn master_secret(data: &[u8]) -> bool {
                MasterSecret::from_secret_bytes(data)
                    .is_ok_and(|key| canonical(data, &key.to_secret_bytes()))
            }

            pub fn master_secret_seeds() -> Vec<Vec<u8>> {
                vec![MASTER.to_secret_bytes().to_vec()]
            }

            pub fn functional_key(data: &[u8]) -> bool {
                FunctionalKey::from_bytes(data).is_ok_and(|key| canonical(data, &key.to_bytes()))
            }

            pub fn functional_key_seeds() -> Vec<Vec<u8>> {
                let model =
                    IntegerModel::new((2, 1, 1), vec![1, -2], vec![3], 255).expect("a small model");
                vec![MASTER.keygen(&model).expect("a key").to_bytes()]
            }

            /// Compressed or raw, as the kind byte says.
            pub fn ciphertext(data: &[u8]) -> bool {
                Ciphertext::from_bytes(data).is_ok_and(|ciphertext| {
                    let raw = ciphertext.to_raw_bytes();
                    let again = if data[0] == raw[0] {
                        raw
                    } else {
                        ciphertext.to_bytes()
                    };
                    canonical(data, &again)
                })
            }

            pub fn ciphertext_seeds() -> Vec<Vec<u8>> {
                let ciphertext = a_ciphertext();
                vec![ciphertext.to_bytes(), ciphertext.to_raw_bytes()]
            }

            pub fn trusted_ciphertext(data: &[u8]) -> bool {
                Ciphertext::from_trusted_bytes(data)
                    .is_ok_and(|ciphertext| canonical(data, &ciphertext.to_raw_bytes()))
            }

            pub fn trusted_ciphertext_seeds() -> Vec<Vec<u8>> {
                vec![a_ciphertext().to_raw_bytes()]
            }
        }
    };
}

decoders!(generic);
decoders!(standard);
