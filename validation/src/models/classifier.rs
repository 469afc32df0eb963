//! A trained network as it is used: a checkpoint in, logits of images out.

use crate::data::images::{CLASSES, Moments, PixelScale};
use crate::data::{cifar, mnist};
use crate::models::checkpoint::{self, CheckpointError};
use crate::models::flat;
use crate::models::net::device;
use crate::models::network::{Architecture, Network};
use burn::tensor::{Tensor, TensorData};
use serde::Deserialize;
use serde_json::Value;
use std::sync::Arc;

/// A network, its parameters, and the scale of the pixels from which it learnt.
#[derive(Clone, Debug)]
pub struct Classifier {
    architecture: Architecture,
    network: Network,
    scale: PixelScale,
    /// Of each channel.
    moments: Vec<Moments>,
    labels: Option<Vec<String>>,
}

impl Classifier {
    /// Reads a checkpoint, which says itself of which network it is.
    ///
    /// # Errors
    /// What is wrong with the file.
    pub fn from_bytes(bytes: &[u8]) -> Result<Classifier, CheckpointError> {
        let about = checkpoint::about(bytes)?;
        let foreign = |what: &str| CheckpointError::Foreign { reason: format!("it does not say {what}") };
        let named = |key: &str| about[key].as_str().map(str::to_string);
        let architecture: Architecture =
            named("model").and_then(|name| name.parse().ok()).ok_or_else(|| foreign("of which known network it is"))?;
        let scale: PixelScale = match named("pixels") {
            None => PixelScale::default(),
            Some(name) => name.parse().map_err(|_| foreign("from which pixels it learnt"))?,
        };
        let channels = architecture.input()[0];
        let moments = match &about["moments"] {
            // Before they were written, grey networks had learnt digits, those of three channels CIFAR's pictures.
            Value::Null if channels == 1 => vec![mnist::MOMENTS],
            Value::Null => cifar::MOMENTS.to_vec(),
            written => Vec::<Moments>::deserialize(written)
                .ok()
                .filter(|all| all.len() == channels && all.iter().all(|of| of.mean.is_finite() && of.sd > 0.0))
                .ok_or_else(|| foreign("by which mean and standard deviation each channel was scaled"))?,
        };
        let parameters = checkpoint::from_bytes(architecture, scale, bytes)?;
        let labels = about["labels"].as_array().map(|labels| {
            labels
                .iter()
                .map(|label| label.as_str().map_or_else(|| label.to_string(), str::to_string))
                .collect::<Vec<_>>()
        });
        let labels = labels.filter(|labels| labels.len() == CLASSES);
        let network = flat::load(&architecture.network(&device()), &Arc::new(parameters), &device());
        Ok(Classifier { architecture, network, scale, moments, labels })
    }

    /// The name of each class: its number, unless the checkpoint has names.
    pub fn labels(&self) -> Vec<String> {
        self.labels.clone().unwrap_or_else(|| (0..CLASSES).map(|class| class.to_string()).collect())
    }

    /// Channels, rows and columns of an image.
    pub fn input(&self) -> [usize; 3] {
        self.architecture.input()
    }

    /// Logits `[images, CLASSES]` of `images`, pixels from 0 to 1.
    ///
    /// # Panics
    /// If that is no whole number of images.
    pub fn logits(&self, images: &[f32]) -> Vec<f32> {
        let [channels, rows, columns] = self.input();
        let count = images.len() / (channels * rows * columns);
        let scaled = |(place, plane): (usize, &[f32])| {
            let moments = self.moments[place % channels];
            plane.iter().map(|&pixel| self.scale.of_unit(pixel, moments)).collect::<Vec<f32>>()
        };
        let images: Vec<f32> = images.chunks_exact(rows * columns).enumerate().flat_map(scaled).collect();
        let images = TensorData::new(images, [count, channels, rows, columns]);
        let logits = self.network.forward(Tensor::from_data(images, &device()), None).into_data();
        logits.try_into_vec().expect("logits are of f32")
    }
}
