//! Where do parameters come from, and where do they go? `--load` and `--save`.

use super::Trained;
use crate::error::Error;
use crate::manifest::{self, Manifest};
use crate::output::Output;
use serde_json::{Value, json};
use std::path::{Path, PathBuf};
use validation::{Architecture, End, PixelScale, models::checkpoint};

/// Parameters to begin with.
pub struct Loaded {
    path: PathBuf,
    /// Of the file.
    sha256: String,
    /// The flat vector.
    pub parameters: Vec<f32>,
}

impl Loaded {
    /// Reads and checks a file.
    pub fn read(path: &Path, architecture: Architecture, pixels: PixelScale) -> Result<Loaded, Error> {
        let file = path.display();
        let bytes = std::fs::read(path)
            .map_err(|e| Error::Input(format!("cannot read {file}: {e}; give a file made by --save")))?;
        let parameters =
            checkpoint::from_bytes(architecture, pixels, &bytes).map_err(|e| Error::Input(format!("{file} {e}")))?;
        Ok(Loaded { path: path.to_path_buf(), sha256: manifest::sha256(&bytes), parameters })
    }

    /// Which file it was, for the manifest.
    pub fn resolved(&self) -> Value {
        json!({ "file": self.path.display().to_string(), "sha256": self.sha256 })
    }
}

/// Keeps the last parameters, where they are asked for and worth it, and says how good they are.
pub fn save(trained: &Trained<'_>, output: &mut Output, manifest: &mut Manifest) {
    let Trained { arguments, journal, scores, end, .. } = trained;
    let (Some(last), Some(score)) = (journal.snapshots.last(), scores.last()) else { return };
    if matches!(end, End::Diverged { .. }) {
        return;
    }
    manifest.score(json!({ "update": last.update, "test_loss": score.loss, "test_accuracy": score.accuracy }));
    let parameters = last.weights.values();
    let (command_line, seed) = (manifest.command_line(), arguments.common.seed);
    output.save(|| checkpoint::to_bytes(arguments.model, arguments.pixels, parameters, command_line, seed));
}
