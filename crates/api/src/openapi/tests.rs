//! Whether the document says all there is to say, and contradicts nothing.

use std::collections::BTreeSet;

use serde_json::Value;

use super::document::document;
use super::kinds::Facts;
use super::model::{Body, Operation};
use crate::routes::endpoints;

const FACTS: Facts = Facts {
    password_min: 6,
    max_file: 1 << 32,
    max_avatar: 5 << 20,
    max_body: 1 << 14,
    zip_files: 1000,
};

fn operations() -> impl Iterator<Item = (String, &'static Operation)> {
    endpoints().flat_map(|endpoint| {
        endpoint
            .operations
            .iter()
            .map(|(method, operation)| (format!("{method} {}", endpoint.path), *operation))
    })
}

#[test]
fn every_method_of_every_route_is_in_the_document() {
    let document = document(&FACTS);
    for endpoint in endpoints() {
        for method in endpoint.methods.split(", ") {
            let described = &document["paths"][endpoint.path][method.to_ascii_lowercase()];
            let summary = described["summary"].as_str().unwrap_or_default();
            assert!(!summary.is_empty(), "{method} {}", endpoint.path);
        }
        let methods = endpoint.methods.split(", ").count();
        assert_eq!(endpoint.operations.len(), methods, "{}", endpoint.path);
    }
    let paths = document["paths"].as_object().unwrap().len();
    assert_eq!(paths, endpoints().count());
}

#[test]
fn the_fields_of_a_body_are_those_that_its_handler_reads() {
    for (name, operation) in operations() {
        let (shape, fields) = match operation.body {
            Body::Fields(shape, fields)
            | Body::Json(Some(shape), fields)
            | Body::BytesOrForm(_, shape, fields) => (shape, fields),
            Body::Json(None, _) | Body::Bytes(_) | Body::None => continue,
        };
        let read: BTreeSet<_> = shape.fields.iter().copied().chain(shape.payload).collect();
        let told: BTreeSet<_> = fields.iter().map(|field| field.name).collect();
        assert_eq!(read, told, "{name}");
        assert_eq!(told.len(), fields.len(), "{name}");
    }
}

#[test]
fn every_operation_has_an_id_of_its_own_and_an_example() {
    let document = document(&FACTS);
    let mut ids = BTreeSet::new();
    for (name, operation) in operations() {
        let (method, path) = name.split_once(' ').unwrap();
        let id = document["paths"][path][method]["operationId"].to_string();
        assert!(ids.insert(id), "{name}");
        let names: BTreeSet<_> = operation.examples.iter().map(|one| one.name).collect();
        assert_eq!(names.len(), operation.examples.len(), "{name}");
        let is_own = path.starts_with("/app/") || path.starts_with("/api/v1/");
        assert!(!is_own || !names.is_empty(), "{name}");
    }
}

#[test]
fn every_example_ends_with_an_answer_that_is_listed() {
    let document = document(&FACTS);
    for (name, operation) in operations() {
        let (method, path) = name.split_once(' ').unwrap();
        for example in operation.examples {
            let style_of_path = if path.starts_with("/api/v1/") {
                crate::routes::v1::status(example.code)
            } else {
                example.code.status()
            };
            let status = example.status.unwrap_or(style_of_path).to_string();
            let response = &document["paths"][path][method]["responses"][&status];
            assert!(response.is_object(), "{name} {}", example.name);
            if let Some(contents) = response["content"].as_object() {
                let shown = contents
                    .values()
                    .any(|content| content["examples"][example.name].is_object());
                let is_told = !(example.answer)().is_null() || status.starts_with(['4', '5']);
                assert!(shown || !is_told, "{name} {}", example.name);
            }
        }
    }
}

#[test]
fn every_reference_leads_somewhere() {
    fn walk(value: &Value, document: &Value, count: &mut usize) {
        match value {
            Value::Object(fields) => {
                if let Some(Value::String(reference)) = fields.get("$ref") {
                    let pointer = reference.strip_prefix('#').unwrap();
                    assert!(document.pointer(pointer).is_some(), "{reference}");
                    *count += 1;
                }
                fields
                    .values()
                    .for_each(|value| walk(value, document, count));
            }
            Value::Array(values) => values.iter().for_each(|value| walk(value, document, count)),
            _ => {}
        }
    }
    let document = document(&FACTS);
    let mut count = 0;
    walk(&document, &document, &mut count);
    assert!(count > 100, "{count}");
}

#[test]
fn limits_are_those_in_force() {
    let facts = Facts {
        password_min: 9,
        zip_files: 7,
        ..FACTS
    };
    let document = document(&facts);
    let zip = &document["paths"]["/api/v1/files/zip"]["post"]["requestBody"]["content"];
    let fids = &zip["application/json"]["schema"]["properties"]["fids"];
    assert_eq!(fids["maxItems"], 7);
    let schemas = &document["components"]["schemas"];
    assert_eq!(schemas["NewPassword"]["minLength"], 9);
    assert_eq!(schemas["Password"]["minLength"], 1);
    assert_eq!(schemas["Name"]["maxLength"], 16);
}
