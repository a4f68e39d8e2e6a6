//! The parameters of a network by their paths.

use super::Tensors;
use crate::error::NnError;
use crate::matrix::floats;
use crate::module_path::ModulePath;
use burn::module::{Module, ModuleMapper, ModuleVisitor, Param};
use burn::tensor::{Tensor, TensorData};
use std::collections::BTreeMap;

/// One tensor of numbers.
#[derive(Debug, Clone, PartialEq)]
pub struct Parameter {
    /// Sizes, outermost first.
    pub shape: Vec<usize>,
    /// Values in row-major order.
    pub values: Vec<f32>,
}

/// All floating-point parameters of a network, by path.
pub fn parameters<M: Module>(network: &M) -> Tensors {
    let mut collect = Collect {
        path: ModulePath::default(),
        found: BTreeMap::new(),
    };
    network.visit(&mut collect);
    collect.found
}

/// Puts parameters into a network of the same structure. All must be there, and no others.
pub fn load_parameters<M: Module>(
    network: M,
    tensors: Tensors,
    origin: &str,
) -> Result<M, NnError> {
    let mut place = Place {
        path: ModulePath::default(),
        tensors,
        origin,
        error: None,
    };
    let network = network.map(&mut place);
    if let Some(error) = place.error {
        return Err(error);
    }
    match place.tensors.into_keys().next() {
        Some(tensor) => Err(NnError::UnknownTensor {
            origin: origin.to_owned(),
            tensor,
        }),
        None => Ok(network),
    }
}

struct Collect {
    path: ModulePath,
    found: Tensors,
}

impl ModuleVisitor for Collect {
    fn enter_module(&mut self, name: &str, container: &str) {
        self.path.enter(name, container);
    }

    fn exit_module(&mut self, _name: &str, container: &str) {
        self.path.exit(container);
    }

    fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<D>>) {
        let tensor = param.val();
        let shape = tensor.dims().to_vec();
        let values = floats(tensor);
        self.found
            .insert(self.path.text(), Parameter { shape, values });
    }
}

struct Place<'a> {
    path: ModulePath,
    tensors: Tensors,
    origin: &'a str,
    error: Option<NnError>,
}

impl ModuleMapper for Place<'_> {
    fn enter_module(&mut self, name: &str, container: &str) {
        self.path.enter(name, container);
    }

    fn exit_module(&mut self, _name: &str, container: &str) {
        self.path.exit(container);
    }

    fn map_float<const D: usize>(&mut self, param: Param<Tensor<D>>) -> Param<Tensor<D>> {
        if self.error.is_some() {
            return param;
        }
        let path = self.path.text();
        let shape = param.dims();
        let origin = self.origin.to_owned();
        match self.tensors.remove(&path) {
            None => {
                self.error = Some(NnError::MissingTensor {
                    origin,
                    tensor: path,
                });
                param
            }
            Some(found) if found.shape != shape => {
                self.error = Some(NnError::TensorShape {
                    origin,
                    tensor: path,
                    found: format!("F32 {:?}", found.shape),
                    expected: format!("F32 {shape:?}"),
                });
                param
            }
            Some(found) => {
                let (id, tensor, mapper) = param.consume();
                let tracked = tensor.is_require_grad();
                let autodiff = tensor.is_autodiff();
                let device = tensor.device().without_autodiff();
                let mut loaded =
                    Tensor::<D>::from_data(TensorData::new(found.values, shape), &device);
                if autodiff {
                    loaded = Tensor::from_inner(loaded);
                }
                if tracked {
                    loaded = loaded.require_grad();
                }
                Param::from_mapped_value(id, loaded, mapper)
            }
        }
    }
}
