//! The inference port: `/ping`, `/predictions/{model}`, the Open Inference Protocol, and a page to look at.

use super::error::Failure;
use super::{Server, image, v2};
use crate::page;
use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::rejection::PathRejection;
use axum::extract::{FromRequest, Multipart, Path, Request, State};
use axum::http::{StatusCode, header};
use axum::response::{Html, IntoResponse, Json, Response};
use axum::routing::{get, post};
use serde::{Serialize, Serializer};
use serde_json::json;
use std::sync::Arc;
use std::time::Instant;

/// The longest body, in bytes: TorchServe's.
pub const BODY_LIMIT: usize = 6_553_500;
/// How many classes are answered.
const ANSWERED: usize = 5;

/// The routes of the port.
pub fn router() -> Router<Arc<Server>> {
    Router::new()
        .route("/", get(look).options(describe))
        .route("/ping", get(ping))
        .route("/api-description", get(describe))
        .route("/predictions/{model}", post(predict).put(predict))
        .route("/predictions/{model}/{version}", post(predict_version).put(predict_version))
        .merge(v2::router())
}

/// What was asked for may be behind another door.
pub async fn fallback(State(server): State<Arc<Server>>, request: Request) -> Failure {
    let path = request.uri().path();
    let [inference, management, metrics] = server.addresses;
    Failure::not_found(match path.split('/').nth(1) {
        Some("models" | "workflows") => format!("Models are managed at http://{management}, not here at {inference}"),
        Some("metrics") => format!("Metrics are at http://{metrics}/metrics, not here at {inference}"),
        _ => "Requested resource is not found, please refer to API document: OPTIONS /".to_string(),
    })
}

async fn look(State(server): State<Arc<Server>>) -> Html<String> {
    // The pad is for digits.
    let digits = server.models.defaults().into_iter().filter(|model| model.predictor.input() == [1, 28, 28]);
    Html(page::html(&page::Settings {
        models: digits.map(|model| model.name.clone()).collect(),
        ..page::Settings::default()
    }))
}

async fn ping(State(server): State<Arc<Server>>) -> Response {
    match server.life.is_ready() {
        true => Json(json!({ "status": "Healthy" })).into_response(),
        false => Failure::busy("").with_body(json!({ "status": "Unhealthy" })),
    }
}

type Parameters<T> = Result<Path<T>, PathRejection>;

async fn predict(
    State(server): State<Arc<Server>>,
    model: Parameters<String>,
    request: Request,
) -> Result<Response, Failure> {
    let Path(model) = model.map_err(|error| Failure::bad(error.body_text()))?;
    classify(&server, &model, None, request).await
}

async fn predict_version(
    State(server): State<Arc<Server>>,
    model: Parameters<(String, String)>,
    request: Request,
) -> Result<Response, Failure> {
    let Path((model, version)) = model.map_err(|error| Failure::bad(error.body_text()))?;
    classify(&server, &model, Some(&version), request).await
}

/// The most probable classes of an image, the most probable first.
async fn classify(server: &Server, name: &str, version: Option<&str>, request: Request) -> Result<Response, Failure> {
    ready(server)?;
    let model = server.models.find(name, version)?;
    let arriving = tokio::time::timeout(server.settings.timeout, content(request));
    let bytes = arriving.await.map_err(|_| Failure::slow_request())??;
    let (began, shape) = (Instant::now(), model.predictor.input());
    let pixels = match image::is_small(&bytes) {
        // To hand it to another thread would take longer.
        true => image::pixels(&bytes, shape)?,
        false => {
            // So many at a time, as each of them may need much memory.
            let _place = server.decoders.acquire().await;
            let decoding = tokio::task::spawn_blocking(move || image::pixels(&bytes, shape));
            decoding.await.map_err(|_| Failure::bad("The image cannot be read"))??
        }
    };
    let predicted = model.predict(pixels, server.settings.timeout).await;
    server.metrics.request(&model, began.elapsed());
    let mut classes: Vec<(&String, f32)> = model.predictor.labels().iter().zip(predicted?).collect();
    classes.sort_by(|a, b| b.1.total_cmp(&a.1));
    classes.truncate(ANSWERED);
    Ok(Json(Ranking(classes)).into_response())
}

/// Classes and their probabilities. Readers expect the most probable first, so the object is written in this order.
struct Ranking<'a>(Vec<(&'a String, f32)>);

impl Serialize for Ranking<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.0.iter().copied())
    }
}

/// Refuses to work before the models are there.
pub fn ready(server: &Server) -> Result<(), Failure> {
    match server.life.is_loading() {
        true => Err(Failure::busy("The models are being loaded; come again")),
        false => Ok(()),
    }
}

/// What was sent: the body, or the first part of a form.
async fn content(request: Request) -> Result<Bytes, Failure> {
    let kind = request.headers().get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let is_form = kind.starts_with("multipart/form-data");
    let (parts, body) = request.into_parts();
    let bytes = read(&parts.headers, body).await?;
    if !is_form {
        return match bytes.is_empty() {
            true => Err(Failure::bad("The body is empty; send an image")),
            false => Ok(bytes),
        };
    }
    let broken = |error: String| Failure::bad(format!("The form cannot be read: {}", crate::formats::clip(&error)));
    let form = Multipart::from_request(Request::from_parts(parts, Body::from(bytes)), &()).await;
    let mut form = form.map_err(|error| broken(error.body_text()))?;
    let part = form.next_field().await.map_err(|error| broken(error.body_text()))?;
    let part = part.ok_or_else(|| Failure::bad("The form has no part; send an image in one"))?;
    part.bytes().await.map_err(|error| broken(error.body_text()))
}

/// A whole body that is not too long.
pub async fn read(headers: &axum::http::HeaderMap, body: Body) -> Result<Bytes, Failure> {
    let length = headers.get(header::CONTENT_LENGTH).and_then(|value| value.to_str().ok()?.parse::<usize>().ok());
    if length.is_some_and(|length| length > BODY_LIMIT) {
        return Err(Failure::too_large());
    }
    axum::body::to_bytes(body, BODY_LIMIT).await.map_err(|error| match error.to_string().contains("limit") {
        true => Failure::too_large(),
        false => Failure::bad(format!("The body cannot be read: {}", crate::formats::clip(&error.to_string()))),
    })
}

async fn describe() -> Response {
    (StatusCode::OK, Json(super::management::description())).into_response()
}
