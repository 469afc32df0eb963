//! Parameters and gradients of a burn module as one flat vector: field by field, weight before bias, each row by row.
//!
//! What is loaded becomes leaves of its own: autodiff keeps graphs that share a leaf under one lock, and workers must not
//! wait for each other's backward passes.

use burn::module::{Module, ModuleMapper, ModuleVisitor, Param};
use burn::tensor::{AllocationProperty, DType, Device, Gradients, Tensor, TensorData};
use bytes::Bytes;
use std::sync::Arc;

/// The module with these parameters, as fresh leaves on the device; they learn if the device records gradients. On the CPU
/// they are read where they lie.
///
/// # Panics
/// If the module has another number of parameters.
pub fn load<M: Module>(module: &M, parameters: &Arc<Vec<f32>>, device: &Device) -> M {
    let mut load = Load { rest: Bytes::from_owner(Shared(parameters.clone())), device };
    let module = module.clone().map(&mut load);
    assert!(load.rest.is_empty(), "{} bytes of parameters too many", load.rest.len());
    module
}

/// Numbers whose bytes are lent.
struct Shared(Arc<Vec<f32>>);

impl AsRef<[u8]> for Shared {
    fn as_ref(&self) -> &[u8] {
        bytemuck::cast_slice(&self.0)
    }
}

/// The module with all parameters 0, none of which is drawn first.
pub fn zero<M: Module>(module: M, device: &Device) -> M {
    module.map(&mut Zero(device))
}

/// All parameters.
pub fn parameters<M: Module>(module: &M) -> Vec<f32> {
    let mut all = Vec::new();
    module.visit(&mut Parameters(&mut all));
    all
}

/// The shape of each tensor of parameters.
pub fn shapes<M: Module>(module: &M) -> Vec<Vec<usize>> {
    let mut all = Vec::new();
    module.visit(&mut Shapes(&mut all));
    all
}

/// The gradient of all parameters, which are so many.
///
/// # Panics
/// If a parameter has none: a backward pass that loses a gradient must not go unseen.
pub fn gradient<M: Module>(module: &M, gradients: Gradients, count: usize) -> Vec<f32> {
    let mut flatten = Flatten { gradients, flat: Vec::new(), count };
    module.visit(&mut flatten);
    flatten.flat
}

/// The module with these parameters, `[count]` on its device: slices of them, as fresh leaves.
pub fn load_tensor<M: Module>(module: &M, parameters: &Tensor<1>) -> M {
    module.clone().map(&mut Slice { all: parameters, start: 0 })
}

/// The gradient of all parameters, `[count]` on their device.
///
/// # Panics
/// If a parameter has none.
pub fn gradient_tensor<M: Module>(module: &M, gradients: Gradients) -> Tensor<1> {
    let mut parts = Collect { gradients, parts: Vec::new() };
    module.visit(&mut parts);
    Tensor::cat(parts.parts, 0)
}

struct Slice<'a> {
    all: &'a Tensor<1>,
    start: usize,
}

impl ModuleMapper for Slice<'_> {
    fn map_float<const D: usize>(&mut self, param: Param<Tensor<D>>) -> Param<Tensor<D>> {
        let shape = param.lazy_shape();
        let these = self.start..self.start + shape.num_elements();
        self.start = these.end;
        let tensor = self.all.clone().slice([these]).reshape(shape);
        Param::initialized(param.id, Tensor::from_inner(tensor).require_grad())
    }
}

struct Collect {
    gradients: Gradients,
    parts: Vec<Tensor<1>>,
}

impl ModuleVisitor for Collect {
    fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<D>>) {
        let gradient = param.val().grad_remove(&mut self.gradients).expect("every parameter has a gradient");
        let count = gradient.shape().num_elements();
        self.parts.push(gradient.reshape([count]));
    }
}

struct Load<'a> {
    rest: Bytes,
    device: &'a Device,
}

impl ModuleMapper for Load<'_> {
    fn map_float<const D: usize>(&mut self, param: Param<Tensor<D>>) -> Param<Tensor<D>> {
        let shape = param.lazy_shape();
        let count = shape.num_elements() * size_of::<f32>();
        assert!(count <= self.rest.len(), "{} bytes of parameters where {count} are missing", self.rest.len());
        let these = burn::tensor::Bytes::from_shared(self.rest.split_to(count), AllocationProperty::Native);
        let tensor = Tensor::from_data(TensorData::from_bytes(these, shape, DType::F32), self.device);
        Param::initialized(param.id, tensor.set_require_grad(self.device.is_autodiff()))
    }
}

struct Zero<'a>(&'a Device);

impl ModuleMapper for Zero<'_> {
    fn map_float<const D: usize>(&mut self, param: Param<Tensor<D>>) -> Param<Tensor<D>> {
        let tensor = Tensor::zeros(param.lazy_shape(), self.0);
        Param::initialized(param.id, tensor.set_require_grad(self.0.is_autodiff()))
    }
}

struct Parameters<'a>(&'a mut Vec<f32>);

impl ModuleVisitor for Parameters<'_> {
    fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<D>>) {
        self.0.extend_from_slice(param.val().into_data().as_slice().expect("parameters of f32"));
    }
}

struct Shapes<'a>(&'a mut Vec<Vec<usize>>);

impl ModuleVisitor for Shapes<'_> {
    fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<D>>) {
        self.0.push(param.lazy_shape().to_vec());
    }
}

struct Flatten {
    gradients: Gradients,
    flat: Vec<f32>,
    count: usize,
}

impl ModuleVisitor for Flatten {
    fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<D>>) {
        let gradient = param.val().grad_remove(&mut self.gradients).expect("every parameter has a gradient");
        let gradient = gradient.into_data();
        if self.flat.is_empty() {
            // Often the largest, and nobody else's: the others are appended to it where it lies.
            self.flat = gradient.try_into_vec().expect("gradients of f32");
            self.flat.reserve_exact(self.count - self.flat.len());
        } else {
            self.flat.extend_from_slice(gradient.as_slice().expect("gradients of f32"));
        }
    }
}
