//! Checkpoints of a run that is under way: all that it needs to go on, in one file that is there whole or not at all.
//!
//! Parameters and velocities are f32 tensors of a safetensors file; its one entry of metadata, `straggle`, is JSON: where the
//! run is, and the settings that make a difference to it. What is in flight when a checkpoint is taken is not in it: those
//! steps are taken again, on the same batches.

use crate::learner::digits::Weights;
use safetensors::tensor::TensorView;
use safetensors::{Dtype, SafeTensors};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use std::collections::HashMap;
use std::fs::{self, File};
use std::io::{self, Write};
use std::path::Path;
use std::sync::Arc;

/// Where a run is.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Position {
    /// Updates so far.
    pub version: u64,
    /// Steps of single workers that went into them.
    pub steps_applied: u64,
    /// Seconds on the run's clock.
    pub seconds: f64,
    /// Each worker's own number of the next step that it is to submit: its place in the order of the samples.
    pub next_steps: Vec<u64>,
}

/// When checkpoints are taken, and what becomes of them.
#[derive(Clone)]
pub struct Checkpointing {
    /// Updates from one to the next.
    pub every: u64,
    /// Keeps one.
    pub write: Arc<Keep>,
}

/// Keeps what a run has learnt, and where it is.
pub type Keep = dyn Fn(&Position, &Weights) + Send + Sync;

/// A run that was under way.
#[derive(Clone, Debug)]
pub struct Checkpoint {
    /// Where it was.
    pub position: Position,
    /// What it had learnt.
    pub weights: Weights,
    /// The settings that make a difference.
    pub settings: Map<String, Value>,
}

/// The entry of metadata.
const ABOUT: &str = "straggle";
const FORMAT: &str = "checkpoint 1";
const PARAMETERS: &str = "parameters";

#[derive(Serialize, Deserialize)]
struct About {
    format: String,
    position: Position,
    settings: Map<String, Value>,
}

/// More steps and updates than any run comes to.
const MOST: u64 = 1 << 53;

impl Position {
    /// Whether a run can have come there, and go on.
    fn is_possible(&self) -> bool {
        let own = self.next_steps.iter().try_fold(0u64, |sum, &steps| sum.checked_add(steps));
        let counts = [Some(self.version), Some(self.steps_applied), own];
        !self.next_steps.is_empty()
            && self.seconds.is_finite()
            && counts.iter().all(|count| count.is_some_and(|count| count < MOST))
    }

    /// The same place for so many workers: if there were others, each goes on where all together had come to.
    pub fn for_workers(self, workers: u32) -> Position {
        if self.next_steps.len() == workers as usize {
            return self;
        }
        let taken: u64 = self.next_steps.iter().sum();
        Position { next_steps: vec![taken.div_ceil(u64::from(workers)); workers as usize], ..self }
    }
}

impl Checkpoint {
    /// The bytes of its file.
    pub fn to_bytes(&self) -> Vec<u8> {
        let about =
            About { format: FORMAT.to_string(), position: self.position.clone(), settings: self.settings.clone() };
        let about = serde_json::to_string(&about).expect("plain data");
        let velocities = self.weights.velocities().iter().enumerate();
        let named = velocities.map(|(i, velocity)| (format!("velocity.{i}"), velocity));
        let named = std::iter::once((PARAMETERS.to_string(), self.weights.values())).chain(named);
        let bytes: Vec<_> = named.map(|(name, numbers)| (name, to_bytes(numbers))).collect();
        let views = bytes.iter().map(|(name, bytes)| {
            (name, TensorView::new(Dtype::F32, vec![bytes.len() / 4], bytes).expect("whole numbers of f32"))
        });
        let metadata = HashMap::from([(ABOUT.to_string(), about)]);
        safetensors::serialize(views, Some(metadata)).expect("tensors of f32 in memory")
    }

    /// A checkpoint from the bytes of its file.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn from_bytes(bytes: &[u8]) -> Result<Checkpoint, String> {
        let broken = || "is no checkpoint of a training run; give a file that --checkpoint-every made".to_string();
        let (_, header) = SafeTensors::read_metadata(bytes).map_err(|_| broken())?;
        let about = header.metadata().as_ref().and_then(|metadata| metadata.get(ABOUT));
        let about: About = about.and_then(|text| serde_json::from_str(text).ok()).ok_or_else(broken)?;
        if about.format != FORMAT {
            return Err("is a checkpoint of another version; go on with the version that made it".to_string());
        }
        if !about.position.is_possible() {
            return Err(broken());
        }
        let file = SafeTensors::deserialize(bytes).map_err(|_| broken())?;
        let tensor = |name: &str| {
            let tensor = file.tensor(name).ok().filter(|tensor| tensor.dtype() == Dtype::F32)?;
            Some(tensor.data().as_chunks().0.iter().map(|&number| f32::from_le_bytes(number)).collect::<Vec<f32>>())
        };
        let velocities =
            (0..file.len().saturating_sub(1)).map(|i| tensor(&format!("velocity.{i}"))).collect::<Option<Vec<_>>>();
        let (values, velocities) = tensor(PARAMETERS).zip(velocities).ok_or_else(broken)?;
        let weights = Weights::moving(values, velocities);
        Ok(Checkpoint { position: about.position, weights, settings: about.settings })
    }
}

fn to_bytes(numbers: &[f32]) -> Vec<u8> {
    numbers.iter().flat_map(|number| number.to_le_bytes()).collect()
}

/// Replaces a file, or leaves it as it is, whatever happens meanwhile: written beside it, brought to the disk, renamed.
///
/// # Errors
/// If the system refuses.
pub fn replace(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let mut name = path.as_os_str().to_owned();
    name.push(".new");
    let new = Path::new(&name);
    let mut file = File::create(new)?;
    file.write_all(bytes)?;
    file.sync_all()?;
    fs::rename(new, path)?;
    // The name, too; not every system can bring a directory to the disk.
    if let Some(directory) = path.parent().and_then(|parent| File::open(parent).ok()) {
        let _ = directory.sync_all();
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn checkpoint() -> Checkpoint {
        let position = Position { version: 7, steps_applied: 28, seconds: 0.1 + 0.2, next_steps: vec![9, 7, 8] };
        let weights = Weights::moving(vec![0.1, -0.0, 3e38], vec![vec![1e-45, 2.0, 3.0]]);
        let settings = Map::from_iter([("lr".to_string(), Value::from(0.1))]);
        Checkpoint { position, weights, settings }
    }

    #[test]
    fn a_checkpoint_is_read_as_it_was_written() {
        let written = checkpoint();
        let read = Checkpoint::from_bytes(&written.to_bytes()).expect("a checkpoint");
        assert_eq!((&read.position, &read.settings), (&written.position, &written.settings));
        let bits = |weights: &Weights| {
            let all = std::iter::once(weights.values()).chain(weights.velocities());
            all.map(|numbers| to_bytes(numbers)).collect::<Vec<_>>()
        };
        assert_eq!(bits(&read.weights), bits(&written.weights));
    }

    #[test]
    fn a_file_cut_short_is_refused_and_replacing_leaves_no_other() {
        let bytes = checkpoint().to_bytes();
        for length in [0, 8, 60, bytes.len() - 1] {
            assert!(Checkpoint::from_bytes(&bytes[..length]).is_err(), "{length} bytes");
        }
        let directory = tempfile::tempdir().expect("a directory");
        let path = directory.path().join("checkpoint");
        replace(&path, b"old").expect("written");
        replace(&path, &bytes).expect("written");
        assert_eq!(fs::read(&path).expect("a file"), bytes);
        assert_eq!(fs::read_dir(directory.path()).expect("a directory").count(), 1);
    }

    #[test]
    fn a_file_without_tensors_and_places_that_no_run_comes_to_are_refused() {
        let Checkpoint { position, settings, .. } = checkpoint();
        let about = About { format: FORMAT.to_string(), position: position.clone(), settings };
        let about = HashMap::from([(ABOUT.to_string(), serde_json::to_string(&about).expect("plain data"))]);
        let none: [(&str, TensorView<'_>); 0] = [];
        assert!(Checkpoint::from_bytes(&safetensors::serialize(none, Some(about)).expect("a file")).is_err());
        let elsewhere = [
            Position { next_steps: vec![u64::MAX; 2], ..position.clone() },
            Position { next_steps: Vec::new(), ..position.clone() },
            Position { version: u64::MAX, ..position },
        ];
        for position in elsewhere {
            let bytes = Checkpoint { position, ..checkpoint() }.to_bytes();
            assert!(Checkpoint::from_bytes(&bytes).is_err());
        }
    }

    #[test]
    fn other_workers_go_on_where_all_together_had_come_to() {
        let position = checkpoint().position;
        assert_eq!(position.clone().for_workers(3), position);
        assert_eq!(position.clone().for_workers(2).next_steps, [12, 12]);
        assert_eq!(position.for_workers(5).next_steps, [5; 5]);
    }
}
