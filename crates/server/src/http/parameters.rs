//! Query parameters: unknown and unreadable ones are problems, not silence.

use super::error::Problem;
use axum::{
    extract::{FromRequestParts, Query},
    http::request::Parts,
};
use serde::de::DeserializeOwned;

/// The parameters of a call's query.
pub(super) struct Parameters<T>(pub(super) T);

impl<S: Send + Sync, T: DeserializeOwned> FromRequestParts<S> for Parameters<T> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Problem> {
        match Query::<T>::try_from_uri(&parts.uri) {
            Ok(Query(parameters)) => Ok(Self(parameters)),
            Err(error) => Err(Problem::invalid_parameter(detail(&error.body_text()))),
        }
    }
}

/// The library's text names a parameter, never its value. One that the call does not know is not repeated either: it
/// may be a token that lost its name.
fn detail(text: &str) -> String {
    match text.rsplit_once(", expected ") {
        Some((_, expected)) => format!("This call takes {expected} and nothing else."),
        None => format!("{text}."),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_known_is_named_and_nothing_else() {
        let unknown = "Failed to deserialize query string: eyJ.a.b: unknown field `eyJ.a.b`, expected `limit` or `after`";
        assert_eq!(detail(unknown), "This call takes `limit` or `after` and nothing else.");
        let unreadable = "Failed to deserialize query string: limit: invalid digit found in string";
        assert_eq!(detail(unreadable), format!("{unreadable}."));
    }
}
