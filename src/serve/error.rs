//! Errors as TorchServe writes them: `{"code": 404, "type": "ModelNotFoundException", "message": ...}`.

use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Json, Response};
use serde_json::json;

/// Why a request is not answered.
#[derive(Clone, Debug)]
pub struct Failure {
    /// Status of the response.
    pub status: StatusCode,
    /// Its name in TorchServe.
    pub kind: &'static str,
    /// One sentence.
    pub message: String,
}

impl Failure {
    fn new(status: StatusCode, kind: &'static str, message: impl Into<String>) -> Failure {
        Failure { status, kind, message: message.into() }
    }

    /// The request makes no sense.
    pub fn bad(message: impl Into<String>) -> Failure {
        Failure::new(StatusCode::BAD_REQUEST, "BadRequestException", message)
    }

    /// Nothing is there.
    pub fn not_found(message: impl Into<String>) -> Failure {
        Failure::new(StatusCode::NOT_FOUND, "ResourceNotFoundException", message)
    }

    /// There is no such model.
    pub fn no_model(name: &str) -> Failure {
        let name = crate::formats::clip(name);
        Failure::new(StatusCode::NOT_FOUND, "ModelNotFoundException", format!("Model not found: {name}"))
    }

    /// There is no such version.
    pub fn no_version(name: &str, version: &str) -> Failure {
        let (name, version) = (crate::formats::clip(name), crate::formats::clip(version));
        let message = format!("Model version: {version} does not exist for model: {name}");
        Failure::new(StatusCode::NOT_FOUND, "ModelVersionNotFoundException", message)
    }

    /// It is there already.
    pub fn conflict(message: impl Into<String>) -> Failure {
        Failure::new(StatusCode::CONFLICT, "ConflictStatusException", message)
    }

    /// There is no such file in the model store.
    pub fn no_file(name: &str) -> Failure {
        Failure::not_found(format!("Model not found in model store: {name}"))
    }

    /// The path is known, the method is not.
    pub fn method() -> Failure {
        let message = "Requested method is not allowed, please refer to API document.";
        Failure::new(StatusCode::METHOD_NOT_ALLOWED, "MethodNotAllowedException", message)
    }

    /// The body is too long.
    pub fn too_large() -> Failure {
        let message = format!("The body is longer than {} bytes", super::inference::BODY_LIMIT);
        Failure::new(StatusCode::PAYLOAD_TOO_LARGE, "RequestEntityTooLargeException", message)
    }

    /// The request did not come to its end in time.
    pub fn slow_request() -> Failure {
        Failure::new(StatusCode::REQUEST_TIMEOUT, "RequestTimeoutException", "The request did not arrive in time")
    }

    /// Whoever asks has to say who he is.
    pub fn unauthorised() -> Failure {
        let message = "Token Authentication failed. Token is either incorrect or missing";
        Failure::new(StatusCode::UNAUTHORIZED, "InvalidKeyException", message)
    }

    /// It is switched off.
    pub fn forbidden(message: impl Into<String>) -> Failure {
        Failure::new(StatusCode::FORBIDDEN, "ForbiddenException", message)
    }

    /// Not now: too much to do, too slow, not ready yet, or no more.
    pub fn busy(message: impl Into<String>) -> Failure {
        Failure::new(StatusCode::SERVICE_UNAVAILABLE, "ServiceUnavailableException", message)
    }

    /// The response with another body.
    pub fn with_body(&self, body: serde_json::Value) -> Response {
        let mut response = (self.status, Json(body)).into_response();
        let headers = response.headers_mut();
        if self.status == StatusCode::SERVICE_UNAVAILABLE {
            headers.insert(header::RETRY_AFTER, header::HeaderValue::from_static("1"));
        }
        if self.status == StatusCode::UNAUTHORIZED {
            headers.insert(header::WWW_AUTHENTICATE, header::HeaderValue::from_static("Bearer"));
        }
        response
    }
}

impl IntoResponse for Failure {
    fn into_response(self) -> Response {
        self.with_body(json!({ "code": self.status.as_u16(), "type": self.kind, "message": self.message }))
    }
}
