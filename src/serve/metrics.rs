//! Counts and times, in Prometheus' text format; the names that TorchServe has are its.

use super::Server;
use super::error::Failure;
use super::models::Model;
use axum::Router;
use axum::extract::State;
use axum::http::header;
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use prometheus::TextEncoder;
use prometheus::{
    CounterVec, Encoder, HistogramOpts, HistogramVec, IntCounter, IntCounterVec, IntGaugeVec, Opts, Registry,
};
use std::sync::Arc;
use std::time::Duration;

/// All that is counted.
#[derive(Clone)]
pub struct Metrics {
    registry: Registry,
    classes: [IntCounter; 3],
    requests: IntCounterVec,
    inference: CounterVec,
    queue: CounterVec,
    latency: HistogramVec,
    batches: HistogramVec,
    queued: IntGaugeVec,
    workers: IntGaugeVec,
}

const MODEL: [&str; 2] = ["model_name", "model_version"];

impl Metrics {
    /// Everything at 0.
    pub fn new() -> Metrics {
        let registry = Registry::new();
        macro_rules! registered {
            ($metric:expr) => {{
                let metric = $metric.expect("names and labels are plain");
                registry.register(Box::new(metric.clone())).expect("no name twice");
                metric
            }};
        }
        let class = |name: &str, what: &str| IntCounter::new(name, format!("Responses with a status {what}"));
        let seconds = vec![0.0005, 0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0];
        let sizes = (0..12).map(|i| f64::from(1 << i)).collect();
        Metrics {
            classes: [
                registered!(class("Requests2XX", "from 200 to 299")),
                registered!(class("Requests4XX", "from 400 to 499")),
                registered!(class("Requests5XX", "from 500 to 599")),
            ],
            requests: registered!(IntCounterVec::new(
                Opts::new("ts_inference_requests_total", "Inference requests"),
                &MODEL
            )),
            inference: registered!(CounterVec::new(
                Opts::new("ts_inference_latency_microseconds", "Sum of the times in the network, by batch"),
                &MODEL
            )),
            queue: registered!(CounterVec::new(
                Opts::new("ts_queue_latency_microseconds", "Sum of the times in the queue, by request"),
                &MODEL
            )),
            latency: registered!(HistogramVec::new(
                HistogramOpts::new("straggle_request_seconds", "From a request's body to its answer").buckets(seconds),
                &MODEL
            )),
            batches: registered!(HistogramVec::new(
                HistogramOpts::new("straggle_batch_images", "Images that went through the network together")
                    .buckets(sizes),
                &MODEL
            )),
            queued: registered!(IntGaugeVec::new(Opts::new("straggle_queue_length", "Requests that wait now"), &MODEL)),
            workers: registered!(IntGaugeVec::new(Opts::new("straggle_workers", "Workers now"), &MODEL)),
            registry,
        }
    }

    /// A response was given.
    pub fn status(&self, status: u16) {
        let class = match status {
            200..300 => 0,
            400..500 => 1,
            500..600 => 2,
            _ => return,
        };
        self.classes[class].inc();
    }

    /// A model answered, or not, after so long.
    pub fn request(&self, model: &Model, took: Duration) {
        let labels = [model.name.as_str(), &model.version];
        self.requests.with_label_values(&labels).inc();
        self.latency.with_label_values(&labels).observe(took.as_secs_f64());
    }

    /// A batch went through a network.
    pub fn batch(&self, model: &[String; 2], images: usize, took: Duration) {
        self.inference.with_label_values(model).inc_by(took.as_secs_f64() * 1e6);
        self.batches.with_label_values(model).observe(images as f64);
    }

    /// A request waited in its queue.
    pub fn waited(&self, model: &[String; 2], time: Duration) {
        self.queue.with_label_values(model).inc_by(time.as_secs_f64() * 1e6);
    }

    fn text(&self, server: &Server) -> String {
        for gauge in [&self.queued, &self.workers] {
            gauge.reset();
        }
        for model in server.models.names().iter().filter_map(|name| server.models.versions(name).ok()).flatten() {
            let labels = [model.name.as_str(), &model.version];
            self.queued.with_label_values(&labels).set(model.queued() as i64);
            self.workers.with_label_values(&labels).set(model.workers() as i64);
        }
        let mut text = Vec::new();
        let encoded = TextEncoder::new().encode(&self.registry.gather(), &mut text);
        encoded.expect("writing to memory does not fail");
        String::from_utf8_lossy(&text).into_owned()
    }
}

/// The port of the metrics.
pub fn router() -> Router<Arc<Server>> {
    Router::new().route("/metrics", get(metrics))
}

async fn metrics(State(server): State<Arc<Server>>) -> Response {
    let format = TextEncoder::new().format_type().to_string();
    ([(header::CONTENT_TYPE, format)], server.metrics.text(&server)).into_response()
}

/// What was asked for is behind another door.
pub async fn fallback(State(server): State<Arc<Server>>) -> Failure {
    Failure::not_found(format!("Only /metrics is served here; inference is at http://{}", server.addresses[0]))
}
