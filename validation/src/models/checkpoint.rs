//! Parameters as named tensors in a safetensors file, which burn, PyTorch, JAX and many others read.
//!
//! Names and shapes are PyTorch's: `fc1.weight` is `[outputs, inputs]`, `conv1.weight` `[outputs, inputs, rows, columns]`,
//! each bias `[outputs]`, all f32; the layers of vgg11 are numbered as torchvision's. One entry of metadata, `straggle`, is
//! JSON and says where the file comes from: one, because the format keeps several in no fixed order, and equal runs write
//! equal bytes. Files of format 1 (`linear1.weight` `[inputs, outputs]`, `conv1.weight` `[rows, columns, inputs, outputs]`) are
//! read, too.

use crate::data::images::PixelScale;
use crate::models::flat;
use crate::models::network::{Architecture, Network};
use burn::store::{BurnToPyTorchAdapter, ModuleSnapshot, PyTorchToBurnAdapter, SafetensorsStore};
use burn::tensor::Device;
use safetensors::tensor::TensorView;
use safetensors::{Dtype, SafeTensorError, SafeTensors};
use serde_json::{Value, json};
use std::borrow::Cow;
use std::sync::Arc;

/// The entry of metadata.
const ABOUT: &str = "straggle";
/// The version of names, shapes and metadata.
const FORMAT: u64 = 2;
/// What the layers without convolution were called in format 1.
const LINEAR_1: &str = "linear";

/// The tensors of a network's file: name and shape.
pub fn tensors(architecture: Architecture) -> Vec<(String, Vec<usize>)> {
    let network = architecture.network(&Device::flex());
    let tensors = network.collect(None, Some(Box::new(BurnToPyTorchAdapter)), true);
    tensors.into_iter().map(|tensor| (tensor.name.clone(), tensor.shape.to_vec())).collect()
}

/// The file's bytes, with the pixels that the parameters have learnt from, and what else there is to say of `origin`, an object.
///
/// # Panics
/// If the network has another number of parameters.
pub fn to_bytes(architecture: Architecture, pixels: PixelScale, parameters: &[f32], origin: Value) -> Vec<u8> {
    let device = Device::flex();
    let network = flat::load(&architecture.network(&device), &Arc::new(parameters.to_vec()), &device);
    let mut about = json!({
        "format": FORMAT,
        "model": architecture.to_string(),
        "pixels": pixels.to_string(),
        "weights": "linear [outputs, inputs], conv [outputs, inputs, rows, columns]",
        "version": env!("CARGO_PKG_VERSION"),
    });
    if let (Value::Object(about), Value::Object(origin)) = (&mut about, origin) {
        about.extend(origin);
    }
    let store = SafetensorsStore::from_bytes(None).clear_metadata().metadata(ABOUT, about.to_string());
    let mut store = store.with_to_adapter(BurnToPyTorchAdapter).skip_enum_variants(true);
    network.save_into(&mut store).expect("tensors of f32 in memory");
    store.get_bytes().expect("just written")
}

/// What a file says of itself; null if it says nothing.
///
/// # Errors
/// If it is no safetensors file.
pub fn about(bytes: &[u8]) -> Result<Value, CheckpointError> {
    let (_, header) = SafeTensors::read_metadata(bytes).map_err(CheckpointError::of)?;
    let about = header.metadata().as_ref().and_then(|metadata| metadata.get(ABOUT));
    Ok(about.and_then(|text| serde_json::from_str(text).ok()).unwrap_or_default())
}

/// The flat vector from a file's bytes. A file of another make will do, if its tensors are the network's.
///
/// # Errors
/// What is wrong with the file.
pub fn from_bytes(architecture: Architecture, pixels: PixelScale, bytes: &[u8]) -> Result<Vec<f32>, CheckpointError> {
    let about = about(bytes)?;
    if let Some(format) = about["format"].as_u64().filter(|&format| format > FORMAT) {
        return Err(CheckpointError::Later { format });
    }
    if let Some(found) = about["model"].as_str().filter(|found| *found != architecture.to_string()) {
        return Err(CheckpointError::Model { found: found.to_string(), expected: architecture });
    }
    if let Some(found) = about["pixels"].as_str().filter(|found| *found != pixels.to_string()) {
        return Err(CheckpointError::Pixels { found: found.to_string(), expected: pixels });
    }
    let bytes = upgraded(bytes)?;
    check(architecture, &SafeTensors::deserialize(&bytes).map_err(CheckpointError::of)?)?;
    let store = SafetensorsStore::from_bytes(Some(bytes.into_owned()));
    let mut store = store.with_from_adapter(PyTorchToBurnAdapter).skip_enum_variants(true);
    let mut network: Network = architecture.network(&Device::flex());
    network.load_from(&mut store).map_err(|e| CheckpointError::Foreign { reason: e.to_string() })?;
    Ok(flat::parameters(&network))
}

/// Whether a file has the network's tensors, no more and no less, of finite numbers.
fn check(architecture: Architecture, file: &SafeTensors) -> Result<(), CheckpointError> {
    let expected = tensors(architecture);
    let mut names = file.names();
    names.sort_unstable();
    if let Some(name) = names.into_iter().find(|name| expected.iter().all(|(expected, _)| expected != name)) {
        return Err(CheckpointError::Surplus { name: name.to_string(), architecture });
    }
    for (name, expected) in expected {
        let Ok(tensor) = file.tensor(&name) else {
            return Err(CheckpointError::Missing { name, architecture });
        };
        if tensor.shape() != expected {
            return Err(CheckpointError::Shape { name, found: tensor.shape().to_vec(), expected });
        }
        if tensor.dtype() != Dtype::F32 {
            return Err(CheckpointError::Type { name, found: tensor.dtype().to_string() });
        }
        let (numbers, _) = tensor.data().as_chunks();
        let mut numbers = numbers.iter().map(|&number| f32::from_le_bytes(number)).enumerate();
        if let Some((place, found)) = numbers.find(|(_, number)| !number.is_finite()) {
            return Err(CheckpointError::NotFinite { name, place, found });
        }
    }
    Ok(())
}

/// The same tensors under the names and in the shapes of this format, if they are of the first one.
fn upgraded(bytes: &[u8]) -> Result<Cow<'_, [u8]>, CheckpointError> {
    let file = SafeTensors::deserialize(bytes).map_err(CheckpointError::of)?;
    if !file.names().iter().any(|name| name.starts_with(LINEAR_1)) {
        return Ok(Cow::Borrowed(bytes));
    }
    let pieces = file.tensors().into_iter().map(|(name, tensor)| {
        let name = name.strip_prefix(LINEAR_1).map_or(name.clone(), |number| format!("fc{number}"));
        let (shape, data) = outputs_first(tensor.shape(), tensor.data());
        (name, shape, data, tensor.dtype())
    });
    let pieces: Vec<_> = pieces.collect();
    let views = pieces.iter().map(|(name, shape, data, dtype)| {
        TensorView::new(*dtype, shape.clone(), data).map(|view| (name, view)).map_err(CheckpointError::of)
    });
    let views = views.collect::<Result<Vec<_>, _>>()?;
    safetensors::serialize(views, None).map(Cow::Owned).map_err(CheckpointError::of)
}

/// `[inputs, outputs]` becomes `[outputs, inputs]`, `[rows, columns, inputs, outputs]` `[outputs, inputs, rows, columns]`; other
/// shapes stay as they are.
fn outputs_first(shape: &[usize], data: &[u8]) -> (Vec<usize>, Vec<u8>) {
    let (kernel, inputs, outputs) = match *shape {
        [inputs, outputs] => (1, inputs, outputs),
        [rows, columns, inputs, outputs] => (rows * columns, inputs, outputs),
        _ => return (shape.to_vec(), data.to_vec()),
    };
    let size = data.len() / shape.iter().product::<usize>().max(1);
    let places = (0..outputs).flat_map(|output| {
        let input = move |input| (0..kernel).map(move |k| (k * inputs + input) * outputs + output);
        (0..inputs).flat_map(input)
    });
    let data = places.flat_map(|place| &data[place * size..][..size]).copied().collect();
    let shape = match *shape {
        [rows, columns, inputs, outputs] => vec![outputs, inputs, rows, columns],
        _ => vec![outputs, inputs],
    };
    (shape, data)
}

/// Why a file cannot be used. Its sentences begin after the name of the file.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum CheckpointError {
    /// It is of another kind.
    #[error("is not a safetensors file ({reason}); give one made by --save")]
    Foreign {
        /// What the reader says.
        reason: String,
    },
    /// It ends too early, or goes on after its end.
    #[error("does not end where its header says; copy it again")]
    Cut,
    /// It was written by a later version.
    #[error("is of format {format}, and this version reads up to {FORMAT}; take a later version")]
    Later {
        /// The version of its format.
        format: u64,
    },
    /// It says that it is of another network.
    #[error("holds the parameters of {found}, not of {expected}; type --model {found}")]
    Model {
        /// That network.
        found: String,
        /// The one that was asked for.
        expected: Architecture,
    },
    /// It says that it learnt from pixels of another scale.
    #[error("learnt from {found} pixels, not from {expected} ones; type --pixels {found}")]
    Pixels {
        /// That scale.
        found: String,
        /// The one that was asked for.
        expected: PixelScale,
    },
    /// A tensor is missing.
    #[error("lacks {name}, which {architecture} has; give parameters of the network of --model")]
    Missing {
        /// Its name.
        name: String,
        /// Whose tensor it is.
        architecture: Architecture,
    },
    /// A tensor is not one of the network's.
    #[error("holds {name}, which {architecture} lacks; give parameters of the network of --model")]
    Surplus {
        /// Its name.
        name: String,
        /// The network.
        architecture: Architecture,
    },
    /// A tensor is of another shape.
    #[error("holds {name} of shape {found:?} where {expected:?} is needed; transpose or reshape it")]
    Shape {
        /// Its name.
        name: String,
        /// Its shape.
        found: Vec<usize>,
        /// The shape that it should have.
        expected: Vec<usize>,
    },
    /// The numbers of a tensor are of another type.
    #[error("holds {name} as {found} where F32 is needed; convert it")]
    Type {
        /// Its name.
        name: String,
        /// Its type.
        found: String,
    },
    /// A number is infinite, or none.
    #[error("holds {found} in {name} at place {place} (from 0); save parameters that have not diverged")]
    NotFinite {
        /// The tensor's name.
        name: String,
        /// Where in the tensor, from 0.
        place: usize,
        /// The number.
        found: f32,
    },
}

impl CheckpointError {
    fn of(error: SafeTensorError) -> CheckpointError {
        match error {
            SafeTensorError::InvalidHeaderLength | SafeTensorError::MetadataIncompleteBuffer => CheckpointError::Cut,
            other => CheckpointError::Foreign { reason: other.to_string() },
        }
    }
}

#[cfg(test)]
#[path = "checkpoint_tests.rs"]
mod tests;
