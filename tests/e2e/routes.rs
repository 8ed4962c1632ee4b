//! Paths and methods.

use kms_api::endpoints;
use serde_json::json;

use crate::harness::wire::head;
use crate::harness::{Encoded, Server, Wire, contract_paths};

/// The methods of a route, which is POST alone nearly everywhere.
fn methods(route: &str) -> &'static str {
    let methods = endpoints()
        .find(|known| known.path == route)
        .unwrap()
        .methods;
    let expected = if route == "/app/see" {
        "GET, POST"
    } else {
        "POST"
    };
    assert_eq!(methods, expected, "{route}");
    methods
}

#[test]
fn an_unknown_path_is_not_found_whatever_the_method() {
    let server = Server::start();
    let client = server.client();
    for path in [
        "/",
        "/app",
        "/app/",
        "/app/user",
        "/app/login/",
        "/app/login/x",
        "/app//login",
        "//app/login",
        "/APP/LOGIN",
        "/app/Login",
        "/app/user/%2e%2e/login",
        "/app/user/../login",
        "/app/user/upload/../info",
        "/app%2flogin",
        "/app/login%00",
        "/app/login;x=1",
        "/app/login%20",
        "/app/%6cogin/x",
        "/favicon.ico",
        "/.git/config",
        "/app/user/getfile/..%2f..%2fetc%2fpasswd",
        "/%ff",
        "/app/%e7%94%a8%e6%88%b7",
    ] {
        for method in ["POST", "GET", "DELETE"] {
            let mut wire = Wire::to(&client);
            wire.send(head(method, path, &[("Content-Length", "2")]));
            wire.send("{}");
            let answer = wire.answer();
            assert_eq!(answer.code(), 2, "{method} {path}");
        }
    }
}

#[test]
fn a_query_changes_nothing() {
    let server = Server::start();
    let user = server.new_user();
    user.post("/app/user/info?token=x&y", json!({}))
        .expect_code(0);
    user.client
        .post(&format!("/app/user/info?token={}", user.token), json!({}))
        .expect_bare(4);
}

#[test]
fn a_known_route_knows_no_method_but_its_own() {
    let server = Server::start();
    let client = server.client();
    for route in contract_paths() {
        let known = methods(route);
        for method in ["GET", "PUT", "DELETE", "PATCH", "OPTIONS", "TRACE", "BREW"] {
            if known.contains(method) {
                continue;
            }
            let body = Encoded::raw(None, "");
            let answer = client.send(method, route, &[], &body).expect_bare(10);
            assert_eq!(answer.header("allow"), Some(known), "{method} {route}");
        }
    }
}

#[test]
fn head_is_answered_with_headers_alone() {
    let server = Server::start();
    let client = server.client();
    let body = Encoded::raw(None, "");
    for route in contract_paths() {
        let answer = client.send("HEAD", route, &[], &body);
        assert_eq!(answer.status, 405);
        assert_eq!(answer.header("allow"), Some(methods(route)));
    }
    assert_eq!(client.send("HEAD", "/unknown", &[], &body).status, 404);
}

#[test]
fn a_connection_can_be_used_again_after_a_wrong_method_or_says_that_it_cannot() {
    let server = Server::start();
    let user = server.new_user();
    let body = user.signed(json!({})).to_string();
    let length = body.len().to_string();
    for (method, path, code) in [("PUT", "/app/user/info", 10), ("POST", "/unknown", 2)] {
        let mut wire = Wire::to(&user.client);
        wire.send(head(method, path, &[("Content-Length", &length)]));
        wire.send(&body);
        if !wire.answer().expect_bare(code).closes() {
            wire.send(crate::harness::wire::post("/app/user/info", &body));
            wire.answer().expect_code(0);
        }
        // The same for a body that comes only after the answer.
        let mut wire = Wire::to(&user.client);
        wire.send(head(method, path, &[("Content-Length", &length)]));
        if !wire.answer().expect_bare(code).closes() {
            wire.send(&body);
            wire.send(crate::harness::wire::post("/app/user/info", &body));
            wire.answer().expect_code(0);
        }
    }
}

#[test]
fn every_request_has_an_id_of_its_own() {
    let server = Server::start();
    let client = server.client();
    let mut ids: Vec<_> = (0..50)
        .map(|_| {
            let answer = client.test_phone("13800138000");
            answer.header("x-request-id").unwrap().to_owned()
        })
        .collect();
    ids.sort_unstable();
    ids.dedup();
    assert_eq!(ids.len(), 50);
}

#[test]
fn a_request_id_of_the_client_is_not_repeated() {
    let server = Server::start();
    let client = server.client();
    let body = Encoded::raw(None, r#"{"phone":"13800138000"}"#);
    let headers = [("X-Request-Id", "mine")];
    let answer = client.send("POST", "/app/register/testphone", &headers, &body);
    assert_ne!(answer.header("x-request-id"), Some("mine"));
}
