//! The Open Inference Protocol (KServe v2), over HTTP with JSON or with binary tensors.
//!
//! A model has one input, `images`: `[n, channels, rows, columns]` of pixels, FP32 from 0 to 1 or UINT8 from 0 to 255; and one
//! output, `probabilities`: FP32 `[n, classes]`. Binary tensors follow the JSON, whose length is in a header
//! (`Inference-Header-Content-Length`), as the protocol's extension says.

use super::Server;
use super::error::Failure;
use super::inference::{read, ready};
use super::models::Model;
use axum::Router;
use axum::extract::rejection::PathRejection;
use axum::extract::{Path, Request, State};
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Json, Response};
use axum::routing::{get, post};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};
use std::sync::Arc;
use std::time::Instant;

const INPUT: &str = "images";
const OUTPUT: &str = "probabilities";
const HEADER_LENGTH: &str = "inference-header-content-length";
/// Images in one request.
const MOST: usize = 8192;

/// The protocol's routes.
pub fn router() -> Router<Arc<Server>> {
    Router::new()
        .route("/v2", get(about))
        .route("/v2/", get(about))
        .route("/v2/health/live", get(async || Json(json!({ "live": true }))))
        .route("/v2/health/ready", get(health))
        .route("/v2/models/{model}", get(model))
        .route("/v2/models/{model}/versions/{version}", get(model))
        .route("/v2/models/{model}/ready", get(model_ready))
        .route("/v2/models/{model}/versions/{version}/ready", get(model_ready))
        .route("/v2/models/{model}/infer", post(infer))
        .route("/v2/models/{model}/versions/{version}/infer", post(infer))
}

/// Errors of the protocol: `{"error": ...}`.
struct Refused(Failure);

impl From<Failure> for Refused {
    fn from(failure: Failure) -> Refused {
        Refused(failure)
    }
}

impl IntoResponse for Refused {
    fn into_response(self) -> Response {
        self.0.with_body(json!({ "error": self.0.message }))
    }
}

fn bad(message: impl Into<String>) -> Refused {
    Refused(Failure::bad(message))
}

async fn about() -> Json<Value> {
    Json(json!({ "name": "straggle", "version": env!("CARGO_PKG_VERSION"), "extensions": ["binary_tensor_data"] }))
}

async fn health(State(server): State<Arc<Server>>) -> Response {
    let ready = server.life.is_ready();
    let status = if ready { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
    (status, Json(json!({ "ready": ready }))).into_response()
}

type Named = Result<Path<Vec<(String, String)>>, PathRejection>;

fn find(server: &Server, path: Named) -> Result<Arc<Model>, Refused> {
    let Path(names) = path.map_err(|error| bad(error.body_text()))?;
    let get = |key: &str| names.iter().find(|pair| pair.0 == key).map(|pair| pair.1.as_str());
    Ok(server.models.find(get("model").unwrap_or_default(), get("version"))?)
}

async fn model(State(server): State<Arc<Server>>, path: Named) -> Result<Json<Value>, Refused> {
    let model = find(&server, path)?;
    let versions: Vec<String> =
        server.models.versions(&model.name)?.iter().map(|model| model.version.clone()).collect();
    let [channels, rows, columns] = model.predictor.input();
    Ok(Json(json!({
        "name": model.name,
        "versions": versions,
        "platform": "straggle",
        "inputs": [{ "name": INPUT, "datatype": "FP32", "shape": [-1, channels, rows, columns] }],
        "outputs": [{ "name": OUTPUT, "datatype": "FP32", "shape": [-1, model.predictor.labels().len()] }],
    })))
}

async fn model_ready(State(server): State<Arc<Server>>, path: Named) -> Result<Response, Refused> {
    let model = find(&server, path)?;
    let ready = server.life.is_ready() && model.workers() > 0;
    let status = if ready { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
    Ok((status, Json(json!({ "name": model.name, "ready": ready }))).into_response())
}

#[derive(Deserialize)]
struct Asked {
    id: Option<String>,
    inputs: Vec<Tensor>,
    outputs: Option<Vec<Output>>,
    #[serde(default)]
    parameters: Map<String, Value>,
}

#[derive(Deserialize)]
struct Tensor {
    name: String,
    datatype: String,
    shape: Vec<usize>,
    data: Option<Value>,
    #[serde(default)]
    parameters: Map<String, Value>,
}

#[derive(Deserialize)]
struct Output {
    name: String,
    #[serde(default)]
    parameters: Map<String, Value>,
}

#[derive(Serialize)]
struct Answer<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    id: Option<String>,
    model_name: &'a str,
    model_version: &'a str,
    outputs: Vec<Value>,
}

async fn infer(State(server): State<Arc<Server>>, path: Named, request: Request) -> Result<Response, Refused> {
    ready(&server)?;
    let model = find(&server, path)?;
    let (parts, body) = request.into_parts();
    let arriving = tokio::time::timeout(server.settings.timeout, read(&parts.headers, body));
    let body = arriving.await.map_err(|_| Failure::slow_request())??;
    let began = Instant::now();
    let (head, binary) = match parts.headers.get(HEADER_LENGTH) {
        None => (&body[..], &[][..]),
        Some(length) => {
            let length =
                length.to_str().ok().and_then(|length| length.parse().ok()).filter(|&length| length <= body.len());
            body.split_at(
                length.ok_or_else(|| bad(format!("{HEADER_LENGTH} is not the length of the JSON in the body")))?,
            )
        }
    };
    let asked: Asked = serde_json::from_slice(head).map_err(|error| {
        bad(format!("The request is not one of the protocol: {}", crate::formats::clip(&error.to_string())))
    })?;
    let binary_answer = wants_binary(&asked)?;
    let [channels, rows, columns] = model.predictor.input();
    let pixels = pixels(&asked.inputs, binary, [channels, rows, columns])?;
    let count = pixels.len() / (channels * rows * columns);
    let predicted = model.predict(pixels, server.settings.timeout).await;
    server.metrics.request(&model, began.elapsed());
    let probabilities = predicted?;

    let shape = [count, model.predictor.labels().len()];
    let mut output = json!({ "name": OUTPUT, "datatype": "FP32", "shape": shape });
    let mut tail = Vec::new();
    if binary_answer {
        tail = probabilities.iter().flat_map(|p| p.to_le_bytes()).collect();
        output["parameters"] = json!({ "binary_data_size": tail.len() });
    } else {
        output["data"] = json!(probabilities);
    }
    let answer = Answer { id: asked.id, model_name: &model.name, model_version: &model.version, outputs: vec![output] };
    let mut bytes = serde_json::to_vec(&answer).expect("plain data is JSON");
    let length = bytes.len();
    bytes.extend(tail);
    let mut response = bytes.into_response();
    let headers = response.headers_mut();
    if binary_answer {
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/octet-stream"));
        headers.insert(HEADER_LENGTH, HeaderValue::from(length));
    } else {
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    }
    Ok(response)
}

/// Whether the answer is to be binary; an output that does not exist is refused.
fn wants_binary(asked: &Asked) -> Result<bool, Refused> {
    let flag = |parameters: &Map<String, Value>, name: &str| parameters.get(name).and_then(Value::as_bool);
    let mut binary = flag(&asked.parameters, "binary_data_output").unwrap_or(false);
    for output in asked.outputs.iter().flatten() {
        if output.name != OUTPUT {
            let name = crate::formats::clip(&output.name);
            return Err(bad(format!("There is no output '{name}'; the one output is '{OUTPUT}'")));
        }
        binary = flag(&output.parameters, "binary_data").unwrap_or(binary);
    }
    Ok(binary)
}

/// Pixels from 0 to 1 of the one input.
fn pixels(inputs: &[Tensor], binary: &[u8], shape: [usize; 3]) -> Result<Vec<f32>, Refused> {
    let [tensor] = inputs else {
        return Err(bad(format!("There are {} inputs; the one input is '{INPUT}'", inputs.len())));
    };
    if tensor.name != INPUT {
        return Err(bad(format!(
            "There is no input '{}'; the one input is '{INPUT}'",
            crate::formats::clip(&tensor.name)
        )));
    }
    let [channels, rows, columns] = shape;
    let count = match tensor.shape[..] {
        [n, c, r, w] if [c, r, w] == shape => n,
        [n, flat] if flat == channels * rows * columns => n,
        _ => {
            let mut given = tensor.shape.clone();
            given.truncate(8);
            return Err(bad(format!("The shape is {given:?}; it should be [n, {channels}, {rows}, {columns}]")));
        }
    };
    if !(1..=MOST).contains(&count) {
        return Err(bad(format!("{count} images are too few or too many; send 1 to {MOST}")));
    }
    let size = tensor.parameters.get("binary_data_size").and_then(Value::as_u64);
    let values = match (tensor.datatype.as_str(), &tensor.data, size) {
        ("FP32", None, Some(size)) => {
            let (numbers, rest) = binary.as_chunks();
            check(
                size == binary.len() as u64 && rest.is_empty(),
                "binary_data_size is not the number of bytes after the JSON",
            )?;
            numbers.iter().map(|&bytes| f32::from_le_bytes(bytes)).collect()
        }
        ("UINT8", None, Some(size)) => {
            check(size == binary.len() as u64, "binary_data_size is not the number of bytes after the JSON")?;
            binary.iter().map(|&byte| f32::from(byte) / 255.0).collect()
        }
        ("FP32" | "UINT8", Some(data), None) => {
            let mut values = Vec::new();
            flatten(data, 0, &mut values)?;
            if tensor.datatype == "UINT8" {
                let is_byte = |x: &f32| (0.0..=255.0).contains(x) && x.fract() == 0.0;
                check(values.iter().all(is_byte), "UINT8 numbers are whole, from 0 to 255")?;
                values.iter_mut().for_each(|x| *x /= 255.0);
            }
            values
        }
        ("FP32" | "UINT8", _, _) => return Err(bad("The input has to have either data or binary_data_size")),
        (other, _, _) => {
            let other = crate::formats::clip(other);
            return Err(bad(format!("The datatype is '{other}'; send FP32 (0 to 1) or UINT8 (0 to 255)")));
        }
    };
    let expected = count * channels * rows * columns;
    check(values.len() == expected, &format!("There are {} numbers; the shape has {expected}", values.len()))?;
    check(values.iter().all(|x| x.is_finite()), "Every number has to be finite")?;
    Ok(values)
}

fn check(holds: bool, otherwise: &str) -> Result<(), Refused> {
    if holds { Ok(()) } else { Err(bad(otherwise)) }
}

/// Numbers of a nested or flat array, in order.
fn flatten(data: &Value, depth: usize, into: &mut Vec<f32>) -> Result<(), Refused> {
    match data {
        Value::Number(number) => {
            into.push(number.as_f64().unwrap_or(f64::NAN) as f32);
            Ok(())
        }
        Value::Array(items) if depth < 5 => items.iter().try_for_each(|item| flatten(item, depth + 1, into)),
        _ => Err(bad("data is an array of numbers, flat or nested as the shape")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::garbled::garbled;

    #[test]
    fn garbled_requests_are_read_or_refused() {
        let whole = r#"{"id": "7", "inputs": [{"name": "images", "datatype": "UINT8", "shape": [1, 1, 2, 2], "data": [[0, 255], [1, 2]]}]}"#;
        let whole = whole.replace("images", INPUT);
        let binary = whole.replace(r#""data": [[0, 255], [1, 2]]"#, r#""parameters": {"binary_data_size": 4}"#);
        garbled(&[whole.as_bytes(), binary.as_bytes()], |bytes| {
            let asked: Asked = serde_json::from_slice(bytes).map_err(|_| "no JSON".to_string())?;
            let refused = |refused: Refused| refused.0.message;
            wants_binary(&asked).map_err(refused)?;
            let pixels = pixels(&asked.inputs, &[1; 4], [1, 2, 2]).map_err(refused)?;
            assert!(pixels.len() % 4 == 0 && pixels.iter().all(|x| x.is_finite()));
            Ok::<(), String>(())
        });
    }
}
