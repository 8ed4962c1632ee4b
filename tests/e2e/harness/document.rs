//! Judges every exchange by the OpenAPI document: an answer that it does not know of ends the test, whatever the test is
//! about. Stricter than a client has to be, because a field that the document does not name is a failure as well.

use std::collections::HashMap;
use std::sync::{Arc, LazyLock, Mutex};

use jsonschema::Validator;
use kms_api::Facts;
use serde_json::{Value, json};

use super::Encoded;

/// The document of a server as it comes. Answers do not depend on the settings that it tells of.
pub(crate) static DOCUMENT: LazyLock<Value> = LazyLock::new(|| {
    kms_api::document(&Facts {
        password_min: 6,
        max_file: 4 << 30,
        max_avatar: 5 << 20,
        max_body: 16 << 10,
        zip_files: 1000,
    })
});

/// Schemas by where they stand and whether they know all fields.
type Validators = HashMap<(String, bool), Arc<Validator>>;

/// Those that were needed so far.
static VALIDATORS: LazyLock<Mutex<Validators>> = LazyLock::new(Mutex::default);

/// Fails if the document knows the operation and not this answer.
#[track_caller]
pub(crate) fn check(
    method: &str,
    route: &str,
    status: u16,
    headers: &[(String, String)],
    body: &[u8],
) {
    let Some(operation) = operation(method, route) else {
        return;
    };
    let shown = || {
        format!(
            "{method} {route}: {status} {:?}",
            String::from_utf8_lossy(body)
        )
    };
    let at = format!("{operation}/responses/{status}");
    let Some(response) = DOCUMENT.pointer(&at) else {
        panic!("the document knows no such status: {}", shown());
    };
    let header = |name: &str| {
        let mut headers = headers.iter();
        headers.find(|(key, _)| key.eq_ignore_ascii_case(name))
    };
    for (name, _) in response["headers"].as_object().into_iter().flatten() {
        assert!(header(name).is_some(), "no {name}: {}", shown());
    }
    if method == "HEAD" {
        return;
    }
    let Some(contents) = response["content"].as_object() else {
        assert!(
            body.is_empty(),
            "a body that the document does not know: {}",
            shown()
        );
        return;
    };
    let media_type = header("content-type").map_or("", |(_, value)| essence(value));
    let fits = |known: &&String| known.as_str() == "*/*" || essence(known) == media_type;
    let known = contents.keys().find(fits);
    let Some(known) = known else {
        panic!("the document knows no {media_type}: {}", shown());
    };
    if media_type.ends_with("json") && !route.starts_with("/api/openapi") {
        let at = format!("{at}/content/{}/schema", escaped(known));
        validate(&at, true, body, &shown());
    }
}

/// Fails if the document would not have let somebody send a JSON body that the server took.
#[track_caller]
pub(crate) fn check_request(route: &str, body: &Encoded) {
    let is_json = body.content_type.as_deref() == Some("application/json");
    if let (true, Some(operation)) = (is_json, operation("POST", route)) {
        let at = format!("{operation}/requestBody/content/application~1json/schema");
        let shown = format!("{route} took {:?}", String::from_utf8_lossy(&body.bytes));
        validate(&at, false, &body.bytes, &shown);
    }
}

/// Where the document describes an operation.
fn operation(method: &str, route: &str) -> Option<String> {
    let path = route.split('?').next()?;
    let paths = DOCUMENT["paths"].as_object()?;
    let template = paths.keys().find(|template| fits(path, template))?;
    let at = format!(
        "/paths/{}/{}",
        escaped(template),
        method.to_ascii_lowercase()
    );
    DOCUMENT.pointer(&at).map(|_| at)
}

fn fits(path: &str, template: &str) -> bool {
    let (path, template) = (path.split('/'), template.split('/'));
    path.clone().count() == template.clone().count()
        && path
            .zip(template)
            .all(|(part, known)| part == known || (known.starts_with('{') && !part.is_empty()))
}

#[track_caller]
fn validate(at: &str, knows_all: bool, body: &[u8], shown: &str) {
    let Ok(value) = serde_json::from_slice::<Value>(body) else {
        panic!("no JSON: {shown}");
    };
    let errors: Vec<_> = validator(at, knows_all)
        .iter_errors(&value)
        .map(|error| error.to_string())
        .collect();
    assert!(errors.is_empty(), "{errors:#?}\n{at}\n{shown}");
}

fn validator(at: &str, knows_all: bool) -> Arc<Validator> {
    let key = (at.to_owned(), knows_all);
    let mut validators = VALIDATORS.lock().unwrap();
    let validator = validators.entry(key).or_insert_with(|| {
        let mut schema = DOCUMENT.pointer(at).unwrap().clone();
        schema["components"] = DOCUMENT["components"].clone();
        if knows_all {
            close_items(&mut schema);
            schema["unevaluatedProperties"] = json!(false);
        }
        let options = jsonschema::draft202012::options();
        Arc::new(options.build(&schema).unwrap())
    });
    Arc::clone(validator)
}

/// So that what stands in lists has no field either that the document does not name.
fn close_items(schema: &mut Value) {
    match schema {
        Value::Object(fields) => {
            fields.values_mut().for_each(close_items);
            if let Some(items) = fields.get_mut("items") {
                *items = json!({"allOf": [items.take()], "unevaluatedProperties": false});
            }
        }
        Value::Array(values) => values.iter_mut().for_each(close_items),
        _ => {}
    }
}

fn essence(media_type: &str) -> &str {
    media_type.split(';').next().unwrap_or_default().trim()
}

/// As a part of a JSON pointer.
fn escaped(part: &str) -> String {
    part.replace('~', "~0").replace('/', "~1")
}
