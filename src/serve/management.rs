//! The management port: which models there are, and, where it is allowed, more or fewer of them.

use super::Server;
use super::error::Failure;
use super::inference::{self, ready};
use super::models::{FIRST, Model, file_name};
use super::predictor::Predictor;
use axum::Router;
use axum::extract::rejection::{PathRejection, QueryRejection};
use axum::extract::{Path, Query, Request, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Json, Response};
use axum::routing::{get, put};
use serde::Deserialize;
use serde_json::{Value, json};
use std::path::{Component, PathBuf};
use std::sync::Arc;

/// Models on a page, unless another number is asked for.
const PAGE: usize = 100;
/// Workers of a model, at most.
const WORKERS: usize = 64;

/// The routes of the port.
pub fn router() -> Router<Arc<Server>> {
    Router::new()
        .route("/", get(described).options(described))
        .route("/ping", get(async || Json(json!({ "status": "Healthy" }))))
        .route("/models", get(list).post(register))
        .route("/models/{model}", get(show).put(scale).delete(unregister))
        .route("/models/{model}/{version}", get(show).put(scale).delete(unregister))
        .route("/models/{model}/{version}/set-default", put(set_default))
}

/// What was asked for may be behind another door.
pub async fn fallback(State(server): State<Arc<Server>>, request: Request) -> Failure {
    let [inference, management, metrics] = server.addresses;
    Failure::not_found(match request.uri().path().split('/').nth(1) {
        Some("predictions" | "v2") => format!("Predictions are made at http://{inference}, not here at {management}"),
        Some("metrics") => format!("Metrics are at http://{metrics}/metrics, not here at {management}"),
        _ => "Requested resource is not found, please refer to API document: OPTIONS /".to_string(),
    })
}

type Asked<T> = Result<Query<T>, QueryRejection>;
type Named = Result<Path<Vec<(String, String)>>, PathRejection>;

fn query<T>(asked: Asked<T>) -> Result<T, Failure> {
    asked.map(|Query(query)| query).map_err(|error| Failure::bad(crate::formats::clip(&error.body_text())))
}

fn names(path: Named) -> Result<(String, Option<String>), Failure> {
    let Path(names) = path.map_err(|error| Failure::bad(error.body_text()))?;
    let get = |key: &str| names.iter().find(|pair| pair.0 == key).map(|pair| pair.1.clone());
    Ok((get("model").unwrap_or_default(), get("version")))
}

#[derive(Deserialize)]
struct Paging {
    limit: Option<usize>,
    next_page_token: Option<usize>,
}

async fn list(State(server): State<Arc<Server>>, asked: Asked<Paging>) -> Result<Json<Value>, Failure> {
    let Paging { limit, next_page_token } = query(asked)?;
    let limit = limit.unwrap_or(PAGE).clamp(1, 1000);
    let (models, from) = (server.models.defaults(), next_page_token.unwrap_or(0));
    let entry = |model: &Arc<Model>| json!({ "modelName": model.name, "modelUrl": model.file });
    let page: Vec<Value> = models.iter().skip(from).take(limit).map(entry).collect();
    let next = from.saturating_add(page.len());
    Ok(Json(match next < models.len() && !page.is_empty() {
        true => json!({ "nextPageToken": next.to_string(), "models": page }),
        false => json!({ "models": page }),
    }))
}

async fn show(State(server): State<Arc<Server>>, path: Named) -> Result<Json<Value>, Failure> {
    let (name, version) = names(path)?;
    let models = match version.as_deref() {
        Some("all") => server.models.versions(&name)?,
        version => vec![server.models.find(&name, version)?],
    };
    let default = server.models.find(&name, None)?.version.clone();
    let entry = |model: &Arc<Model>| {
        let batching = model.batching();
        let status = if server.life.is_ready() { "READY" } else { "UNLOADING" };
        let worker =
            |id: usize| json!({ "id": id.to_string(), "startTime": model.since.to_string(), "status": status });
        json!({
            "modelName": model.name,
            "modelVersion": model.version,
            "modelUrl": model.file,
            "runtime": "rust",
            "minWorkers": model.workers(),
            "maxWorkers": model.workers(),
            "batchSize": batching.size,
            "maxBatchDelay": batching.delay.as_millis(),
            "loadedAtStartup": server.settings.models.iter().any(|one| one.0 == model.name),
            "default": model.version == default,
            "workers": (0..model.workers()).map(worker).collect::<Vec<_>>(),
            "jobQueueStatus": { "remainingCapacity": batching.queue - model.queued(), "pendingRequests": model.queued() },
        })
    };
    Ok(Json(models.iter().map(entry).collect()))
}

fn allowed(server: &Server) -> Result<(), Failure> {
    ready(server)?;
    match server.settings.model_api {
        true => Ok(()),
        false => Err(Failure::forbidden("The model API is switched off; start the server with --enable-model-api")),
    }
}

#[derive(Deserialize)]
struct Registration {
    url: Option<String>,
    model_name: Option<String>,
    version: Option<String>,
    initial_workers: Option<usize>,
}

async fn register(State(server): State<Arc<Server>>, asked: Asked<Registration>) -> Result<Response, Failure> {
    allowed(&server)?;
    let Registration { url, model_name, version, initial_workers } = query(asked)?;
    let url = url.ok_or_else(|| Failure::bad("Parameter url is required"))?;
    let file = inside(&server, &url)?;
    let name = model_name.unwrap_or_else(|| {
        PathBuf::from(file_name(&file)).file_stem().map(|stem| stem.to_string_lossy().into_owned()).unwrap_or_default()
    });
    let workers = initial_workers.unwrap_or(server.settings.batching.workers);
    check_workers(workers)?;
    let version = version.unwrap_or_else(|| FIRST.to_string());
    let shown = file_name(&file);
    let reading = tokio::task::spawn_blocking(move || Predictor::read(&file)).await;
    let unreadable = |_| Failure::bad(format!("{shown} in the model store is not a model that train --save wrote"));
    let predictor = reading.map_err(|error| error.to_string()).and_then(|read| read).map_err(unreadable)?;
    server.models.register(&name, &version, &shown, predictor)?;
    server.models.find(&name, Some(&version))?.scale(workers);
    let status = format!("Model \"{name}\" Version: {version} registered with {workers} initial workers");
    Ok(Json(json!({ "status": status })).into_response())
}

/// The file that a url names, which has to be in the model store: not above it, not beside it, not behind a link.
fn inside(server: &Server, url: &str) -> Result<PathBuf, Failure> {
    let shown = crate::formats::clip(url);
    if url.contains("://") {
        return Err(Failure::bad(format!("{shown} is remote; name a file in the model store")));
    }
    let relative = PathBuf::from(url);
    let plain = relative.components().all(|part| matches!(part, Component::Normal(_)));
    let missing = || Failure::no_file(&shown);
    if !plain || url.is_empty() || url.contains(['\0', '\\']) {
        return Err(Failure::bad(format!("{shown} is not inside of the model store; name a file there without '..'")));
    }
    let store = server.settings.store.canonicalize().map_err(|_| missing())?;
    let file = store.join(relative).canonicalize().map_err(|_| missing())?;
    match file.starts_with(&store) && file.is_file() {
        true => Ok(file),
        false => Err(missing()),
    }
}

#[derive(Deserialize)]
struct Scaling {
    min_worker: Option<usize>,
    max_worker: Option<usize>,
}

fn check_workers(workers: usize) -> Result<(), Failure> {
    match workers <= WORKERS {
        true => Ok(()),
        false => Err(Failure::bad(format!("{workers} workers are too many; ask for at most {WORKERS}"))),
    }
}

async fn scale(State(server): State<Arc<Server>>, path: Named, asked: Asked<Scaling>) -> Result<Response, Failure> {
    allowed(&server)?;
    let (name, version) = names(path)?;
    let Scaling { min_worker, max_worker } = query(asked)?;
    let workers = min_worker.or(max_worker).unwrap_or(1);
    if max_worker.is_some_and(|most| most < workers) {
        return Err(Failure::bad("max_worker is less than min_worker"));
    }
    check_workers(workers)?;
    server.models.find(&name, version.as_deref())?.scale(workers);
    Ok((StatusCode::ACCEPTED, Json(json!({ "status": format!("Workers scaled to {workers} for model: {name}") })))
        .into_response())
}

async fn unregister(State(server): State<Arc<Server>>, path: Named) -> Result<Json<Value>, Failure> {
    allowed(&server)?;
    let (name, version) = names(path)?;
    server.models.unregister(&name, version.as_deref())?;
    Ok(Json(json!({ "status": format!("Model \"{name}\" unregistered") })))
}

async fn set_default(State(server): State<Arc<Server>>, path: Named) -> Result<Json<Value>, Failure> {
    allowed(&server)?;
    let (name, version) = names(path)?;
    let version = version.unwrap_or_default();
    server.models.set_default(&name, &version)?;
    Ok(Json(json!({ "status": format!("Default version successfully updated for model \"{name}\" to \"{version}\"") })))
}

async fn described() -> Json<Value> {
    Json(description())
}

/// The interface, as an OpenAPI document.
pub fn description() -> Value {
    let operation = |id: &str, what: &str| json!({ "operationId": id, "summary": what, "responses": { "200": { "description": "done" } } });
    let image = |id: &str, what: &str| {
        let mut operation = operation(id, what);
        operation["requestBody"] =
            json!({ "content": { "image/png": {}, "image/jpeg": {}, "multipart/form-data": {} } });
        operation
    };
    json!({
        "openapi": "3.0.1",
        "info": { "title": "straggle serve", "version": env!("CARGO_PKG_VERSION"), "description": format!("Bodies of up to {} bytes", inference::BODY_LIMIT) },
        "paths": {
            "/ping": { "get": operation("ping", "Whether the models are loaded (inference port)") },
            "/predictions/{model_name}": {
                "post": image("predict", "The five most probable classes of an image (inference port)"),
                "put": image("predictPut", "The same, for curl -T"),
            },
            "/predictions/{model_name}/{model_version}": { "post": image("predictVersion", "The same, of a version (inference port)") },
            "/v2/models/{model_name}/infer": { "post": operation("infer", "Open Inference Protocol (inference port)") },
            "/models": {
                "get": operation("listModels", "Models, with limit and next_page_token (management port)"),
                "post": operation("registerModel", "Registers url as model_name, where the model API is switched on (management port)"),
            },
            "/models/{model_name}": {
                "get": operation("describeModel", "A model (management port)"),
                "put": operation("scaleModel", "Scales its workers to min_worker, where the model API is switched on (management port)"),
                "delete": operation("unregisterModel", "Removes it, where the model API is switched on (management port)"),
            },
            "/metrics": { "get": operation("metrics", "Counts and times in Prometheus' format (metrics port)") },
        },
    })
}
