//! What answers: pixels in, probabilities out.

use crate::memory;
use std::path::Path;
use validation::Classifier;

/// Channels, rows and columns of an image.
pub type Shape = [usize; 3];

/// A network with its parameters, which classifies images.
pub struct Predictor {
    classifier: Classifier,
    labels: Vec<String>,
}

/// The largest checkpoint that is read, in bytes.
const LARGEST: u64 = 1 << 30;

impl Predictor {
    /// Reads a checkpoint.
    ///
    /// # Errors
    /// What is wrong with the file, in one sentence.
    pub fn read(file: &Path) -> Result<Predictor, String> {
        let name = file.display();
        let bytes = memory::read(file, LARGEST)
            .map_err(|error| format!("cannot read {name}: {error}; give a file that train --save wrote"))?;
        let classifier = Classifier::from_bytes(&bytes).map_err(|error| format!("{name} {error}"))?;
        Ok(Predictor { labels: classifier.labels(), classifier })
    }

    /// The name of each class.
    pub fn labels(&self) -> &[String] {
        &self.labels
    }

    /// What an image has to be.
    pub fn input(&self) -> Shape {
        self.classifier.input()
    }

    /// Probabilities `[images, classes]` of images `[images, channels, rows, columns]` of pixels from 0 to 1.
    pub fn predict(&self, images: &[f32]) -> Vec<f32> {
        let mut values = self.classifier.logits(images);
        for logits in values.chunks_exact_mut(self.labels.len()) {
            softmax(logits);
        }
        values
    }
}

/// Probabilities in place of logits.
fn softmax(logits: &mut [f32]) {
    let greatest = logits.iter().copied().fold(f32::NEG_INFINITY, f32::max);
    let sum: f32 = logits
        .iter_mut()
        .map(|x| {
            *x = (*x - greatest).exp();
            *x
        })
        .sum();
    logits.iter_mut().for_each(|x| *x /= sum);
}
