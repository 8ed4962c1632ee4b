//! From the tables of routes to the document.

use kms_domain::codes::Code;
use serde_json::{Map, Value, json};

use super::kinds::{Facts, NAMED};
use super::model::{Access, Body, Operation, Parameter, Tag};
use super::{request, response};
use crate::routes::{Endpoint, endpoints};

const ABOUT: &str = "\
Accounts, and a store of files in which the same bytes are kept once.

Below `/app`, every route is a `POST` (`/app/see` a `GET` as well) that answers one JSON object: `done`, `code`, `msg`, then \
fields of its own. The code alone decides the HTTP status, and one status can stand for several codes. A client ignores \
fields that it does not know. Below `/api/v1` is the same as plain HTTP, and a refusal is a problem (RFC 9457) that names the \
same codes.

Everywhere: an unknown path is code 2 (404), another method is code 10 (405) with `Allow`, and each answer has an \
`X-Request-Id`.

Examples of one name, in a request and in an answer, belong together. `x-exchanges` lists them in an order in which they \
can be repeated.

";

/// Which form the answers of a path have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Style {
    /// The contract's envelope.
    Envelope,
    /// Problems.
    Plain,
}

impl Style {
    fn of(path: &str) -> Self {
        if crate::routes::v1::owns(path) {
            Self::Plain
        } else {
            Self::Envelope
        }
    }
}

/// The whole document, for a server with these settings.
#[must_use]
pub fn document(facts: &Facts) -> Value {
    let mut paths = Map::new();
    for endpoint in endpoints() {
        paths.insert(endpoint.path.to_owned(), path_item(endpoint, facts));
    }
    let tags = Tag::ALL.map(|tag| json!({"name": tag.name(), "description": tag.about()}));
    json!({
        "openapi": "3.1.0",
        "info": {
            "title": "KMS Server",
            "version": env!("CARGO_PKG_VERSION"),
            "description": format!("{ABOUT}{}", limits(facts)),
            "license": {"name": "MIT OR Apache-2.0", "identifier": "MIT OR Apache-2.0"},
        },
        "tags": tags,
        "paths": paths,
        "components": {
            "schemas": schemas(facts),
            "securitySchemes": {
                "bearer": {
                    "type": "http",
                    "scheme": "bearer",
                    "description": "The `token` of a login.",
                },
            },
        },
    })
}

fn limits(facts: &Facts) -> String {
    let Facts {
        max_file,
        max_avatar,
        max_body,
        ..
    } = facts;
    format!(
        "Limits in force: a file has at most {max_file} bytes, an avatar {max_avatar}, a body that carries neither {max_body}."
    )
}

fn schemas(facts: &Facts) -> Map<String, Value> {
    let mut schemas = Map::new();
    for kind in NAMED {
        if let Some(name) = kind.name {
            schemas.insert(name.to_owned(), (kind.schema)(facts));
        }
    }
    for code in Code::ALL {
        schemas.insert(
            response::envelope_name(*code),
            response::envelope(*code, None),
        );
    }
    schemas.insert("Problem".to_owned(), response::problem());
    schemas
}

fn path_item(endpoint: &Endpoint, facts: &Facts) -> Value {
    let operations = endpoint.operations.iter().map(|(method, operation)| {
        let described = describe(endpoint.path, method, operation, facts);
        ((*method).to_owned(), described)
    });
    Value::Object(operations.collect())
}

fn describe(path: &str, method: &str, operation: &Operation, facts: &Facts) -> Value {
    let style = Style::of(path);
    let mut described = json!({
        "operationId": operation_id(path, method),
        "tags": [operation.tag.name()],
        "summary": operation.summary,
        "responses": response::responses(style, method, operation),
        "security": match (operation.access, style) {
            (Access::Open, _) => json!([]),
            (Access::Session, Style::Plain) => json!([{"bearer": []}]),
            // The token may stand in the body as well, of which OpenAPI has no notion.
            (Access::Session, Style::Envelope) => json!([{"bearer": []}, {}]),
        },
    });
    let mut put = |name: &str, value: Value| {
        if let Some(described) = described.as_object_mut() {
            described.insert(name.to_owned(), value);
        }
    };
    if !operation.about.is_empty() {
        put("description", operation.about.into());
    }
    if !operation.parameters.is_empty() {
        let parameters = operation.parameters.iter();
        let parameters: Vec<_> = parameters
            .map(|parameter| request::parameter(parameter, operation, facts))
            .collect();
        put("parameters", parameters.into());
    }
    if !operation.examples.is_empty() {
        put("x-exchanges", response::exchanges(style, operation));
    }
    if let Some(body) = request::body(operation, facts) {
        put("requestBody", body);
    }
    described
}

/// `post_app_user_info`.
fn operation_id(path: &str, method: &str) -> String {
    let words = path.split(|c: char| !c.is_ascii_alphanumeric());
    let words = words.filter(|word| !word.is_empty());
    let mut id = method.to_owned();
    for word in words {
        id.push('_');
        id.push_str(word);
    }
    id
}

/// Whether a status 400 can come of how the request is written.
pub(super) fn can_be_malformed(operation: &Operation) -> bool {
    let has_query = operation
        .parameters
        .iter()
        .any(|parameter| matches!(parameter, Parameter::Query(_)));
    has_query || !matches!(operation.body, Body::None)
}

/// Whether the path names something that may not be there.
pub(super) fn names_something(operation: &Operation) -> bool {
    operation
        .parameters
        .iter()
        .any(|parameter| matches!(parameter, Parameter::Path(_)))
}
