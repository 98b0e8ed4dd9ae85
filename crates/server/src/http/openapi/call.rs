//! One call of the API, as the description needs it.

use super::{super::error::Problem, schemas};
use crate::keys::Scope;
use serde_json::{Value, json};

/// A call.
pub(super) struct Call {
    pub(super) method: &'static str,
    pub(super) path: &'static str,
    pub(super) tag: &'static str,
    /// What generated clients name it.
    pub(super) id: &'static str,
    /// A few words.
    pub(super) summary: &'static str,
    /// All else that is to be known of it.
    pub(super) about: &'static str,
    /// Which keys may call it; `None`: it takes no key.
    pub(super) scope: Option<Scope>,
    pub(super) parameters: Vec<Value>,
    pub(super) body: Option<Value>,
    /// Status and answer.
    pub(super) answers: Vec<(u16, Value)>,
    /// As they would be sent.
    pub(super) problems: Vec<Problem>,
}

impl Call {
    pub(super) fn new(method: &'static str, path: &'static str, tag: &'static str, id: &'static str) -> Self {
        Self {
            method,
            path,
            tag,
            id,
            summary: "",
            about: "",
            scope: None,
            parameters: Vec::new(),
            body: None,
            answers: Vec::new(),
            problems: Vec::new(),
        }
    }

    pub(super) fn says(mut self, summary: &'static str, about: &'static str) -> Self {
        (self.summary, self.about) = (summary, about);
        self
    }

    /// The same, in another form.
    pub(super) fn form(mut self, summary: &'static str) -> Self {
        self.summary = summary;
        self
    }

    /// It needs a key for this.
    pub(super) fn needs(mut self, scope: Scope) -> Self {
        self.scope = Some(scope);
        self.refuses([Problem::invalid_api_key(), Problem::missing_scope(scope)])
    }

    pub(super) fn takes(mut self, parameters: impl IntoIterator<Item = Value>) -> Self {
        self.parameters.extend(parameters);
        self
    }

    /// Its body: media types, each with a schema and an example.
    pub(super) fn body<const N: usize>(mut self, about: &str, content: [(&str, Value, Value); N]) -> Self {
        self.body = Some(json!({ "required": true, "description": about, "content": content_of(content) }));
        self
    }

    /// An answer with a body: media types, each with a schema and an example.
    pub(super) fn answers<const N: usize>(
        mut self,
        status: u16,
        about: &str,
        content: [(&str, Value, Value); N],
    ) -> Self {
        let mut answer = json!({ "description": about });
        if N > 0 {
            answer["content"] = content_of(content);
        }
        self.answers.push((status, answer));
        self
    }

    pub(super) fn refuses(mut self, problems: impl IntoIterator<Item = Problem>) -> Self {
        self.problems.extend(problems);
        self
    }
}

fn content_of<const N: usize>(content: [(&str, Value, Value); N]) -> Value {
    let with_example = |schema: Value, example: Value| match example {
        Value::Null => json!({ "schema": schema }),
        example => json!({ "schema": schema, "example": example }),
    };
    content
        .into_iter()
        .map(|(media_type, schema, example)| (media_type.to_owned(), with_example(schema, example)))
        .collect::<serde_json::Map<_, _>>()
        .into()
}

/// A parameter of the query.
pub(super) fn query(name: &str, schema: &Value, about: &str) -> Value {
    json!({ "name": name, "in": "query", "required": false, "description": about, "schema": schema })
}

/// The same, without which there is no call.
pub(super) fn required(mut parameter: Value) -> Value {
    parameter["required"] = true.into();
    parameter
}

/// A header of the request.
pub(super) fn header(name: &str, schema: &Value, about: &str) -> Value {
    json!({ "name": name, "in": "header", "required": false, "description": about, "schema": schema })
}

/// The client id in the path.
pub(super) fn client_id() -> Value {
    json!({
        "name": "client_id", "in": "path", "required": true, "schema": schemas::of("ClientId"),
        "description": "Percent-encoded. What a path cannot carry (`.`, `..`) goes into the query of the other form.",
        "example": "ada",
    })
}
