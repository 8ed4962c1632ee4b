//! A client that has not signed in, on an HTTP library that knows nothing of us.

use std::collections::BTreeSet;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use super::document;
use super::wait::BOUND;
use super::{Answer, Encoded, Format, Person, Reply, User};

/// Where a server is. Clients share it with their server, so they find it again after a restart.
#[derive(Debug)]
pub(crate) struct Place {
    pub(crate) address: Mutex<SocketAddr>,
    /// Every code that the server has answered to its clients.
    pub(crate) codes: Mutex<BTreeSet<u64>>,
}

/// Status, headers with names in lower case, and body of an answer.
pub(crate) type Exchange = (u16, Vec<(String, String)>, Vec<u8>);

#[derive(Clone, Debug)]
pub(crate) struct Client {
    place: Arc<Place>,
    agent: ureq::Agent,
}

impl Client {
    pub(crate) fn new(place: Arc<Place>) -> Self {
        let agent = ureq::Agent::config_builder()
            .http_status_as_error(false)
            .allow_non_standard_methods(true)
            .max_redirects(0)
            // A connection for each request: whether one can be used again is a test of its own.
            .max_idle_connections(0)
            .timeout_global(Some(BOUND))
            .build()
            .new_agent();
        Self { place, agent }
    }

    pub(crate) fn address(&self) -> SocketAddr {
        *self.place.address.lock().unwrap()
    }

    /// Sends a request. `headers` come first, then the body's type.
    #[track_caller]
    pub(crate) fn send(
        &self,
        method: &str,
        route: &str,
        headers: &[(&str, &str)],
        body: &Encoded,
    ) -> Answer {
        self.send_as(method, route, headers, body, &body.bytes)
    }

    /// A GET without a body.
    #[track_caller]
    pub(crate) fn get(&self, route: &str) -> Answer {
        self.send("GET", route, &[], &Encoded::raw(None, ""))
    }

    /// As [`Self::send`], in chunks and without a Content-Length.
    #[track_caller]
    pub(crate) fn send_chunked(&self, route: &str, body: &Encoded) -> Answer {
        let mut reader = body.bytes.as_slice();
        let chunked = ureq::SendBody::from_reader(&mut reader);
        self.send_as("POST", route, &[], body, chunked)
    }

    #[track_caller]
    fn send_as(
        &self,
        method: &str,
        route: &str,
        headers: &[(&str, &str)],
        body: &Encoded,
        payload: impl ureq::AsSendBody,
    ) -> Answer {
        let (status, headers, bytes) = self.exchange(
            method,
            route,
            headers,
            body.content_type.as_deref(),
            payload,
        );
        if method == "HEAD" {
            return Answer::without_body(status, headers);
        }
        let answer = Answer::new(status, headers, bytes);
        if method == "POST" && answer.json["done"] == true {
            document::check_request(route, body);
        }
        self.place.codes.lock().unwrap().insert(answer.code());
        answer
    }

    /// Sends a request whose answer is not the contract's.
    #[track_caller]
    pub(crate) fn fetch(
        &self,
        method: &str,
        route: &str,
        headers: &[(&str, &str)],
        payload: impl ureq::AsSendBody,
    ) -> Reply {
        let (status, headers, body) = self.exchange(method, route, headers, None, payload);
        Reply::new(status, headers, body)
    }

    #[track_caller]
    fn exchange(
        &self,
        method: &str,
        route: &str,
        headers: &[(&str, &str)],
        content_type: Option<&str>,
        payload: impl ureq::AsSendBody,
    ) -> Exchange {
        match self.attempt(method, route, headers, content_type, payload) {
            Ok((status, headers, body)) => {
                document::check(method, route, status, &headers, &body);
                (status, headers, body)
            }
            Err(error) => panic!("{method} {route}: {error}"),
        }
    }

    /// Sends a request to a server that may be gone before it has answered whole.
    pub(crate) fn attempt(
        &self,
        method: &str,
        route: &str,
        headers: &[(&str, &str)],
        content_type: Option<&str>,
        payload: impl ureq::AsSendBody,
    ) -> Result<Exchange, ureq::Error> {
        let url = format!("http://{}{route}", self.address());
        let mut request = ureq::http::Request::builder().method(method).uri(url);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        if let Some(content_type) = content_type {
            request = request.header("Content-Type", content_type);
        }
        let mut response = self.agent.run(request.body(payload).unwrap())?;
        let headers = response
            .headers()
            .iter()
            .map(|(name, value)| (name.to_string(), value.to_str().unwrap().to_owned()))
            .collect();
        let status = response.status().as_u16();
        if method == "HEAD" {
            return Ok((status, headers, Vec::new()));
        }
        let bytes = response
            .body_mut()
            .with_config()
            .limit(u64::MAX)
            .read_to_vec()?;
        Ok((status, headers, bytes))
    }

    /// Sends a JSON object.
    #[track_caller]
    pub(crate) fn post(&self, route: &str, fields: Value) -> Answer {
        self.post_as(Format::Json, route, &fields, None)
    }

    /// Sends fields, and a file among them, in some format.
    #[track_caller]
    pub(crate) fn post_as(
        &self,
        format: Format,
        route: &str,
        fields: &Value,
        data: Option<&[u8]>,
    ) -> Answer {
        self.send("POST", route, &[], &Encoded::new(format, fields, data))
    }

    /// Sends bytes as JSON, whatever they are.
    #[track_caller]
    pub(crate) fn post_raw(&self, route: &str, bytes: impl Into<Vec<u8>>) -> Answer {
        let body = Encoded::raw(Some("application/json"), bytes);
        self.send("POST", route, &[], &body)
    }

    #[track_caller]
    pub(crate) fn register(&self, person: &Person) -> Answer {
        self.post("/app/register", person.fields())
    }

    #[track_caller]
    pub(crate) fn login(&self, phone: &str, password: &str) -> Answer {
        self.post("/app/login", json!({"phone": phone, "password": password}))
    }

    #[track_caller]
    pub(crate) fn test_phone(&self, phone: &str) -> Answer {
        self.post("/app/register/testphone", json!({"phone": phone}))
    }

    /// Somebody new, registered and signed in.
    #[track_caller]
    pub(crate) fn new_user(&self) -> User {
        let person = Person::new();
        self.register(&person).expect_bare(100);
        self.sign_in(&person)
    }

    /// One more session of somebody.
    #[track_caller]
    pub(crate) fn sign_in(&self, person: &Person) -> User {
        let answer = self.login(&person.phone, &person.password).expect_code(110);
        User::new(self.clone(), person.clone(), answer.text("token"))
    }
}

/// base64 as the server writes it.
pub(crate) fn base64(bytes: &[u8]) -> String {
    STANDARD.encode(bytes)
}
