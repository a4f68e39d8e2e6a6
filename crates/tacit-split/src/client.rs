//! The two parts as they are served: the client's encoder and the server's head.
//!
//! Both are plain networks. What stands between raw and normalised features is folded into them, so
//! that the encoder's file gives normalised, clipped features and the head's file takes them, in any
//! runtime. Noise and grid are not part of the encoder's file: they need the client's secret and are
//! made by [`ClientEncoder`].

use crate::error::SplitError;
use crate::harden::{Hardened, graft};
use crate::noise::{ClientSecret, Veil};
use std::time::{Duration, Instant};
use tacit_nn::layered::{Layered, Shape};
use tacit_nn::store::{self, Metadata};
use tacit_nn::{Matrix, Network, predict};

/// Rows that latency is measured on.
const TIMED: usize = 32;
/// Rows before them.
const WARM_UP: usize = 4;

/// The client's part: input in, covered features out.
#[derive(Debug)]
pub struct ClientEncoder {
    network: Layered,
    veil: Veil,
    secret: ClientSecret,
    version: [u8; 32],
}

impl ClientEncoder {
    /// From an encoder that gives normalised, clipped features. `version` tells its noise from that
    /// of other encoders under the same secret.
    pub fn new(
        network: Layered,
        veil: Veil,
        secret: ClientSecret,
        version: [u8; 32],
    ) -> Result<Self, SplitError> {
        veil.check()?;
        Ok(ClientEncoder {
            network,
            veil,
            secret,
            version,
        })
    }

    /// The network: input to normalised, clipped features.
    pub fn network(&self) -> &Layered {
        &self.network
    }

    /// What covers features.
    pub fn veil(&self) -> &Veil {
        &self.veil
    }

    /// Features without noise: what a client has and never sends.
    pub fn clean(&self, rows: &Matrix) -> Result<Matrix, SplitError> {
        Ok(predict::logits(&self.network, rows)?)
    }

    /// What to send. Fresh noise, if it is fresh, comes from the operating system.
    pub fn encode(&self, rows: &Matrix) -> Result<Matrix, SplitError> {
        let clean = self.clean(rows)?;
        self.veil
            .cover_now(&clean, rows, &self.secret, &self.version)
    }

    /// Time of encoding one row on this machine, the veil included: the median over some of `rows`,
    /// one at a time.
    pub fn latency(&self, rows: &Matrix) -> Result<Duration, SplitError> {
        let mut times = Vec::with_capacity(TIMED);
        for i in 0..WARM_UP + TIMED {
            let row = rows.select(&[i % rows.rows().max(1)])?;
            let began = Instant::now();
            self.encode(&row)?;
            if i >= WARM_UP {
                times.push(began.elapsed());
            }
        }
        times.sort();
        Ok(times[TIMED / 2])
    }

    /// What is sent at the `query`-th asking, the same whenever this is called.
    pub fn sent(&self, rows: &Matrix, query: u64) -> Result<Matrix, SplitError> {
        self.sent_by(rows, &self.secret, query)
    }

    /// The mean of what is sent at the askings 0..`times`.
    pub fn mean_sent(&self, rows: &Matrix, times: u64) -> Result<Matrix, SplitError> {
        let clean = self.clean(rows)?;
        let mut sums = vec![0.0f64; clean.values().len()];
        for query in 0..times.max(1) {
            let sent = self
                .veil
                .cover(&clean, rows, &self.secret, &self.version, query)?;
            for (sum, v) in sums.iter_mut().zip(sent.values()) {
                *sum += f64::from(*v);
            }
        }
        let scale = 1.0 / times.max(1) as f64;
        let values = sums.into_iter().map(|s| (s * scale) as f32).collect();
        Ok(Matrix::new(clean.rows(), clean.columns(), values)?)
    }

    pub(crate) fn sent_by(
        &self,
        rows: &Matrix,
        secret: &ClientSecret,
        query: u64,
    ) -> Result<Matrix, SplitError> {
        let clean = self.clean(rows)?;
        self.veil.cover(&clean, rows, secret, &self.version, query)
    }

    /// The shape of what is sent.
    pub fn shape(&self) -> Shape {
        self.network.output()
    }
}

/// The server's part: covered features in, answers out.
#[derive(Debug, Clone)]
pub struct Head {
    network: Layered,
    veil: Veil,
}

impl Head {
    /// From a network that takes normalised features.
    pub fn new(network: Layered, veil: Veil) -> Result<Self, SplitError> {
        veil.check()?;
        Ok(Head { network, veil })
    }

    /// The network: covered features to answers.
    pub fn network(&self) -> &Layered {
        &self.network
    }

    /// Numbers of a row it takes.
    pub fn columns(&self) -> usize {
        self.network.inputs()
    }

    /// Public classes.
    pub fn outputs(&self) -> usize {
        self.network.outputs()
    }

    /// The largest absolute value of a feature.
    pub fn range(&self) -> f32 {
        self.veil.range
    }

    /// Answers without their softmax. Features that are not finite or outside the range are refused.
    pub fn answer(&self, features: &Matrix) -> Result<Matrix, SplitError> {
        self.veil.check_sent(features)?;
        Ok(predict::logits(&self.network, features)?)
    }
}

/// Both parts, as an audit meets them.
#[derive(Debug)]
pub struct Deployment {
    /// The client's part.
    pub client: ClientEncoder,
    /// The server's part.
    pub head: Head,
}

impl Deployment {
    /// Folds the normaliser and the clip of a hardened network into its two parts.
    pub fn of(hardened: &Hardened, secret: ClientSecret) -> Result<Self, SplitError> {
        let (encoder, head) = fold(hardened)?;
        let bytes = store::layered_to_bytes(&encoder, &Metadata::new())?;
        let version = *blake3::hash(&bytes).as_bytes();
        Ok(Deployment {
            client: ClientEncoder::new(encoder, hardened.veil, secret, version)?,
            head: Head::new(head, hardened.veil)?,
        })
    }
}

/// Encoder and head with the normaliser and the clip folded in:
///
/// ```text
/// encoder:  clip(u) = r − relu(2r − relu(u + r)),   u = (x − m)/s
/// head:     x = s·u + m
/// ```
pub(crate) fn fold(hardened: &Hardened) -> Result<(Layered, Layered), SplitError> {
    let normaliser = &hardened.normaliser;
    let shape = hardened.encoder.output();
    let range = hardened.veil.range;
    let width = normaliser.means.len();
    let moments = || normaliser.means.iter().zip(&normaliser.deviations);
    let scale: Vec<f32> = moments().map(|(_, s)| 1.0 / s).collect();
    let shift: Vec<f32> = moments().map(|(m, s)| range - m / s).collect();
    let flipped = vec![-1.0; width];
    let layers = [
        graft::affine(shape, &scale, &shift, true)?,
        graft::affine(shape, &flipped, &vec![2.0 * range; width], true)?,
        graft::affine(shape, &flipped, &vec![range; width], false)?,
    ];
    let mut encoder = hardened.encoder.clone();
    for layer in layers {
        encoder = Layered::join(encoder, layer)?;
    }
    let back = graft::affine(shape, &normaliser.deviations, &normaliser.means, false)?;
    Ok((encoder, Layered::join(back, hardened.head.clone())?))
}
