//! A model server with the field's interfaces: TorchServe's REST API and the Open Inference Protocol (KServe v2).
//!
//! Three ports: inference, management, metrics. A request becomes pixels ([`image`]), waits in its model's bounded queue,
//! goes through the network in a batch with others ([`models`]), and is answered in the manner of its interface
//! ([`inference`], [`v2`]). [`http`] is the listener that all ports share: who may ask, how long, and an orderly end.

mod error;
mod http;
mod image;
mod inference;
mod management;
mod metrics;
mod models;
mod predictor;
mod v2;

pub use models::Batching;

use crate::error::Error;
use metrics::Metrics;
use models::Models;
use predictor::Predictor;
use serde::Serialize;
use std::fmt;
use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

/// How a server is set up.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Models to begin with: name and file.
    pub models: Vec<(String, PathBuf)>,
    /// Where it listens.
    pub host: IpAddr,
    /// Ports of inference, management, metrics; 0 takes a free one.
    pub ports: [u16; 3],
    /// Where models may be registered from.
    pub store: PathBuf,
    /// Whether models may be registered, scaled and unregistered.
    pub model_api: bool,
    /// How requests are put together.
    pub batching: Batching,
    /// How long a request may take.
    pub timeout: Duration,
    /// What a request has to bring.
    pub token: Option<String>,
}

/// A server at work: what all ports share.
pub struct Server {
    pub(crate) settings: Settings,
    pub(crate) models: Models,
    pub(crate) metrics: Metrics,
    /// Where the three ports are.
    pub(crate) addresses: [SocketAddr; 3],
    pub(crate) life: http::Life,
    /// Large images that are decoded at the same time.
    pub(crate) decoders: tokio::sync::Semaphore,
}

/// What a server says while it lives, to people and as JSON.
#[derive(Clone, Debug, Serialize)]
#[serde(tag = "event", rename_all = "lowercase")]
pub enum Said {
    /// Where it listens.
    Listening {
        /// Predictions and the page.
        inference: SocketAddr,
        /// The models.
        management: SocketAddr,
        /// Counters.
        metrics: SocketAddr,
    },
    /// Its models are read.
    Ready {
        /// Their names.
        models: Vec<String>,
    },
    /// It has answered everybody.
    Stopped,
}

impl fmt::Display for Said {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Said::Listening { inference, management, metrics } => {
                write!(f, "inference  http://{inference}\nmanagement http://{management}\nmetrics    http://{metrics}")
            }
            Said::Ready { models } => write!(f, "ready: {}", models.join(", ")),
            Said::Stopped => f.write_str("stopped: every request that was accepted has its answer"),
        }
    }
}

/// Serves until it is told to stop: SIGTERM or Ctrl-C, after which what is under way is finished; a second one ends it at once.
///
/// # Errors
/// If a port or a model cannot be had, or requests that were under way got no answer.
pub fn run(settings: Settings, say: impl Fn(&Said) -> Result<(), Error>) -> Result<(), Error> {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build();
    let runtime = runtime.map_err(|error| Error::Input(format!("cannot start the server's threads: {error}")))?;
    let ended = runtime.block_on(serve(settings, say));
    // Whoever asked has been answered; nobody waits for a file that is still being read.
    runtime.shutdown_background();
    ended
}

async fn serve(settings: Settings, say: impl Fn(&Said) -> Result<(), Error>) -> Result<(), Error> {
    let mut signals =
        http::Signals::new().map_err(|error| Error::Input(format!("cannot listen for signals: {error}")))?;
    let (server, ports) = open(settings).await?;
    let [inference, management, metrics] = server.addresses;
    say(&Said::Listening { inference, management, metrics })?;
    let answering = http::answer(server.clone(), ports);
    tokio::pin!(answering);
    // Somebody may ask whether it is well while models are read.
    let loading = load(server.clone());
    let loaded = tokio::select! {
        loaded = loading => Some(loaded?),
        () = &mut answering => None,
        () = signals.next() => None,
    };
    if loaded.is_some() {
        server.life.begin();
        say(&Said::Ready { models: server.models.names() })?;
        tokio::select! {
            () = signals.next() => {}
            () = &mut answering => {}
        }
    }
    let ending = async {
        server.life.drain().await;
        answering.await;
    };
    tokio::select! {
        () = ending => say(&Said::Stopped),
        () = signals.next() => Err(Error::Interrupted("requests that were under way have no answer".to_string())),
    }
}

/// Cores of this machine.
pub fn cores() -> usize {
    std::thread::available_parallelism().map_or(1, usize::from)
}

/// Takes the ports.
async fn open(settings: Settings) -> Result<(Arc<Server>, Vec<tokio::net::TcpListener>), Error> {
    let (mut ports, mut addresses) = (Vec::new(), Vec::new());
    for port in settings.ports {
        let address = SocketAddr::new(settings.host, port);
        let taken = |error| {
            Error::Input(format!("cannot listen on {address}: {error}; choose another port, or 0 for a free one"))
        };
        let listener = tokio::net::TcpListener::bind(address).await.map_err(taken)?;
        addresses.push(listener.local_addr().map_err(taken)?);
        ports.push(listener);
    }
    let metrics = Metrics::new();
    let models = Models::new(settings.batching, metrics.clone());
    let addresses = addresses.try_into().expect("three ports");
    let decoders = tokio::sync::Semaphore::new(cores());
    Ok((Arc::new(Server { settings, models, metrics, addresses, life: http::Life::default(), decoders }), ports))
}

async fn load(server: Arc<Server>) -> Result<(), Error> {
    for (name, file) in server.settings.models.clone() {
        let shown = models::file_name(&file);
        let read = tokio::task::spawn_blocking(move || Predictor::read(&file)).await;
        let predictor = read.expect("reading a file does not panic").map_err(Error::Input)?;
        let registered = server.models.register(&name, models::FIRST, &shown, predictor);
        registered.map_err(|error| Error::Usage(error.message))?;
    }
    Ok(())
}
