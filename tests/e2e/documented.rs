//! What the server says of itself is true: its document is the one of the code, its examples happen as they are told,
//! and its page is shown under a policy that keeps a token on it. Whether all other answers are as the document says is
//! looked at by [`crate::harness::document`] in every test.

use serde_json::{Map, Value, json};

use crate::harness::document::{DOCUMENT, check};
use crate::harness::{Client, Person, Server, body::percent};

/// What is for everybody, with whatever token: it depends on nobody. The rest is in [`crate::rights`].
pub(crate) const OPEN: [(&str, &str); 6] = [
    ("GET", "/api/openapi.json"),
    ("HEAD", "/api/openapi.json"),
    ("GET", "/api/docs"),
    ("HEAD", "/api/docs"),
    ("GET", "/api/docs/{asset}"),
    ("HEAD", "/api/docs/{asset}"),
];

/// What ends sessions that the rest needs. What deletes comes late as well.
const LAST: [&str; 2] = ["/app/user/logout", "/api/v1/sessions/current"];

#[test]
fn the_document_of_a_server_is_the_one_of_the_code() {
    let server = Server::start();
    let (status, _, body) = get(&server.client(), "/api/openapi.json");
    assert_eq!(status, 200);
    let served: Value = serde_json::from_slice(&body).unwrap();
    assert_eq!(served, *DOCUMENT);
    let strict = Server::with(&[("KMS_PASSWORD_MIN", "9")]);
    let (_, _, body) = get(&strict.client(), "/api/openapi.json");
    let served: Value = serde_json::from_slice(&body).unwrap();
    assert_eq!(
        served["components"]["schemas"]["NewPassword"]["minLength"],
        9
    );
}

#[test]
fn the_page_runs_nothing_but_its_own_files() {
    let server = Server::start();
    let client = server.client();
    let (status, headers, body) = get(&client, "/api/docs");
    assert_eq!(status, 200);
    let policy = &headers
        .iter()
        .find(|(name, _)| name == "content-security-policy");
    let policy = &policy.unwrap().1;
    for directive in [
        "default-src 'none'",
        "script-src 'self'",
        "style-src 'self'",
        "connect-src 'self'",
        "frame-ancestors 'none'",
        "base-uri 'none'",
        "form-action 'none'",
    ] {
        assert!(policy.split("; ").any(|one| one == directive), "{policy}");
    }
    assert!(
        !policy.contains("unsafe") && !policy.contains("http"),
        "{policy}"
    );
    // All that the page names is there, and none of it elsewhere.
    let page = String::from_utf8(body).unwrap();
    assert!(!page.contains("//"), "{page}");
    let named = page.split("\"docs/").skip(1);
    let files: Vec<_> = named.map(|rest| rest.split('"').next().unwrap()).collect();
    assert_eq!(files.len(), 3);
    for file in files {
        let (status, headers, body) = get(&client, &format!("/api/docs/{file}"));
        assert_eq!(status, 200, "{file}");
        let media_type = &headers.iter().find(|(name, _)| name == "content-type");
        let kind = if file.ends_with(".css") {
            "text/css"
        } else {
            "text/javascript"
        };
        assert!(media_type.unwrap().1.starts_with(kind), "{file}");
        let is_packed = headers
            .iter()
            .any(|(name, value)| name == "content-encoding" && value == "gzip");
        assert_eq!(is_packed, body.starts_with(&[0x1f, 0x8b]), "{file}");
    }
    let (status, ..) = get(&client, "/api/docs/index.html");
    assert_eq!(status, 404);
}

#[test]
fn an_operator_can_switch_both_off() {
    let server = Server::with(&[("KMS_DOCS", "off")]);
    for path in ["/api/openapi.json", "/api/docs", "/api/docs/start.js"] {
        let (status, _, body) = get(&server.client(), path);
        assert_eq!(status, 404, "{path}");
        let body: Value = serde_json::from_slice(&body).unwrap();
        assert_eq!(
            body,
            json!({"done": false, "code": 2, "msg": "没找到该资源"})
        );
    }
}

#[test]
fn whoever_asks_is_shown_the_same() {
    let server = Server::start();
    let user = server.new_user();
    for (method, path) in OPEN {
        let path = path.replace("{asset}", "start.js");
        let shown = |headers: &[(&str, &str)]| {
            let answer = user.client.attempt(method, &path, headers, None, ());
            let (status, _, body) = answer.unwrap();
            assert_eq!(status, 200, "{method} {path}");
            body
        };
        let stranger = shown(&[]);
        let bearer = user.bearer();
        for token in [bearer.as_str(), "Bearer stale", "Basic x"] {
            assert_eq!(shown(&[("Authorization", token)]), stranger, "{path}");
        }
    }
}

#[test]
fn another_method_is_refused_with_the_right_ones() {
    let server = Server::start();
    for path in ["/api/openapi.json", "/api/docs", "/api/docs/start.js"] {
        let client = server.client();
        let (status, headers, _) = client.attempt("POST", path, &[], None, ()).unwrap();
        assert_eq!(status, 405, "{path}");
        assert!(headers.contains(&("allow".to_owned(), "GET, HEAD".to_owned())));
        let (status, headers, body) = client.attempt("HEAD", path, &[], None, ()).unwrap();
        assert_eq!((status, body.len()), (200, 0), "{path}");
        let length = headers.iter().find(|(name, _)| name == "content-length");
        assert_ne!(length.unwrap().1, "0", "{path}");
    }
}

#[test]
fn a_field_that_the_document_does_not_name_is_found_at_any_depth() {
    let headers = [("content-type".to_owned(), "application/json".to_owned())];
    let session = json!({"id": "67e55044-10b1-426f-9247-bb680e5fe0c8", "created_at": 0, "used_at": 0,
        "network": null, "current": true});
    let judged = |body: Value| {
        let body = body.to_string();
        let judge = || check("GET", "/api/v1/sessions", 200, &headers, body.as_bytes());
        std::panic::catch_unwind(judge).is_ok()
    };
    let outer = json!({"sessions": [session], "more": 1});
    let mut inner = json!({"sessions": [session]});
    assert!(judged(inner.clone()), "{inner}");
    inner["sessions"][0]["more"] = json!(1);
    assert!(!judged(outer) && !judged(inner));
}

#[test]
fn the_examples_happen_as_the_document_tells_them() {
    let server = Server::start();
    let ben = Person {
        name: "Ben".to_owned(),
        ..Person::new()
    };
    let client = server.client();
    client.register(&ben).expect_code(100);
    let other = client.sign_in(&ben);
    other.publish("notes.pdf", b"of somebody else");
    let mut story = Story {
        client: server.client(),
        known: Map::new(),
    };
    let mut operations: Vec<_> = kms_api::endpoints()
        .flat_map(|endpoint| {
            endpoint
                .operations
                .iter()
                .map(|(method, _)| (endpoint.path, *method))
        })
        .collect();
    operations.sort_by_key(|(path, method)| {
        let is_trash = path.starts_with("/api/v1/trash");
        (LAST.contains(path), is_trash, *method == "delete")
    });
    let mut count = 0;
    for (path, method) in operations {
        let operation = &DOCUMENT["paths"][path][method];
        for exchange in operation["x-exchanges"].as_array().into_iter().flatten() {
            story.repeat(path, method, operation, exchange);
            count += 1;
        }
    }
    let described = kms_api::endpoints().flat_map(|endpoint| endpoint.operations.iter());
    let written: usize = described.map(|(_, it)| it.example_count()).sum();
    assert_eq!(count, written, "every example that is written");
}

/// Exchanges with one server, and what it gave where the examples show something.
struct Story {
    client: Client,
    known: Map<String, Value>,
}

impl Story {
    fn repeat(&mut self, path: &str, method: &str, operation: &Value, exchange: &Value) {
        let name = exchange["example"].as_str().unwrap();
        let status = exchange["status"].as_u64().unwrap();
        let told = format!("{method} {path} {name}");
        let (route, headers) = self.target(path, operation, name);
        let mut headers: Vec<_> = headers
            .iter()
            .map(|(name, value)| (*name, value.as_str()))
            .collect();
        let token = self.known.get(&sample_token());
        let bearer = format!(
            "Bearer {}",
            token.and_then(Value::as_str).unwrap_or_default()
        );
        if operation["security"] == json!([{"bearer": []}]) {
            headers.push(("Authorization", &bearer));
        }
        let contents = &operation["requestBody"]["content"];
        let (content_type, body) = match &contents["application/json"]["examples"][name]["value"] {
            Value::Null => {
                let text = &contents["application/octet-stream"]["examples"][name]["value"];
                (None, text.as_str().unwrap_or_default().to_owned())
            }
            fields => (Some("application/json"), self.known_in(fields).to_string()),
        };
        let method = method.to_ascii_uppercase();
        let answer = if contents.is_null() {
            self.client.attempt(&method, &route, &headers, None, ())
        } else {
            self.client
                .attempt(&method, &route, &headers, content_type, body.as_str())
        };
        let (got, headers, body) = answer.unwrap();
        crate::harness::document::check(&method, &route, got, &headers, &body);
        let text = String::from_utf8_lossy(&body).into_owned();
        assert_eq!(u64::from(got), status, "{told}: {text}");
        let content = operation["responses"][&got.to_string()]["content"].as_object();
        let Some(content) = content else {
            assert!(body.is_empty(), "{told}: {text}");
            return;
        };
        let value = content
            .values()
            .map(|content| &content["examples"][name]["value"]);
        // What an archive is like is not told.
        let Some(expected) = value.into_iter().find(|value| !value.is_null()) else {
            return;
        };
        let got = match serde_json::from_slice::<Value>(&body) {
            Ok(json) => json,
            Err(_) => json!(text),
        };
        self.learn(expected, &got, &told);
    }

    /// The path with its query, and the headers of an example.
    fn target<'a>(
        &self,
        path: &str,
        operation: &'a Value,
        name: &str,
    ) -> (String, Vec<(&'a str, String)>) {
        let (mut route, mut query, mut headers) = (path.to_owned(), Vec::new(), Vec::new());
        for parameter in operation["parameters"].as_array().into_iter().flatten() {
            let key = parameter["name"].as_str().unwrap();
            let text = match self.known_in(&parameter["examples"][name]["value"]) {
                Value::Null => continue,
                Value::String(text) => text,
                other => other.to_string(),
            };
            match parameter["in"].as_str() {
                Some("path") => route = route.replace(&format!("{{{key}}}"), &text),
                Some("query") => query.push(format!("{key}={}", percent(&text))),
                _ => headers.push((key, text)),
            }
        }
        if !query.is_empty() {
            route = format!("{route}?{}", query.join("&"));
        }
        (route, headers)
    }

    /// A value with what the server gave in the place of what examples showed.
    fn known_in(&self, value: &Value) -> Value {
        match value {
            Value::Object(fields) => {
                let fields = fields.iter();
                Value::Object(
                    fields
                        .map(|(name, value)| (name.clone(), self.known_in(value)))
                        .collect(),
                )
            }
            Value::Array(values) => values.iter().map(|value| self.known_in(value)).collect(),
            other => self.known.get(&other.to_string()).unwrap_or(other).clone(),
        }
    }

    /// Compares an answer with the example. Where a server has values of its own (ids, tokens, moments), the first
    /// one to be seen stands for the example's from then on.
    fn learn(&mut self, expected: &Value, got: &Value, told: &str) {
        match (expected, got) {
            (Value::Object(expected), Value::Object(got)) => {
                let names =
                    |fields: &Map<String, Value>| fields.keys().cloned().collect::<Vec<_>>();
                assert_eq!(names(expected), names(got), "{told}");
                for (name, value) in expected {
                    self.learn(value, &got[name], &format!("{told} {name}"));
                }
            }
            (Value::Array(expected), Value::Array(got)) => {
                assert_eq!(expected.len(), got.len(), "{told}");
                for (expected, got) in expected.iter().zip(got) {
                    self.learn(expected, got, told);
                }
            }
            _ if is_of_the_server(expected) && is_of_the_server(got) => {
                let known = self
                    .known
                    .entry(expected.to_string())
                    .or_insert(got.clone());
                assert_eq!(known, got, "{told}");
            }
            _ => assert_eq!(expected, got, "{told}"),
        }
    }
}

/// Whether it is an id, a token or a moment.
fn is_of_the_server(value: &Value) -> bool {
    match value {
        Value::String(text) => {
            let parts: Vec<_> = text.split('-').map(str::len).collect();
            parts == [8, 4, 4, 4, 12] || text.len() == 43
        }
        Value::Number(number) => number
            .as_i64()
            .is_some_and(|number| number > 1_000_000_000_000),
        _ => false,
    }
}

/// The token that the examples show, as it stands among what is known.
fn sample_token() -> String {
    let login = &DOCUMENT["paths"]["/app/login"]["post"]["responses"]["200"];
    login["content"]["application/json"]["examples"]["login"]["value"]["token"].to_string()
}

fn get(client: &Client, path: &str) -> (u16, Vec<(String, String)>, Vec<u8>) {
    let exchange = client.attempt("GET", path, &[], None, ()).unwrap();
    crate::harness::document::check("GET", path, exchange.0, &exchange.1, &exchange.2);
    exchange
}
