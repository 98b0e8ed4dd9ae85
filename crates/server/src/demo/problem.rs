//! How a demo says no: a problem document with a sentence that the page can show as it is.

use axum::Json;
use axum::extract::rejection::JsonRejection;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::Serialize;

/// A refusal, in the shape of the errors of the API.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Problem {
    status: StatusCode,
    /// Stable, for programs.
    pub(super) code: &'static str,
    /// For people: what is wrong, and what to do.
    detail: String,
}

impl Problem {
    /// The request itself is wrong.
    pub(super) fn bad_request(code: &'static str, detail: impl Into<String>) -> Self {
        Self { status: StatusCode::BAD_REQUEST, code, detail: detail.into() }
    }

    /// What it names does not exist, or does no longer.
    pub(super) fn not_found(code: &'static str, detail: impl Into<String>) -> Self {
        Self { status: StatusCode::NOT_FOUND, code, detail: detail.into() }
    }

    /// A good request at the wrong moment.
    pub(super) fn conflict(code: &'static str, detail: impl Into<String>) -> Self {
        Self { status: StatusCode::CONFLICT, code, detail: detail.into() }
    }

    /// A bound is reached, or Downlink could not do it now.
    pub(super) fn unavailable(code: &'static str, detail: impl Into<String>) -> Self {
        Self { status: StatusCode::SERVICE_UNAVAILABLE, code, detail: detail.into() }
    }

    /// Downlink's own refusal, passed on.
    pub(super) fn from_channels(sentence: String) -> Self {
        Self::unavailable("channels_unavailable", sentence)
    }
}

impl From<JsonRejection> for Problem {
    fn from(rejection: JsonRejection) -> Self {
        let mut problem = Self::bad_request("invalid_body", rejection.body_text());
        // 413 and 415 say more than 400 would; a body of the wrong shape is the caller's mistake like a torn one.
        if rejection.status() != StatusCode::UNPROCESSABLE_ENTITY {
            problem.status = rejection.status();
        }
        problem
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        #[derive(Serialize)]
        struct Document {
            status: u16,
            code: &'static str,
            detail: String,
        }
        let document = Document { status: self.status.as_u16(), code: self.code, detail: self.detail };
        let headers =
            [(header::CONTENT_TYPE, "application/problem+json"), (header::CACHE_CONTROL, "no-store")];
        (self.status, headers, Json(document)).into_response()
    }
}
