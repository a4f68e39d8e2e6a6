//! How much room there is: in the table of security, for the masks of refreshes, and in what is decrypted.

use tacit_ckks::Parameters;
use tacit_ckks::noise::ReleaseMargin;
use tacit_mhe::MaskBits;
use tacit_report::{Cell, Column, Quantity, Section, Table, Unit};

/// The encryption of a plan, and what it decrypts.
pub struct Margins<'a> {
    /// The parameters.
    pub params: &'a Parameters,
    /// The level that ciphertexts are refreshed at.
    pub refresh_level: usize,
    /// Width of the refresh masks.
    pub mask: MaskBits,
    /// Number of parties.
    pub parties: usize,
    /// Statistical security of masks and flooding.
    pub lambda_s: u32,
    /// Everything that is decrypted, by name; where a margin cannot be computed, nothing is shown.
    pub releases: Vec<(&'static str, Option<ReleaseMargin>)>,
}

impl Margins<'_> {
    /// As tables.
    pub fn section(&self) -> Section {
        let bits = |v: f64| Cell::from(Quantity::new(v, Unit::Plain));
        let ring = self.params.ring();
        let log_qp = ring.log2_modulus(self.params.key_basis());
        let limit = f64::from(tacit_ckks::max_log_qp(ring.log_n()).unwrap_or(0));
        let modulus = self.params.log2_q(self.refresh_level);
        let need = self.mask.modulus_bits(self.parties);
        let columns = [
            Column::text("at"),
            Column::number("bits available"),
            Column::number("bits needed"),
            Column::number("margin"),
        ];
        let room = Table::new("Room, in bits", columns)
            .row([
                Cell::text(format!("security table, N = 2^{}", ring.log_n())),
                bits(limit),
                bits(log_qp),
                bits(limit - log_qp),
            ])
            .row([
                Cell::text("refresh masks"),
                bits(modulus),
                bits(need),
                bits(modulus - need),
            ]);
        let columns = [
            Column::text("release"),
            Column::number("flooding"),
            Column::number("precision left"),
            Column::number("room in the modulus"),
        ];
        let mut releases = Table::new("What is decrypted, in bits", columns);
        for (name, margin) in &self.releases {
            let Some(m) = margin else { continue };
            releases = releases.row([
                Cell::text(*name),
                bits(f64::from(m.smudging().bits())),
                bits(m.precision_bits()),
                bits(m.headroom_bits()),
            ]);
        }
        Section::new("Security and noise margins")
            .text(format!(
                "128-bit computational security by the Homomorphic Encryption Standard's table; masks and flooding hide \
                 up to a statistical distance of 2^-{} over the whole plan.",
                self.lambda_s
            ))
            .table(room)
            .table(releases)
    }
}
