//! Are loss and accuracy what anybody would compute? A small file of parameters, made once by the command in its manifest,
//! beside a plain computation in f64.

use sha2::{Digest, Sha256};
use std::sync::Arc;
use straggle_validation::data::images::CLASSES;
use straggle_validation::data::mnist::PIXELS;
use straggle_validation::models::net::device;
use straggle_validation::{Architecture, Dataset, Net, PixelScale, Score, Split, models::checkpoint};

const FILE: &[u8] = include_bytes!("data/softmax.safetensors");
const MANIFEST: &str = include_str!("data/softmax.safetensors.manifest.json");

/// Logistic regression by its definition.
fn by_hand(parameters: &[f32], test: &Split) -> Score {
    let (weight, bias) = parameters.split_at(PIXELS * CLASSES);
    let (mut images, mut labels) = (Vec::new(), Vec::new());
    test.gather(0..test.len(), &mut images, &mut labels);
    let (mut loss, mut right) = (0.0, 0.0);
    for (image, &label) in images.chunks_exact(PIXELS).zip(&labels) {
        let logits: Vec<f64> = (0..CLASSES)
            .map(|class| {
                let column = weight.iter().skip(class).step_by(CLASSES);
                let product: f64 = image.iter().zip(column).map(|(&x, &w)| f64::from(x) * f64::from(w)).sum();
                product + f64::from(bias[class])
            })
            .collect();
        let own = logits[usize::from(label)];
        loss += logits.iter().map(|logit| (logit - own).exp()).sum::<f64>().ln();
        right += f64::from(u8::from(logits.iter().all(|&logit| logit <= own)));
    }
    Score { loss: loss / test.len() as f64, accuracy: right / test.len() as f64 }
}

#[test]
fn known_parameters_have_their_known_loss_and_accuracy() {
    let parameters = checkpoint::from_bytes(Architecture::Softmax, PixelScale::Standard, FILE).expect("a whole file");
    let test = Dataset::embedded().test;
    let right = by_hand(&parameters, &test);
    let ours = Net::new(Architecture::Softmax, &device()).evaluate(&Arc::new(parameters), &test);
    // Logits in single precision are good to 1e-5 or so, and two images of 10 000 may be as close to call.
    assert!((ours.loss - right.loss).abs() < 1e-5, "loss {} where {} is right", ours.loss, right.loss);
    assert!((ours.accuracy - right.accuracy).abs() < 2.5e-4, "{} where {} is right", ours.accuracy, right.accuracy);

    let manifest: serde_json::Value = serde_json::from_str(MANIFEST).expect("JSON");
    let noted = |what: &str| manifest["score"][what].as_f64().expect("a number");
    assert!((noted("test_loss") - right.loss).abs() < 1e-4, "the manifest says {}", noted("test_loss"));
    assert!((noted("test_accuracy") - right.accuracy).abs() < 2.5e-4, "it says {}", noted("test_accuracy"));
    let sum: String = Sha256::digest(FILE).iter().map(|byte| format!("{byte:02x}")).collect();
    let files = manifest["files"].as_array().expect("a list");
    assert!(files.iter().any(|file| file["sha256"] == sum.as_str()), "the manifest lists another file");
}
