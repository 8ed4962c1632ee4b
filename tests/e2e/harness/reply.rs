//! An answer of `/api/v1`, which is plain HTTP and knows no envelope.

use std::fmt;

use serde_json::Value;

use super::{Client, User};

/// An answer that has passed the checks which hold for all of them.
#[derive(Clone)]
pub(crate) struct Reply {
    pub(crate) status: u16,
    /// Names in lower case.
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: Vec<u8>,
}

impl Reply {
    #[track_caller]
    pub(crate) fn new(status: u16, headers: Vec<(String, String)>, body: Vec<u8>) -> Self {
        let reply = Self {
            status,
            headers,
            body,
        };
        assert_eq!(reply.header("x-content-type-options"), Some("nosniff"));
        assert_eq!(reply.header("referrer-policy"), Some("no-referrer"));
        assert!(
            reply
                .header("x-request-id")
                .is_some_and(|id| !id.is_empty()),
            "no request id: {reply:?}"
        );
        if !matches!(status, 200 | 204 | 206 | 304) {
            let media_type = reply.header("content-type").unwrap_or_default();
            let is_json = matches!(
                media_type,
                "application/json; charset=utf-8" | "application/problem+json"
            );
            assert!(is_json, "no JSON: {reply:?}");
        }
        for name in ["server", "access-control-allow-origin"] {
            assert_eq!(reply.header(name), None, "{reply:?}");
        }
        let is_object = reply.header("content-type") == Some("application/json; charset=utf-8");
        // A 304 stands for bytes if its tag is a SHA-256, and else for the object with a shorter one.
        let of_object = status == 304 && reply.header("etag").is_some_and(|tag| tag.len() == 34);
        let bytes = matches!(status, 200 | 206 | 304) && !is_object && !of_object;
        let (cache, sandbox) = if bytes {
            ("private, no-cache", " sandbox;")
        } else {
            ("no-store", "")
        };
        let policy = format!(
            "default-src 'none';{sandbox} frame-ancestors 'none'; base-uri 'none'; form-action 'none'"
        );
        assert_eq!(reply.header("cache-control"), Some(cache), "{reply:?}");
        let found = reply.header("content-security-policy");
        assert_eq!(found, Some(policy.as_str()), "{reply:?}");
        reply
    }

    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        let mut found = self.headers.iter().filter(|(key, _)| key == name);
        let first = found.next().map(|(_, value)| value.as_str());
        assert!(found.next().is_none(), "{name} twice: {self:?}");
        first
    }

    #[track_caller]
    pub(crate) fn expect_status(self, status: u16) -> Self {
        assert_eq!(self.status, status, "{self:?}");
        self
    }

    #[track_caller]
    pub(crate) fn json(&self) -> Value {
        match serde_json::from_slice(&self.body) {
            Ok(json) => json,
            Err(error) => panic!("the body is no JSON ({error}): {self:?}"),
        }
    }

    /// Fails unless the answer is a problem with this status and code.
    #[track_caller]
    pub(crate) fn expect_problem(self, status: u16, code: u64) -> Self {
        assert_eq!(self.status, status, "{self:?}");
        let media_type = self.header("content-type");
        assert_eq!(media_type, Some("application/problem+json"), "{self:?}");
        let json = self.json();
        assert_eq!(json["type"], "about:blank", "{self:?}");
        assert_eq!(json["status"], status, "{self:?}");
        assert_eq!(json["code"], code, "{self:?}");
        assert!(
            json["title"]
                .as_str()
                .is_some_and(|title| !title.is_empty())
        );
        let known = ["type", "title", "status", "code", "detail"];
        let fields = json.as_object().unwrap();
        assert!(
            fields.keys().all(|field| known.contains(&field.as_str())),
            "{self:?}"
        );
        match status {
            401 => assert!(
                self.header("www-authenticate")
                    .unwrap()
                    .starts_with("Bearer")
            ),
            _ => assert_eq!(self.header("www-authenticate"), None, "{self:?}"),
        }
        self
    }
}

impl fmt::Debug for Reply {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let begin = &self.body[..self.body.len().min(500)];
        write!(
            f,
            "{} {:?} {}",
            self.status,
            self.headers,
            String::from_utf8_lossy(begin)
        )
    }
}

/// Where the content of an entry is.
pub(crate) fn content_of(fid: &str) -> String {
    format!("/api/v1/files/{fid}/content")
}

/// Where an entry is.
pub(crate) fn entry_of(fid: &str) -> String {
    format!("/api/v1/files/{fid}")
}

impl User {
    /// The value of `Authorization`.
    pub(crate) fn bearer(&self) -> String {
        format!("Bearer {}", self.token)
    }

    /// Sends a request of `/api/v1` with the token.
    #[track_caller]
    pub(crate) fn fetch(
        &self,
        method: &str,
        route: &str,
        headers: &[(&str, &str)],
        payload: impl ureq::AsSendBody,
    ) -> Reply {
        let bearer = self.bearer();
        let mut all = vec![("Authorization", bearer.as_str())];
        all.extend_from_slice(headers);
        self.client.fetch(method, route, &all, payload)
    }

    /// Sends a JSON object below `/api/v1` with the token.
    #[track_caller]
    pub(crate) fn send(&self, method: &str, path: &str, object: &Value) -> Reply {
        let text = object.to_string();
        self.fetch(method, &format!("/api/v1{path}"), &[], text.as_str())
    }

    /// Asks for something below `/api/v1`.
    #[track_caller]
    pub(crate) fn get(&self, path: &str) -> Reply {
        self.fetch("GET", &format!("/api/v1{path}"), &[], ())
    }

    /// Stores `bytes` with this query.
    #[track_caller]
    pub(crate) fn create(&self, query: &str, bytes: &[u8]) -> Reply {
        self.fetch("POST", &format!("/api/v1/files?{query}"), &[], bytes)
    }

    /// Asks for an entry to be deleted.
    #[track_caller]
    pub(crate) fn delete(&self, fid: &str) -> Reply {
        self.fetch("DELETE", &entry_of(fid), &[], ())
    }

    /// Asks for the content of an entry.
    #[track_caller]
    pub(crate) fn content(&self, fid: &str, headers: &[(&str, &str)]) -> Reply {
        self.fetch("GET", &content_of(fid), headers, ())
    }
}

impl Client {
    /// Sends a JSON object below `/api/v1` as a stranger.
    #[track_caller]
    pub(crate) fn send_object(&self, method: &str, path: &str, object: &Value) -> Reply {
        let text = object.to_string();
        self.fetch(method, &format!("/api/v1{path}"), &[], text.as_str())
    }

    /// Asks for the content of an entry as a stranger.
    #[track_caller]
    pub(crate) fn content(&self, fid: &str, headers: &[(&str, &str)]) -> Reply {
        self.fetch("GET", &content_of(fid), headers, ())
    }
}
