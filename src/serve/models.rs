//! Models by name and version, each with a bounded queue and workers that take batches from it.

use super::error::Failure;
use super::metrics::Metrics;
use super::predictor::Predictor;
use std::collections::BTreeMap;
use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, RwLock};
use std::time::{Duration, Instant};
use tokio::sync::{Mutex, Notify, mpsc, oneshot};

/// The version of a model that is registered without one.
pub const FIRST: &str = "1.0";

/// How requests are put together.
#[derive(Clone, Copy, Debug)]
pub struct Batching {
    /// Images that go through a network together, at most.
    pub size: usize,
    /// How long the first of a batch waits for others.
    pub delay: Duration,
    /// Requests that may wait; the next one is told to come again.
    pub queue: usize,
    /// Workers of a model.
    pub workers: usize,
}

/// All models.
pub struct Models {
    batching: Batching,
    metrics: Metrics,
    by_name: RwLock<BTreeMap<String, Versions>>,
}

struct Versions {
    default: String,
    by_version: BTreeMap<String, Arc<Model>>,
}

/// A model at work.
pub struct Model {
    /// Its name.
    pub name: String,
    /// Its version.
    pub version: String,
    /// The file that it came from, without its folder.
    pub file: String,
    /// What answers.
    pub predictor: Arc<Predictor>,
    /// When it was registered.
    pub since: jiff::Timestamp,
    queue: mpsc::Sender<Job>,
    waiting: Arc<Mutex<mpsc::Receiver<Job>>>,
    workers: std::sync::Mutex<Vec<Arc<Notify>>>,
    /// Requests that are not answered yet.
    pub open: Arc<AtomicUsize>,
    batching: Batching,
    metrics: Metrics,
}

/// Images of one request.
struct Job {
    pixels: Vec<f32>,
    since: Instant,
    reply: oneshot::Sender<Vec<f32>>,
}

impl Models {
    /// None yet.
    pub fn new(batching: Batching, metrics: Metrics) -> Models {
        Models { batching, metrics, by_name: RwLock::default() }
    }

    /// Names in order.
    pub fn names(&self) -> Vec<String> {
        self.read().keys().cloned().collect()
    }

    /// The default version of each model, in order of names.
    pub fn defaults(&self) -> Vec<Arc<Model>> {
        self.read().values().filter_map(|versions| versions.by_version.get(&versions.default).cloned()).collect()
    }

    /// All versions of a model, in order.
    ///
    /// # Errors
    /// If there is no such model.
    pub fn versions(&self, name: &str) -> Result<Vec<Arc<Model>>, Failure> {
        let models = self.read();
        let versions = models.get(name).ok_or_else(|| Failure::no_model(name))?;
        Ok(versions.by_version.values().cloned().collect())
    }

    /// A model; its default version where none is named.
    ///
    /// # Errors
    /// If there is none.
    pub fn find(&self, name: &str, version: Option<&str>) -> Result<Arc<Model>, Failure> {
        let models = self.read();
        let versions = models.get(name).ok_or_else(|| Failure::no_model(name))?;
        let version = version.unwrap_or(&versions.default);
        versions.by_version.get(version).cloned().ok_or_else(|| Failure::no_version(name, version))
    }

    /// Adds a model and starts its workers.
    ///
    /// # Errors
    /// If there is one of this name and version, or the name cannot stand in a path.
    pub fn register(&self, name: &str, version: &str, file: &str, predictor: Predictor) -> Result<(), Failure> {
        let plain = |text: &str| {
            let letter = |c: char| c.is_ascii_alphanumeric() || "-_.".contains(c);
            (1..=64).contains(&text.len()) && text.chars().all(letter) && !text.starts_with('.')
        };
        if !plain(name) || !plain(version) {
            let message = "A model's name and version are up to 64 letters, digits, '-', '_' and '.'";
            return Err(Failure::bad(message));
        }
        let mut models = self.write();
        let versions = models
            .entry(name.to_string())
            .or_insert_with(|| Versions { default: version.to_string(), by_version: BTreeMap::new() });
        if versions.by_version.contains_key(version) {
            return Err(Failure::conflict(format!("Model version {version} is already registered for model {name}")));
        }
        let model = Model::new(name, version, file, Arc::new(predictor), self.batching, self.metrics.clone());
        versions.by_version.insert(version.to_string(), model);
        Ok(())
    }

    /// Removes a version, or the whole model. What waits in its queue is still answered.
    ///
    /// # Errors
    /// If there is none.
    pub fn unregister(&self, name: &str, version: Option<&str>) -> Result<(), Failure> {
        let mut models = self.write();
        let versions = versions_of(&mut models, name, version)?;
        if let Some(version) = version {
            if version == versions.default && versions.by_version.len() > 1 {
                let message = format!("Cannot remove default version: {version} for model: {name}");
                return Err(Failure::forbidden(message));
            }
            versions.by_version.remove(version);
        }
        if version.is_none() || versions.by_version.is_empty() {
            models.remove(name);
        }
        Ok(())
    }

    /// Makes a version the one that is meant where none is named.
    ///
    /// # Errors
    /// If there is none.
    pub fn set_default(&self, name: &str, version: &str) -> Result<(), Failure> {
        let mut models = self.write();
        versions_of(&mut models, name, Some(version))?.default = version.to_string();
        Ok(())
    }

    fn read(&self) -> std::sync::RwLockReadGuard<'_, BTreeMap<String, Versions>> {
        self.by_name.read().expect("nobody panics with it")
    }

    fn write(&self) -> std::sync::RwLockWriteGuard<'_, BTreeMap<String, Versions>> {
        self.by_name.write().expect("nobody panics with it")
    }
}

/// The versions of a model, which has the one that is named, if one is.
fn versions_of<'a>(
    models: &'a mut BTreeMap<String, Versions>,
    name: &str,
    version: Option<&str>,
) -> Result<&'a mut Versions, Failure> {
    let versions = models.get_mut(name).ok_or_else(|| Failure::no_model(name))?;
    match version.filter(|version| !versions.by_version.contains_key(*version)) {
        Some(missing) => Err(Failure::no_version(name, missing)),
        None => Ok(versions),
    }
}

impl Model {
    fn new(
        name: &str,
        version: &str,
        file: &str,
        predictor: Arc<Predictor>,
        batching: Batching,
        metrics: Metrics,
    ) -> Arc<Model> {
        let (queue, waiting) = mpsc::channel(batching.queue);
        let model = Arc::new(Model {
            name: name.to_string(),
            version: version.to_string(),
            file: file.to_string(),
            predictor,
            since: jiff::Timestamp::now(),
            queue,
            waiting: Arc::new(Mutex::new(waiting)),
            workers: std::sync::Mutex::default(),
            open: Arc::default(),
            batching,
            metrics,
        });
        model.scale(batching.workers);
        model
    }

    /// How many workers it has.
    pub fn workers(&self) -> usize {
        self.workers.lock().expect("nobody panics with it").len()
    }

    /// Requests that wait for a worker.
    pub fn queued(&self) -> usize {
        self.queue.max_capacity() - self.queue.capacity()
    }

    /// Images that go through together, at most, and how long the first waits for others.
    pub fn batching(&self) -> Batching {
        self.batching
    }

    /// Starts or stops workers; who stops finishes its batch.
    pub fn scale(&self, wanted: usize) {
        let mut workers = self.workers.lock().expect("nobody panics with it");
        while workers.len() > wanted {
            if let Some(stop) = workers.pop() {
                stop.notify_one();
            }
        }
        while workers.len() < wanted {
            let stop = Arc::new(Notify::new());
            let worker = Worker {
                predictor: self.predictor.clone(),
                waiting: self.waiting.clone(),
                batching: self.batching,
                metrics: self.metrics.clone(),
                labels: [self.name.clone(), self.version.clone()],
            };
            tokio::spawn(worker.run(stop.clone()));
            workers.push(stop);
        }
    }

    /// Probabilities `[images, classes]` of images of pixels from 0 to 1.
    ///
    /// # Errors
    /// If too many wait already, or it takes too long.
    pub async fn predict(&self, pixels: Vec<f32>, timeout: Duration) -> Result<Vec<f32>, Failure> {
        if self.workers() == 0 {
            return Err(Failure::busy(format!("Model {} has no workers; scale it up", self.name)));
        }
        let (reply, answer) = oneshot::channel();
        let job = Job { pixels, since: Instant::now(), reply };
        let full = |_| Failure::busy(format!("The queue of model {} is full; come again", self.name));
        self.queue.try_send(job).map_err(full)?;
        self.open.fetch_add(1, Ordering::Relaxed);
        let answered = tokio::time::timeout(timeout, answer).await;
        self.open.fetch_sub(1, Ordering::Relaxed);
        match answered {
            Ok(Ok(probabilities)) => Ok(probabilities),
            Ok(Err(_)) => Err(Failure::busy(format!("Model {} gave no answer; come again", self.name))),
            Err(_) => Err(Failure::busy(format!("Model {} did not answer within {timeout:?}", self.name))),
        }
    }
}

/// Takes batches from a queue, one after the other.
struct Worker {
    predictor: Arc<Predictor>,
    waiting: Arc<Mutex<mpsc::Receiver<Job>>>,
    batching: Batching,
    metrics: Metrics,
    labels: [String; 2],
}

impl Worker {
    async fn run(self, stop: Arc<Notify>) {
        loop {
            let batch = {
                let mut waiting = tokio::select! {
                    waiting = self.waiting.lock() => waiting,
                    () = stop.notified() => return,
                };
                let first = tokio::select! {
                    first = waiting.recv() => first,
                    () = stop.notified() => return,
                };
                let Some(first) = first else { return };
                self.fill(first, &mut waiting).await
            };
            self.answer(batch).await;
        }
    }

    /// The first request and those that come in time and fit.
    async fn fill(&self, first: Job, waiting: &mut mpsc::Receiver<Job>) -> Vec<Job> {
        let one = self.predictor.input().iter().product::<usize>();
        let until = tokio::time::Instant::now() + self.batching.delay;
        let mut images = first.pixels.len() / one;
        let mut batch = vec![first];
        while images < self.batching.size {
            let next = match waiting.try_recv() {
                Ok(next) => Some(next),
                Err(_) => tokio::time::timeout_at(until, waiting.recv()).await.ok().flatten(),
            };
            let Some(next) = next else { break };
            images += next.pixels.len() / one;
            batch.push(next);
        }
        batch
    }

    async fn answer(&self, mut batch: Vec<Job>) {
        // Who has gone needs no answer.
        batch.retain(|job| !job.reply.is_closed());
        let pixels: Vec<f32> = match &mut batch[..] {
            [] => return,
            [one] => std::mem::take(&mut one.pixels),
            several => several.iter().flat_map(|job| &job.pixels).copied().collect(),
        };
        let lengths: Vec<usize> = batch.iter().map(|job| job.pixels.len()).collect();
        let one = self.predictor.input().iter().product::<usize>();
        let (images, began) = (pixels.len() / one, Instant::now());
        let predictor = self.predictor.clone();
        let predicted = tokio::task::spawn_blocking(move || predictor.predict(&pixels)).await;
        self.metrics.batch(&self.labels, images, began.elapsed());
        // Without an answer each sender is dropped, and whoever waits is told.
        let Ok(probabilities) = predicted else { return };
        let classes = self.predictor.labels().len();
        let mut rest = &probabilities[..];
        for (job, length) in batch.into_iter().zip(lengths) {
            let count = if length == 0 { images } else { length / one };
            let (these, after) = rest.split_at(count * classes);
            rest = after;
            self.metrics.waited(&self.labels, began.duration_since(job.since));
            let _ = job.reply.send(these.to_vec());
        }
    }
}

/// The name of a file without its folder, for those who need not know where it is.
pub fn file_name(path: &Path) -> String {
    path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default()
}
