//! What a route may answer: its own answers and those that any route gives, by their statuses.

use std::collections::BTreeMap;

use kms_domain::codes::Code;
use serde_json::{Map, Value, json};

use super::document::{Style, can_be_malformed, names_something};
use super::model::{Access, Answer, Body, Content, Example, Header, Operation, answer};
use crate::routes::v1;

const JSON: &str = "application/json";
const PROBLEM: &str = "application/problem+json";

const RETRY_AFTER: Header = Header {
    name: "Retry-After",
    about: "After how many seconds to ask again.",
};
const WWW_AUTHENTICATE: Header = Header {
    name: "WWW-Authenticate",
    about: "`Bearer`, with `error=\"invalid_token\"` where there was a token.",
};

/// The responses of an operation by their statuses.
pub(super) fn responses(style: Style, method: &str, operation: &Operation) -> Value {
    let mut by_status: BTreeMap<u16, Vec<Answer>> = BTreeMap::new();
    let general = general(style, operation);
    let own_codes: Vec<_> = operation
        .answers
        .iter()
        .map(|own| (own.code, own.status))
        .collect();
    let general = general
        .into_iter()
        .filter(|answer| !own_codes.contains(&(answer.code, answer.status)));
    for answer in operation.answers.iter().copied().chain(general) {
        by_status
            .entry(status(style, &answer))
            .or_default()
            .push(answer);
    }
    let responses = by_status.into_iter().map(|(status, mut answers)| {
        answers.sort_by_key(|answer| answer.code);
        let described = response(style, method, status, &answers, operation.examples);
        (status.to_string(), described)
    });
    Value::Object(responses.collect())
}

/// The names of the examples in their order, and the status with which each ends.
pub(super) fn exchanges(style: Style, operation: &Operation) -> Value {
    let told = operation.examples.iter().map(|example| {
        let status = example
            .status
            .unwrap_or_else(|| status_of(style, example.code));
        json!({"example": example.name, "status": status})
    });
    told.collect()
}

/// The status of an answer on the wire.
fn status(style: Style, answer: &Answer) -> u16 {
    answer
        .status
        .unwrap_or_else(|| status_of(style, answer.code))
}

fn status_of(style: Style, code: Code) -> u16 {
    match style {
        Style::Envelope => code.status(),
        Style::Plain => v1::status(code),
    }
}

/// What any route of this kind may answer.
fn general(style: Style, operation: &Operation) -> Vec<Answer> {
    let mut codes = Vec::new();
    if operation.access == Access::Session {
        codes.extend([Code::TokenExpired, Code::TokenMissing]);
    }
    if can_be_malformed(operation) {
        codes.push(Code::BadFormat);
    }
    if !matches!(operation.body, Body::None) {
        codes.push(Code::TooLarge);
    }
    if style == Style::Plain && names_something(operation) {
        codes.push(Code::NotFound);
    }
    codes.extend([
        Code::ServerError,
        Code::Throttled,
        Code::Busy,
        Code::StorageFull,
    ]);
    codes.into_iter().map(|code| answer(code, "")).collect()
}

fn response(
    style: Style,
    method: &str,
    status: u16,
    answers: &[Answer],
    examples: &[Example],
) -> Value {
    let lines: Vec<_> = answers.iter().map(told).collect();
    let mut described = json!({"description": lines.join("\n\n")});
    let mut put = |name: &str, value: Value| {
        if let Some(described) = described.as_object_mut() {
            described.insert(name.to_owned(), value);
        }
    };
    let headers = headers(style, answers);
    if !headers.is_empty() {
        put("headers", headers.into());
    }
    if method != "head" {
        let content = content(style, status, answers, examples);
        if !content.is_empty() {
            put("content", content.into());
        }
    }
    described
}

/// A line on an answer.
fn told(answer: &Answer) -> String {
    let (number, message) = (answer.code.number(), answer.code.message());
    let about = match answer.about {
        "" => answer.code.when(),
        about => about,
    };
    format!("**{number}** {message}: {about}")
}

fn headers(style: Style, answers: &[Answer]) -> Map<String, Value> {
    let mut headers = Map::new();
    let mut put = |header: &Header| {
        let described = json!({
            "description": header.about,
            "required": true,
            "schema": {"type": "string"},
        });
        headers.insert(header.name.to_owned(), described);
    };
    for answer in answers {
        answer.headers.iter().for_each(&mut put);
        match answer.code {
            Code::Throttled | Code::Busy => put(&RETRY_AFTER),
            Code::TokenExpired | Code::TokenMissing if style == Style::Plain => {
                put(&WWW_AUTHENTICATE);
            }
            _ => {}
        }
    }
    headers
}

/// The bodies of a status by their media types.
fn content(
    style: Style,
    status: u16,
    answers: &[Answer],
    examples: &[Example],
) -> Map<String, Value> {
    let mut by_type: BTreeMap<&str, (Vec<Value>, Map<String, Value>)> = BTreeMap::new();
    for answer in answers {
        let Some((media_type, schema)) = schema(style, answer) else {
            continue;
        };
        let (schemas, shown) = by_type.entry(media_type).or_default();
        if !schemas.contains(&schema) {
            schemas.push(schema);
        }
        let told = examples
            .iter()
            .filter(|example| example.code == answer.code && example.status == answer.status);
        for example in told.clone() {
            if matches!(answer.content, Content::Other(_)) && (example.answer)().is_null() {
                continue;
            }
            let value = match answer.content {
                Content::Other(_) => (example.answer)(),
                _ => shown_body(style, status, answer, &(example.answer)()),
            };
            let described = json!({"summary": example.summary, "value": value});
            shown.insert(example.name.to_owned(), described);
        }
        if told.count() == 0 && matches!(answer.content, Content::Code) {
            let value = shown_body(style, status, answer, &Value::Null);
            let name = format!("code-{}", answer.code.number());
            shown.insert(name, json!({"value": value}));
        }
    }
    let content = by_type
        .into_iter()
        .map(|(media_type, (mut schemas, shown))| {
            let schema = match schemas.pop() {
                Some(only) if schemas.is_empty() => only,
                Some(last) => {
                    schemas.push(last);
                    json!({"anyOf": schemas})
                }
                None => json!({}),
            };
            let mut described = json!({"schema": schema});
            if let (Some(described), false) = (described.as_object_mut(), shown.is_empty()) {
                described.insert("examples".to_owned(), shown.into());
            }
            (media_type.to_owned(), described)
        });
    content.collect()
}

fn schema(style: Style, answer: &Answer) -> Option<(&'static str, Value)> {
    Some(match (answer.content, style) {
        (Content::Nothing, _) => return None,
        (Content::Other(media_type), _) => {
            (media_type, json!({"type": "string", "format": "binary"}))
        }
        (Content::Code, Style::Envelope) => {
            let name = envelope_name(answer.code);
            (
                JSON,
                json!({"$ref": format!("#/components/schemas/{name}")}),
            )
        }
        (Content::Fields(fields), Style::Envelope) => (JSON, envelope(answer.code, Some(fields()))),
        (Content::Code, Style::Plain) => (PROBLEM, json!({"$ref": "#/components/schemas/Problem"})),
        (Content::Fields(fields), Style::Plain) => (JSON, fields()),
    })
}

/// The name of the schema of a bare answer.
pub(super) fn envelope_name(code: Code) -> String {
    format!("Code{}", code.number())
}

/// The envelope with a code, and fields behind it.
pub(super) fn envelope(code: Code, fields: Option<Value>) -> Value {
    let mut schema =
        fields.unwrap_or_else(|| json!({"type": "object", "required": [], "properties": {}}));
    let envelope = [
        ("done", json!({"type": "boolean", "const": code.done()})),
        ("code", json!({"type": "integer", "const": code.number()})),
        ("msg", json!({"type": "string", "const": code.message()})),
    ];
    for (name, schema_of) in envelope {
        if let Some(properties) = schema.get_mut("properties").and_then(Value::as_object_mut) {
            properties.insert(name.to_owned(), schema_of);
        }
        if let Some(required) = schema.get_mut("required").and_then(Value::as_array_mut) {
            required.push(name.into());
        }
    }
    if let Some(schema) = schema.as_object_mut() {
        schema.insert("title".to_owned(), told_shortly(code).into());
    }
    schema
}

fn told_shortly(code: Code) -> String {
    format!("{} {}", code.number(), code.message())
}

/// The schema of a refusal below `/api/v1`.
pub(super) fn problem() -> Value {
    let codes: Vec<_> = Code::ALL
        .iter()
        .filter(|code| !code.done())
        .map(|code| code.number())
        .collect();
    json!({
        "type": "object",
        "description": "A refusal (RFC 9457).",
        "required": ["type", "title", "status", "code"],
        "properties": {
            "type": {"type": "string", "const": "about:blank"},
            "title": {"type": "string", "description": "The name of the status."},
            "status": {"type": "integer", "minimum": 400, "maximum": 599},
            "code": {"type": "integer", "enum": codes, "description": "The code that `/app` would answer."},
            "detail": {"type": "string", "description": "What is wrong with the request."},
        },
    })
}

fn shown_body(style: Style, status: u16, answer: &Answer, own: &Value) -> Value {
    let mut body = match (style, answer.content) {
        (Style::Envelope, _) => json!({
            "done": answer.code.done(),
            "code": answer.code.number(),
            "msg": answer.code.message(),
        }),
        (Style::Plain, Content::Fields(_)) => json!({}),
        (Style::Plain, _) => v1::problem(status, answer.code),
    };
    if let (Some(body), Some(own)) = (body.as_object_mut(), own.as_object()) {
        body.extend(own.clone());
    }
    body
}
