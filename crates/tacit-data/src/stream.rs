//! One stream of random numbers for each (key, index): what is drawn for a row or an image does not
//! depend on its neighbours, nor on the order or the number of threads they are made with.

/// Random numbers from an extendable hash. Logarithm and exponential come from `libm`, which
/// computes the same bits everywhere, unlike the system's.
pub(crate) struct Stream {
    bytes: blake3::OutputReader,
    buffer: [u8; 512],
    next: usize,
    spare: Option<f64>,
}

impl Stream {
    /// The stream of `index` under `key`.
    pub(crate) fn new(key: &[u8; 32], index: u64) -> Stream {
        let bytes = blake3::Hasher::new_keyed(key)
            .update(&index.to_le_bytes())
            .finalize_xof();
        Stream {
            bytes,
            buffer: [0; 512],
            next: 512,
            spare: None,
        }
    }

    /// Uniform in [0, 1), 53 bits.
    pub(crate) fn uniform(&mut self) -> f64 {
        if self.next == self.buffer.len() {
            self.bytes.fill(&mut self.buffer);
            self.next = 0;
        }
        let mut word = [0; 8];
        word.copy_from_slice(&self.buffer[self.next..self.next + 8]);
        self.next += 8;
        (u64::from_le_bytes(word) >> 11) as f64 * (1.0 / (1u64 << 53) as f64)
    }

    /// Standard normal, by Marsaglia's polar method.
    pub(crate) fn normal(&mut self) -> f64 {
        if let Some(spare) = self.spare.take() {
            return spare;
        }
        loop {
            let (u, v) = (2.0 * self.uniform() - 1.0, 2.0 * self.uniform() - 1.0);
            let s = u * u + v * v;
            if s > 0.0 && s < 1.0 {
                let factor = (-2.0 * libm::log(s) / s).sqrt();
                self.spare = Some(v * factor);
                return u * factor;
            }
        }
    }
}
