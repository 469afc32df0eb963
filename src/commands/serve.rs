//! `straggle serve`: trained networks behind the field's interfaces.

use crate::cli::Serve;
use crate::error::Error;
use crate::memory;
use crate::serve::{self, Batching, Settings};

/// Bytes of a file with a token, at most.
const MOST: u64 = 4096;

impl Serve {
    /// Serves until it is told to stop.
    ///
    /// # Errors
    /// If a file cannot be read, a port is taken, or a token is missing.
    pub fn run(self) -> Result<(), Error> {
        if self.models.is_empty() && !self.enable_model_api {
            let message = "there is nothing to serve; type --model lenet=lenet.safetensors, or --enable-model-api";
            return Err(Error::Usage(message.to_string()));
        }
        let (token, plain) = (self.token()?, self.plain.clone());
        serve::run(
            Settings {
                models: self.models.into_iter().map(|model| (model.name, model.file)).collect(),
                host: self.host,
                ports: [self.inference_port, self.management_port, self.metrics_port],
                store: self.model_store,
                model_api: self.enable_model_api,
                batching: Batching {
                    size: self.batch_size.into(),
                    delay: self.max_batch_delay.0,
                    queue: self.queue_size as usize,
                    workers: self.workers_per_model.map_or_else(|| serve::cores().min(64), usize::from),
                },
                timeout: self.timeout.0,
                token,
            },
            |said| plain.print(&format!("{said}\n"), said),
        )
    }

    fn token(&self) -> Result<Option<String>, Error> {
        let Some(file) = &self.token_file else {
            return match self.host.is_loopback() {
                true => Ok(None),
                false => Err(Error::Usage(format!(
                    "on {} everybody could use the server; give --token-file FILE, or listen on 127.0.0.1",
                    self.host
                ))),
            };
        };
        let unusable = |reason: String| Error::Input(format!("cannot use the token in {}: {reason}", file.display()));
        let bytes = memory::read(file, MOST).map_err(|error| unusable(error.to_string()))?;
        let token = bytes.trim_ascii();
        match token.len() >= 16 && token.iter().all(u8::is_ascii_graphic) {
            true => Ok(Some(String::from_utf8_lossy(token).into_owned())),
            false => Err(unusable("it has to be a line of at least 16 visible ASCII characters".to_string())),
        }
    }
}
