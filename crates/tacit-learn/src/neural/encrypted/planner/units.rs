//! What an operation costs.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::super::MlpPlan;
use super::operation::{Bill, Kind, Operation};
use crate::Error;

/// What prices depend on: the ring, the number of primes and of those that are special.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Workload {
    /// log2 of the ring degree.
    pub log_n: u32,
    /// R: primes up to the refresh level, less one.
    pub refresh_level: usize,
    /// Levels between two refreshes.
    pub levels: usize,
    /// Special primes.
    pub special: usize,
    /// Slots after which the first layer's plaintexts repeat.
    pub period: usize,
}

impl Workload {
    /// Of a plan.
    pub fn of(plan: &MlpPlan) -> Self {
        let literal = plan.encryption.params.literal();
        Self {
            log_n: literal.log_n,
            refresh_level: plan.encryption.refresh_level,
            levels: plan.levels,
            special: literal.p_bits.len(),
            period: plan.period(),
        }
    }
}

/// Seconds of processor time of every operation, for one kind of parameters.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct UnitCosts {
    /// The parameters.
    pub workload: Workload,
    /// Threads that worked at the same time when this was measured; 0 if it was reckoned.
    pub threads: usize,
    /// Seconds of one each.
    pub seconds: BTreeMap<Operation, f64>,
}

impl UnitCosts {
    /// Seconds of a bill. An operation without a price is an error: the prices are another version's.
    pub fn price(&self, bill: &Bill) -> Result<f64, Error> {
        let mut sum = 0.0;
        for (operation, count) in bill.iter() {
            let price = self.seconds.get(&operation).ok_or_else(|| {
                let problem = format!("`{operation}` has no price");
                Error::config("calibration", problem, "measure this machine again")
            })?;
            sum += price * count;
        }
        Ok(sum)
    }

    /// Prices that no machine was measured for: transforms and products of rows of residues are counted, at
    /// 25 µs and 8 µs for 2¹⁴ coefficients. For tests, and where nothing may be measured.
    pub fn reckoned(workload: Workload) -> Self {
        let Workload {
            log_n,
            refresh_level,
            levels,
            special,
            period,
        } = workload;
        let size = f64::from(1u32 << log_n.min(20)) / 16_384.0;
        let transform = 25e-6 * size * f64::from(log_n) / 14.0;
        let pass = 8e-6 * size;
        let p = special as f64;
        let mut seconds = BTreeMap::new();
        let mut put = |kind, at: usize, value: f64| {
            let at = at as u8;
            seconds.insert(Operation { kind, at }, value);
        };
        let all = (refresh_level + levels + 1) as f64;
        for at in 0..=levels {
            let rows = (refresh_level + at + 1) as f64;
            let digits = (rows / p).ceil();
            let decomposition = (rows + digits * (rows + p) - rows) * transform + rows * transform;
            let switch = digits * (rows + p) * 2.0 * pass + 2.0 * (rows + p) * transform;
            put(Kind::Decomposition, at, decomposition);
            put(Kind::Hoisted, at, switch);
            put(Kind::Rotation, at, decomposition + switch);
            put(Kind::Product, at, 4.0 * rows * pass);
            put(Kind::Relinearisation, at, decomposition + switch);
            let pointwise = decomposition + switch + 4.0 * rows * pass;
            put(Kind::Pointwise, at, pointwise);
            put(Kind::Rescaling, at, 2.0 * rows * transform);
            put(Kind::Addition, at, 2.0 * rows * pass);
            put(Kind::PeriodicProduct, at, 2.0 * rows * pass);
            put(Kind::PlainProduct, at, 2.0 * rows * pass);
            put(
                Kind::PeriodicEncoding,
                at,
                rows * transform * period as f64 / f64::from(1u32 << log_n.min(20)),
            );
            put(Kind::Encoding, at, (rows + 8.0) * transform);
            put(Kind::Encryption, at, 3.0 * rows * transform);
            put(
                Kind::Rerandomisation,
                at,
                3.0 * rows * transform + (4.0 * rows + 2.0 * all) * pass,
            );
            let low = (refresh_level + 1) as f64;
            put(Kind::RefreshOpening, at, (2.0 * low + rows) * pass);
            let share = (2.0 * low + 2.0 * rows) * transform + (low + 3.0 * rows) * pass;
            put(Kind::RefreshShare, at, share);
            put(Kind::RefreshShareTerm, at, 2.0 * rows * pass);
            put(
                Kind::RefreshFinish,
                at,
                (low + rows) * transform + 2.0 * rows * pass,
            );
            put(Kind::RefreshFinishTerm, at, 2.0 * rows * pass);
        }
        for (kind, per_mb) in [
            (Kind::Reading, 3e-4),
            (Kind::Writing, 3e-4),
            (Kind::Folding, 6e-4),
            (Kind::Hashing, 4e-4),
            (Kind::Copying, 2e-4),
        ] {
            put(kind, 0, per_mb);
        }
        put(Kind::ReleaseShare, 0, all * (2.0 * transform + 3.0 * pass));
        put(Kind::ReleaseFinish, 0, all * (transform + 2.0 * pass));
        let digits = (all / p).ceil();
        let row = 2.0 * transform + 4.0 * pass;
        put(Kind::PublicKeyShare, 0, (all + p) * row);
        for kind in [Kind::GaloisShare, Kind::RelinearisationTwoShare] {
            put(kind, 0, digits * (all + p) * row);
        }
        put(
            Kind::RelinearisationOneShare,
            0,
            2.0 * digits * (all + p) * row,
        );
        put(Kind::GaloisFinish, 0, digits * (all + p) * 3.0 * pass);
        Self {
            workload,
            threads: 0,
            seconds,
        }
    }
}

/// What a machine was measured at: saved beside a plan, so that the same choice can be made again.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Calibration {
    /// One per kind of parameters.
    pub units: Vec<UnitCosts>,
}

impl Calibration {
    /// The prices for a kind of parameters, if they were measured.
    pub fn find(&self, workload: Workload) -> Option<&UnitCosts> {
        self.units.iter().find(|units| units.workload == workload)
    }

    /// The prices for a plan: those known, or what `measure` finds, which is kept.
    pub fn units_for(
        &mut self,
        plan: &MlpPlan,
        measure: impl FnOnce(&MlpPlan) -> Result<UnitCosts, crate::encrypted::EncryptedError>,
    ) -> Result<&UnitCosts, crate::encrypted::EncryptedError> {
        let workload = Workload::of(plan);
        let known = self.units.iter().position(|u| u.workload == workload);
        let place = match known {
            Some(place) => place,
            None => {
                self.units.push(measure(plan)?);
                self.units.len() - 1
            }
        };
        Ok(&self.units[place])
    }

    /// As JSON.
    pub fn to_json(&self) -> Result<String, Error> {
        serde_json::to_string_pretty(self).map_err(unreadable)
    }

    /// From JSON. Strict: unknown fields and operations, negative and infinite prices are refused.
    pub fn from_json(text: &str) -> Result<Self, Error> {
        let read: Self = serde_json::from_str(text).map_err(unreadable)?;
        let prices = read.units.iter().flat_map(|units| &units.seconds);
        for (operation, seconds) in prices {
            if !(seconds.is_finite() && *seconds >= 0.0) {
                let problem = format!("`{operation}` costs {seconds} s");
                return Err(Error::config("calibration", problem, AGAIN));
            }
        }
        Ok(read)
    }
}

const AGAIN: &str = "measure this machine again";

fn unreadable(error: serde_json::Error) -> Error {
    Error::config("calibration", error.to_string(), AGAIN)
}
