//! Pages of other origins. A19.

use serde_json::json;

use crate::harness::data::new_phone;
use crate::harness::{Answer, Client, Reply, Server};

const OURS: &str = "https://kms.example.com";
const DEV: &str = "http://localhost:5173";
const LIST: (&str, &str) = (
    "KMS_CORS_ORIGINS",
    "https://kms.example.com, http://localhost:5173",
);
const STRANGERS: [&str; 6] = [
    "https://evil.example",
    "http://kms.example.com",
    "https://kms.example.com:8443",
    "https://kms.example.com.evil.example",
    "null",
    "*",
];

/// An answer, with what it says about origins set aside.
struct Told {
    status: u16,
    cors: Vec<(String, String)>,
    headers: Vec<(String, String)>,
    body: Vec<u8>,
}

impl Told {
    #[track_caller]
    fn by(client: &Client, method: &str, path: &str, headers: &[(&str, &str)], body: &str) -> Self {
        let sent = client.attempt(method, path, headers, None, body.as_bytes());
        let (status, all, body) = sent.unwrap();
        let (cors, headers) = all
            .into_iter()
            .partition(|(name, _)| name.starts_with("access-control-"));
        Self {
            status,
            cors,
            headers,
            body,
        }
    }

    fn cors(&self, name: &str) -> Option<&str> {
        let mut found = self.cors.iter().filter(|(key, _)| key == name);
        let first = found.next().map(|(_, value)| value.as_str());
        assert!(found.next().is_none(), "{name} twice");
        first
    }

    fn header(&self, name: &str) -> Option<&str> {
        let mut found = self.headers.iter().filter(|(key, _)| key == name);
        found.next().map(|(_, value)| value.as_str())
    }

    /// Fails unless pages of `origin`, and no others, may read it.
    #[track_caller]
    fn is_for(&self, origin: &str) {
        assert_eq!(self.cors("access-control-allow-origin"), Some(origin));
        assert_eq!(self.cors("access-control-allow-credentials"), None);
        assert_eq!(self.header("vary"), Some("origin"));
        let exposed = self.cors("access-control-expose-headers").unwrap();
        for name in [
            "x-request-id",
            "content-range",
            "etag",
            "content-disposition",
            "retry-after",
            "accept-ranges",
            "location",
        ] {
            assert!(exposed.split(", ").any(|one| one == name), "{name}");
        }
    }

    #[track_caller]
    fn is_for_nobody(&self) {
        assert_eq!(self.cors, [], "{} {:?}", self.status, self.headers);
    }

    /// The rest of it, checked like every other answer.
    #[track_caller]
    fn answer(self) -> Answer {
        Answer::new(self.status, self.headers, self.body)
    }

    #[track_caller]
    fn reply(self) -> Reply {
        Reply::new(self.status, self.headers, self.body)
    }
}

fn preflight(client: &Client, path: &str, origin: &str) -> Told {
    let headers = [
        ("Origin", origin),
        ("Access-Control-Request-Method", "POST"),
        (
            "Access-Control-Request-Headers",
            "authorization,content-type",
        ),
    ];
    Told::by(client, "OPTIONS", path, &headers, "")
}

/// A19. As it comes, no page of another origin may read anything, nor ask.
#[test]
fn a19_without_a_list_nothing_is_said_about_origins() {
    let server = Server::start();
    let client = server.client();
    let told = preflight(&client, "/app/login", OURS);
    told.is_for_nobody();
    assert_eq!(told.header("vary"), None);
    told.answer().expect_bare(10);
    let body = json!({"phone": new_phone()}).to_string();
    let origin = [("Origin", OURS)];
    let told = Told::by(&client, "POST", "/app/register/testphone", &origin, &body);
    told.is_for_nobody();
    assert_eq!(told.header("vary"), None);
    told.answer().expect_bare(102);
}

/// A19.
#[test]
fn a19_a_preflight_of_a_listed_origin_is_told_what_the_route_takes() {
    let server = Server::with(&[LIST]);
    let client = server.client();
    for (path, methods) in [
        ("/app/login", "POST"),
        ("/app/user/upload", "POST"),
        ("/api/v1/files", "GET, POST"),
        ("/api/v1/files/x", "DELETE, GET, PATCH"),
        ("/api/v1/files/x/content", "GET, HEAD"),
    ] {
        for origin in [OURS, DEV] {
            let told = preflight(&client, path, origin);
            assert_eq!((told.status, told.body.as_slice()), (204, b"".as_slice()));
            told.is_for(origin);
            assert_eq!(told.cors("access-control-allow-methods"), Some(methods));
            assert_eq!(told.cors("access-control-max-age"), Some("7200"));
            let allowed = told.cors("access-control-allow-headers").unwrap();
            for name in [
                "authorization",
                "content-type",
                "range",
                "if-range",
                "if-none-match",
            ] {
                assert!(allowed.split(", ").any(|one| one == name), "{name}");
            }
            for (name, value) in [
                ("x-content-type-options", "nosniff"),
                ("cache-control", "no-store"),
            ] {
                assert_eq!(told.header(name), Some(value));
            }
            assert!(told.header("x-request-id").is_some());
            assert!(told.header("content-security-policy").is_some());
        }
    }
}

/// A19.
#[test]
fn a19_an_origin_that_is_not_listed_is_told_nothing() {
    let server = Server::with(&[LIST]);
    let client = server.client();
    for origin in STRANGERS {
        let told = preflight(&client, "/app/login", origin);
        told.is_for_nobody();
        told.answer().expect_bare(10);
        let told = preflight(&client, "/api/v1/files", origin);
        told.is_for_nobody();
        told.reply().expect_problem(405, 10);
        let body = json!({"phone": new_phone()}).to_string();
        let origin = [("Origin", origin)];
        let told = Told::by(&client, "POST", "/app/register/testphone", &origin, &body);
        told.is_for_nobody();
        // A cache must not give this one to a page that may read it.
        assert_eq!(told.header("vary"), Some("origin"));
        told.answer().expect_bare(102);
    }
}

/// A19.
#[test]
fn a19_only_a_preflight_of_a_known_route_is_one() {
    let server = Server::with(&[LIST]);
    let client = server.client();
    let told = preflight(&client, "/app/unknown", OURS);
    told.is_for(OURS);
    told.answer().expect_bare(2);
    let told = preflight(&client, "/api/v1/unknown", OURS);
    told.is_for(OURS);
    told.reply().expect_problem(404, 2);
    // Without the question there is no preflight, and with another method neither.
    let told = Told::by(&client, "OPTIONS", "/app/login", &[("Origin", OURS)], "");
    told.is_for(OURS);
    let answer = told.answer().expect_bare(10);
    assert_eq!(answer.header("allow"), Some("POST"));
    let asked = [("Origin", OURS), ("Access-Control-Request-Method", "POST")];
    let told = Told::by(&client, "PUT", "/app/login", &asked, "");
    told.answer().expect_bare(10);
}

/// A19. A page that may ask must be able to read why it was refused.
#[test]
fn a19_answers_and_refusals_of_every_kind_are_for_the_listed_origin_that_asks() {
    let server = Server::with(&[LIST, ("KMS_THROTTLE_LOGIN_FREE", "0")]);
    let user = server.new_user();
    let client = &user.client;
    let post = |path: &str, body: serde_json::Value| {
        let told = Told::by(client, "POST", path, &[("Origin", DEV)], &body.to_string());
        told.is_for(DEV);
        told.answer()
    };
    post("/app/user/info", user.signed(json!({}))).expect_code(0);
    post("/app/user/info", json!({})).expect_bare(4);
    post("/app/user/info", json!({"token": "x"})).expect_bare(3);
    post("/app/login", json!({"phone": 5})).expect_bare(1);
    let wrong = json!({"phone": user.person.phone, "password": "wrong one"});
    post("/app/login", wrong.clone()).expect_bare(112);
    let throttled = post("/app/login", wrong).expect_bare(7);
    assert!(throttled.header("retry-after").is_some());

    let bearer = format!("Bearer {}", user.token);
    let fid = user.upload("a", b"0123456789").expect_code(130).fid();
    let content = format!("/api/v1/files/{fid}/content");
    for (more, status) in [
        (("Range", "bytes=2-3"), 206),
        (("Range", "bytes=50-"), 416),
        (("Accept", "*/*"), 200),
    ] {
        let headers = [("Origin", OURS), ("Authorization", bearer.as_str()), more];
        let told = Told::by(client, "GET", &content, &headers, "");
        told.is_for(OURS);
        let reply = told.reply().expect_status(status);
        let etag = reply.header("etag").unwrap_or_default().to_owned();
        if status == 200 {
            let headers = [headers[0], headers[1], ("If-None-Match", etag.as_str())];
            let told = Told::by(client, "GET", &content, &headers, "");
            told.is_for(OURS);
            told.reply().expect_status(304);
        }
    }
    let told = Told::by(client, "GET", &content, &[("Origin", OURS)], "");
    told.is_for(OURS);
    told.reply().expect_problem(401, 4);
    // Who names no origin is no page, and is told nothing about origins.
    let told = Told::by(client, "POST", "/app/user/info", &[], "{}");
    told.is_for_nobody();
    assert_eq!(told.header("vary"), Some("origin"));
}
