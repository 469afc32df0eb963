//! How are parameters kept? As named tensors in a safetensors file, which burn, PyTorch, JAX and many others read.
//!
//! `linear1.weight` is `[inputs, outputs]`, `conv1.weight` `[rows, columns, channels in, channels out]`, each bias
//! `[outputs]`, all f32. That is the flat vector of [`models`](crate::models::net) cut to pieces: inputs before outputs, as burn
//! and JAX have them; PyTorch has outputs first. One entry of metadata, `straggle`, is JSON and says where the file comes
//! from: one, because the format keeps several in no fixed order, and equal runs write equal bytes.

use crate::data::mnist::PixelScale;
use crate::models::net::Architecture;
use crate::models::sight::KERNEL;
use safetensors::tensor::TensorView;
use safetensors::{Dtype, SafeTensorError, SafeTensors};
use serde_json::{Value, json};
use std::collections::HashMap;
use std::fmt;

/// The entry of metadata.
const ABOUT: &str = "straggle";
/// The version of names, shapes and metadata.
const FORMAT: u64 = 1;

/// The tensors of a network in the order of its flat vector: name and shape.
pub fn tensors(architecture: Architecture) -> Vec<(String, Vec<usize>)> {
    let layer = |(i, &(inputs, outputs)): (usize, &(usize, usize))| {
        let seen = if architecture.sees() { 2 } else { 0 };
        let (name, shape) = match i.checked_sub(seen) {
            Some(dense) => (format!("linear{}", dense + 1), vec![inputs, outputs]),
            None => (format!("conv{}", i + 1), vec![KERNEL, KERNEL, inputs / (KERNEL * KERNEL), outputs]),
        };
        [(format!("{name}.weight"), shape), (format!("{name}.bias"), vec![outputs])]
    };
    architecture.layers().iter().enumerate().flat_map(layer).collect()
}

/// The file's bytes, with the pixels, the command and the seed that made the parameters.
///
/// # Panics
/// If the network has another number of parameters.
pub fn to_bytes(
    architecture: Architecture,
    pixels: PixelScale,
    parameters: &[f32],
    command_line: &str,
    seed: u64,
) -> Vec<u8> {
    assert_eq!(parameters.len(), architecture.parameters(), "all parameters of {architecture}");
    let bytes: Vec<u8> = parameters.iter().flat_map(|number| number.to_le_bytes()).collect();
    let mut rest = &bytes[..];
    let view = |(name, shape): (String, Vec<usize>)| {
        let (these, after) = rest.split_at(shape.iter().product::<usize>() * size_of::<f32>());
        rest = after;
        (name, TensorView::new(Dtype::F32, shape, these).expect("so many bytes were cut off"))
    };
    let about = json!({
        "format": FORMAT,
        "model": architecture.to_string(),
        "pixels": pixels.to_string(),
        "weights": "linear [inputs, outputs], conv [rows, columns, channels in, channels out]",
        "command_line": command_line,
        "seed": seed,
        "version": env!("CARGO_PKG_VERSION"),
    });
    let views: Vec<_> = tensors(architecture).into_iter().map(view).collect();
    let metadata = HashMap::from([(ABOUT.to_string(), about.to_string())]);
    safetensors::serialize(views, Some(metadata)).expect("names, shapes and bytes fit")
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
    let file = SafeTensors::deserialize(bytes).map_err(CheckpointError::of)?;
    let expected = tensors(architecture);
    let mut names = file.names();
    names.sort_unstable();
    if let Some(name) = names.into_iter().find(|name| expected.iter().all(|(expected, _)| expected != name)) {
        return Err(CheckpointError::Surplus { name: name.to_string(), architecture });
    }
    let mut parameters = Vec::with_capacity(architecture.parameters());
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
        parameters.extend(numbers.iter().map(|&number| f32::from_le_bytes(number)));
        let these = &parameters[parameters.len() - numbers.len()..];
        if let Some(place) = these.iter().position(|number| !number.is_finite()) {
            return Err(CheckpointError::NotFinite { name, place, found: these[place] });
        }
    }
    Ok(parameters)
}

/// Why a file cannot be used. Its sentences begin after the name of the file.
#[derive(Clone, Debug, PartialEq)]
pub enum CheckpointError {
    /// It is of another kind.
    Foreign {
        /// What the reader says.
        reason: String,
    },
    /// It ends too early, or goes on after its end.
    Cut,
    /// It was written by a later version.
    Later {
        /// The version of its format.
        format: u64,
    },
    /// It says that it is of another network.
    Model {
        /// That network.
        found: String,
        /// The one that was asked for.
        expected: Architecture,
    },
    /// It says that it learnt from pixels of another scale.
    Pixels {
        /// That scale.
        found: String,
        /// The one that was asked for.
        expected: PixelScale,
    },
    /// A tensor is missing.
    Missing {
        /// Its name.
        name: String,
        /// Whose tensor it is.
        architecture: Architecture,
    },
    /// A tensor is not one of the network's.
    Surplus {
        /// Its name.
        name: String,
        /// The network.
        architecture: Architecture,
    },
    /// A tensor is of another shape.
    Shape {
        /// Its name.
        name: String,
        /// Its shape.
        found: Vec<usize>,
        /// The shape that it should have.
        expected: Vec<usize>,
    },
    /// The numbers of a tensor are of another type.
    Type {
        /// Its name.
        name: String,
        /// Its type.
        found: String,
    },
    /// A number is infinite, or none.
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

impl fmt::Display for CheckpointError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Foreign { reason } => write!(f, "is not a safetensors file ({reason}); give one made by --save"),
            Self::Cut => write!(f, "does not end where its header says; copy it again"),
            Self::Later { format } => {
                write!(f, "is of format {format}, and this version reads up to {FORMAT}; take a later version")
            }
            Self::Model { found, expected } => {
                write!(f, "holds the parameters of {found}, not of {expected}; type --model {found}")
            }
            Self::Pixels { found, expected } => {
                write!(f, "learnt from {found} pixels, not from {expected} ones; type --pixels {found}")
            }
            Self::Missing { name, architecture } => {
                write!(f, "lacks {name}, which {architecture} has; give parameters of the network of --model")
            }
            Self::Surplus { name, architecture } => {
                write!(f, "holds {name}, which {architecture} lacks; give parameters of the network of --model")
            }
            Self::Shape { name, found, expected } => {
                write!(f, "holds {name} of shape {found:?} where {expected:?} is needed; transpose or reshape it")
            }
            Self::Type { name, found } => write!(f, "holds {name} as {found} where F32 is needed; convert it"),
            Self::NotFinite { name, place, found } => {
                write!(f, "holds {found} in {name} at place {place} (from 0); save parameters that have not diverged")
            }
        }
    }
}

impl std::error::Error for CheckpointError {}

#[cfg(test)]
#[path = "checkpoint_tests.rs"]
mod tests;
