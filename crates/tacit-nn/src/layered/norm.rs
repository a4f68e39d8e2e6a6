//! Batch normalisation (Ioffe and Szegedy, "Batch normalization", ICML 2015).
//!
//! ```text
//! training:   y = γ (x − m) / √(v + ε) + β        m, v of this channel in this batch
//!             M ← (1−μ) M + μ m                   V ← (1−μ) V + μ v·n/(n−1)
//! inference:  y = γ (x − M) / √(V + ε) + β
//! ```
//!
//! with n the values of a channel in the batch, μ = 0.1 and ε = 10⁻⁵.
//!
//! The tensor library has such a layer, which this one does not use for two reasons. It decides
//! between the two formulas by the device, so that an attacker who differentiates a frozen encoder
//! by its *input* would change the encoder's statistics; here the caller decides, by
//! [`Network::forward`](crate::Network::forward) or
//! [`Network::forward_training`](crate::Network::forward_training). And its copies share one memory
//! of M and V, so that the best network so far would go on changing while training goes on; here a
//! copy is a copy.

use burn::module::{
    Content, Devices, Module, ModuleDisplay, ModuleDisplayDefault, ModuleMapper, ModuleVisitor,
    Param, ParamId,
};
use burn::tensor::{Device, Tensor};
use std::sync::{Mutex, MutexGuard, PoisonError};

/// ε.
pub(crate) const EPSILON: f64 = 1e-5;
/// μ.
const MOMENTUM: f64 = 0.1;

/// Which of the two formulas is used.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Statistics {
    /// Of the batch; the running ones follow.
    Batch,
    /// The running ones, which stay.
    Running,
}

/// A normalisation of the channels of a map.
#[derive(Module, Debug)]
pub(crate) struct BatchNorm {
    /// γ, 1 at first.
    pub(crate) scale: Param<Tensor<1>>,
    /// β, 0 at first.
    pub(crate) shift: Param<Tensor<1>>,
    /// M, 0 at first.
    pub(crate) mean: Running,
    /// V, 1 at first.
    pub(crate) variance: Running,
}

impl BatchNorm {
    pub(super) fn new(channels: usize, device: &Device) -> Self {
        let ones = || Tensor::ones([channels], device);
        let zeros = || Tensor::zeros([channels], device);
        BatchNorm {
            scale: Param::from_tensor(ones()),
            shift: Param::from_tensor(zeros()),
            mean: Running::new(zeros()),
            variance: Running::new(ones()),
        }
    }

    pub(super) fn forward(&self, map: Tensor<4>, statistics: Statistics) -> Tensor<4> {
        let [rows, channels, height, width] = map.dims();
        if statistics == Statistics::Running {
            let (scale, shift) = self.folded();
            let shape = [1, channels, 1, 1];
            return map * scale.reshape(shape) + shift.reshape(shape);
        }
        let normalised = burn::tensor::module::batch_norm_train(
            map,
            self.scale.val(),
            self.shift.val(),
            EPSILON,
        );
        let n = (rows * height * width) as f64;
        let unbiased = normalised.variance * (n / (n - 1.0).max(1.0));
        self.mean.follow(normalised.mean);
        self.variance.follow(unbiased);
        normalised.output
    }

    /// a and b with y = a·x + b in inference.
    pub(crate) fn folded(&self) -> (Tensor<1>, Tensor<1>) {
        let scale = self.scale.val() / (self.variance.value() + EPSILON).sqrt();
        let shift = self.shift.val() - self.mean.value() * scale.clone();
        (scale, shift)
    }
}

/// A vector that follows the batches, is stored with the parameters, and has no gradient.
#[derive(Debug)]
pub(crate) struct Running {
    id: ParamId,
    value: Mutex<Tensor<1>>,
}

impl Running {
    fn new(value: Tensor<1>) -> Self {
        Running::with_id(ParamId::new(), value)
    }

    fn with_id(id: ParamId, value: Tensor<1>) -> Self {
        let value = Mutex::new(value.detach());
        Running { id, value }
    }

    /// The lock is held for single assignments only, which leave nothing half done.
    fn lock(&self) -> MutexGuard<'_, Tensor<1>> {
        self.value.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn value(&self) -> Tensor<1> {
        self.lock().clone()
    }

    fn into_value(self) -> Tensor<1> {
        self.value
            .into_inner()
            .unwrap_or_else(PoisonError::into_inner)
    }

    fn follow(&self, batch: Tensor<1>) {
        let mut value = self.lock();
        *value = (value.clone() * (1.0 - MOMENTUM) + batch * MOMENTUM).detach();
    }
}

impl Clone for Running {
    fn clone(&self) -> Self {
        Running::with_id(self.id, self.value())
    }
}

impl Module for Running {
    fn visit<V: ModuleVisitor>(&self, visitor: &mut V) {
        visitor.visit_float(&Param::initialized(self.id, self.value()));
    }

    fn map<M: ModuleMapper>(self, mapper: &mut M) -> Self {
        let id = self.id;
        let mapped = mapper.map_float(Param::initialized(id, self.into_value()));
        Running::with_id(id, mapped.into_value().set_require_grad(false))
    }

    fn to_device(self, device: &Device) -> Self {
        let id = self.id;
        Running::with_id(id, self.into_value().to_device(device))
    }

    fn fork(self, device: &Device) -> Self {
        self.to_device(device)
    }

    fn collect_devices(&self, mut devices: Devices) -> Devices {
        let device = self.value().device();
        if !devices.contains(&device) {
            devices.push(device);
        }
        devices
    }

    fn materialize(self) -> Self {
        self
    }

    fn valid(&self) -> Self {
        Running::with_id(self.id, self.value().without_autodiff())
    }

    fn train(self) -> Self {
        let id = self.id;
        Running::with_id(id, Tensor::from_inner(self.into_value()))
    }
}

impl std::fmt::Display for Running {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "running vector of {}", self.value().dims()[0])
    }
}

impl ModuleDisplayDefault for Running {
    fn content(&self, content: Content) -> Option<Content> {
        content.add_formatted(&self.to_string()).optional()
    }
}

impl ModuleDisplay for Running {}
