//! What a request may carry.

use serde_json::{Map, Value, json};

use super::kinds::Facts;
use super::model::{Body, Example, Field, Operation, Parameter};
use crate::intake::Shape;

const JSON: &str = "application/json";
const FORM: &str = "application/x-www-form-urlencoded";
const MULTIPART: &str = "multipart/form-data";
const OCTETS: &str = "application/octet-stream";

const NO_SHAPE: Shape = Shape {
    fields: &[],
    payload: None,
};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Format {
    Json,
    Form,
    Multipart,
}

pub(super) fn parameter(parameter: &Parameter, operation: &Operation, facts: &Facts) -> Value {
    let (place, field) = match parameter {
        Parameter::Path(field) => ("path", field),
        // A query is read like a form.
        Parameter::Query(field) => ("query", field),
        Parameter::Header(field) => ("header", field),
    };
    let mut examples = Map::new();
    for example in operation.examples {
        if let Some(value) = (example.parameters)().get(field.name) {
            examples.insert(example.name.to_owned(), json!({"value": value}));
        }
    }
    let schema = field.kind.in_text().reference(facts);
    let schema = match parameter {
        // There an empty text is absent, as in a form.
        Parameter::Query(field) if !field.is_required => {
            json!({"anyOf": [schema, {"const": ""}]})
        }
        _ => schema,
    };
    let mut described = json!({
        "name": field.name,
        "in": place,
        "required": field.is_required,
        "description": field.about,
        "schema": schema,
    });
    if let (Some(described), false) = (described.as_object_mut(), examples.is_empty()) {
        described.insert("examples".to_owned(), examples.into());
    }
    described
}

pub(super) fn body(operation: &Operation, facts: &Facts) -> Option<Value> {
    let json = |shape, fields| {
        json!({
            "schema": object(Format::Json, shape, fields, facts),
            "examples": examples(operation),
        })
    };
    let form = |format, shape, fields| json!({"schema": object(format, shape, fields, facts)});
    let bytes = |about| {
        let schema =
            json!({"type": "string", "format": "binary", "minLength": 1, "description": about});
        json!({"schema": schema, "examples": examples(operation)})
    };
    let (about, content) = match operation.body {
        Body::None => return None,
        Body::Json(shape, fields) => ("", json!({JSON: json(shape.unwrap_or(NO_SHAPE), fields)})),
        Body::Bytes(about) => (about, json!({OCTETS: bytes(about)})),
        Body::BytesOrForm(about, shape, fields) => {
            let form = form(Format::Multipart, shape, fields);
            (about, json!({OCTETS: bytes(about), MULTIPART: form}))
        }
        Body::Fields(shape, fields) => (
            "The same fields in any of the three formats. Unknown ones are ignored.",
            json!({
                JSON: json(shape, fields),
                FORM: form(Format::Form, shape, fields),
                MULTIPART: form(Format::Multipart, shape, fields),
            }),
        ),
    };
    Some(json!({"required": true, "description": about, "content": content}))
}

fn examples(operation: &Operation) -> Map<String, Value> {
    let shown = |example: &Example| {
        let value = Some((example.body)()).filter(|value| !value.is_null())?;
        let shown = json!({"summary": example.summary, "value": value});
        Some((example.name.to_owned(), shown))
    };
    operation.examples.iter().filter_map(shown).collect()
}

fn object(format: Format, shape: Shape, fields: &[Field], facts: &Facts) -> Value {
    let required: Vec<_> = fields
        .iter()
        .filter(|field| field.is_required)
        .map(|field| field.name)
        .collect();
    let properties = fields
        .iter()
        .map(|field| (field.name.to_owned(), property(format, shape, field, facts)));
    json!({
        "type": "object",
        "required": required,
        "properties": properties.collect::<Map<_, _>>(),
    })
}

fn property(format: Format, shape: Shape, field: &Field, facts: &Facts) -> Value {
    if format == Format::Multipart && shape.is_payload(field.name) {
        let about = format!("{} Here the bytes as they are.", field.about);
        return json!({"type": "string", "format": "binary", "minLength": 1, "description": about});
    }
    let kind = match format {
        Format::Json => field.kind,
        Format::Form | Format::Multipart => field.kind.in_text(),
    };
    let schema = kind.reference(facts);
    let mut schema = match (field.is_required, format) {
        (true, _) => schema,
        // `null` is absent, and so is an empty text where there is no `null`. An empty payload is an empty file.
        (false, Format::Json) => json!({"anyOf": [schema, {"type": "null"}]}),
        (false, _) if shape.is_payload(field.name) => schema,
        (false, _) => json!({"anyOf": [schema, {"const": ""}]}),
    };
    if let (Some(schema), false) = (schema.as_object_mut(), field.about.is_empty()) {
        schema.insert("description".to_owned(), field.about.into());
    }
    schema
}
