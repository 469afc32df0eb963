//! Where do the networks compute? On the processor, or on a graphics card where the build and the machine have one.

use crate::models::net::device;
use burn::tensor::Device;

/// What computes gradients and scores.
#[derive(Clone, Copy, Debug, PartialEq, Eq, strum::Display, strum::EnumString, strum::VariantNames)]
#[strum(serialize_all = "kebab-case")]
pub enum Backend {
    /// The processor, a core a worker.
    Cpu,
    /// One graphics card for all workers: by way of CUDA in a build with the feature `cuda`, else of Vulkan, Metal, DirectX or
    /// OpenGL, whichever the machine offers.
    Gpu,
}

/// Why there is nothing to compute on.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NoDevice {
    /// This build knows no graphics cards.
    #[error("this build has no GPU backend; build with --features gpu, or type --backend cpu")]
    NotBuilt,
    /// The machine has none, or it cannot be used, for this reason.
    #[error("there is no graphics card to compute on ({0}); type --backend cpu")]
    NotFound(String),
}

impl Backend {
    /// The device, ready to compute. A graphics card is looked for in this call, and can be asked for once a process.
    pub fn device(self) -> Result<Device, NoDevice> {
        match self {
            Backend::Cpu => Ok(device()),
            Backend::Gpu => gpu(),
        }
    }
}

/// Not tried on a card: no machine at hand had CUDA's compiler and libraries, which are loaded when the device is used first.
/// Where they are missing the backend panics, and that is why there is no card.
#[cfg(feature = "cuda")]
fn gpu() -> Result<Device, NoDevice> {
    use burn::tensor::{DeviceIndex, Tensor};
    let look = || {
        let device = Device::cuda(DeviceIndex::Default);
        Tensor::<1>::zeros([1], &device).into_data();
        device
    };
    std::panic::catch_unwind(look).map_err(|panic| NoDevice::NotFound(crate::cluster::failure::words_of(panic)))
}

#[cfg(all(feature = "gpu", not(feature = "cuda")))]
fn gpu() -> Result<Device, NoDevice> {
    use burn::tensor::wgpu::WgpuInitError::AdapterUnavailable;
    Device::wgpu_options().init().map_err(|error| match error {
        AdapterUnavailable { message, .. } => NoDevice::NotFound(message),
        other => NoDevice::NotFound(other.to_string()),
    })
}

#[cfg(not(feature = "gpu"))]
fn gpu() -> Result<Device, NoDevice> {
    Err(NoDevice::NotBuilt)
}
