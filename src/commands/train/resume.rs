//! Checkpoints of a training run: when they are taken, which settings they belong to, and going on from one.

use super::Train;
use crate::error::Error;
use crate::memory;
use crate::session::Session;
use serde_json::{Map, Value};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use validation::run::checkpoint::{Checkpoint, Checkpointing, Position, replace};
use validation::{Backend, NUMERICS, Weights};

/// The name of the file.
pub const FILE: &str = "checkpoint.safetensors";

/// Settings that a run must share with its checkpoint: another one of these would be another run.
const SETTINGS: [&str; 12] = [
    "policies",
    "model",
    "data",
    "pixels",
    "batch_size",
    "lr",
    "momentum",
    "lr_rule",
    "initial",
    "samples",
    "seed",
    "clock",
];

impl Train {
    fn settings(&self) -> Map<String, Value> {
        let Ok(Value::Object(all)) = serde_json::to_value(self) else { unreachable!("options have names") };
        let mut settings: Map<_, _> = all.into_iter().filter(|(name, _)| SETTINGS.contains(&name.as_str())).collect();
        settings.insert("numerics".to_string(), NUMERICS.into());
        settings
    }

    /// Makes sure that a run can be cut and go on.
    ///
    /// # Errors
    /// If it cannot.
    pub fn check_resumption(&self) -> Result<(), Error> {
        if self.resumption.checkpoint_every.is_none() && !self.resumption.resume {
            return Ok(());
        }
        if self.training.backend.0 == Backend::Gpu {
            return Err(Error::Usage(
                "checkpoints are for the processor; type --backend cpu, or --save FILE".to_string(),
            ));
        }
        if self.policies.0.iter().any(|method| method.to_string() == "hogwild") {
            return Err(Error::Usage(
                "workers of hogwild write at all times, so there is no moment for a checkpoint; type --policies async, or --save FILE"
                    .to_string(),
            ));
        }
        Ok(())
    }

    /// When checkpoints are taken, and where they go.
    pub fn checkpointing(&self, directory: &Path) -> Option<Checkpointing> {
        let every = self.resumption.checkpoint_every?;
        let (path, settings) = (directory.join(FILE), self.settings());
        let is_first = self.ranks.rank().is_none_or(|rank| rank == 0);
        let write = move |position: &Position, weights: &Weights| {
            if !is_first {
                return;
            }
            let checkpoint =
                Checkpoint { position: position.clone(), weights: weights.clone(), settings: settings.clone() };
            if let Err(source) = replace(&path, &checkpoint.to_bytes()) {
                // The run is worth more than the checkpoint.
                let error = Error::Write { path: path.clone(), source, flag: "--out DIR" };
                crate::session::tell("\x1b[1;33mnote:\x1b[0m", &error);
            }
        };
        Some(Checkpointing { every, write: Arc::new(write) })
    }

    /// The checkpoint to go on from, if that is asked for and there is one.
    ///
    /// # Errors
    /// If it is of another run, or cannot be read.
    pub fn checkpoint(&self, directory: &Path, session: &Session) -> Result<Option<Checkpoint>, Error> {
        if !self.resumption.resume {
            return Ok(None);
        }
        let path: PathBuf = directory.join(FILE);
        let shown = path.display();
        // A file has an end; a device or a pipe by its name has none that is known.
        let most = path.metadata().map_or(0, |there| if there.is_file() { there.len() } else { 0 });
        let bytes = match memory::read(&path, most) {
            Ok(bytes) => bytes,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
                session.note(format!("there is no {shown} yet, so training begins anew"));
                return Ok(None);
            }
            Err(error) => return Err(Error::Input(format!("cannot read {shown}: {error}; leave --resume out"))),
        };
        let checkpoint = Checkpoint::from_bytes(&bytes).map_err(|wrong| Error::Input(format!("{shown} {wrong}")))?;
        for (name, ours) in self.settings() {
            let theirs = checkpoint.settings.get(&name).unwrap_or(&Value::Null);
            if *theirs != ours {
                let name = name.replace('_', "-");
                return Err(Error::Input(format!(
                    "{shown} is of another run: its --{name} is {theirs}, not {ours}; type that, or choose another place with --out DIR"
                )));
            }
        }
        let Position { version, steps_applied, .. } = checkpoint.position;
        session.note(format!("goes on after update {version}, {steps_applied} steps, from {shown}"));
        Ok(Some(checkpoint))
    }
}
