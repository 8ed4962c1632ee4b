//! What every answer must be, whatever was asked.

use kms_api::inprocess::Reply;
use kms_domain::codes::Code;
use serde_json::Value;

/// An answer whose form has been checked.
#[derive(Clone, Debug)]
pub(crate) struct Checked {
    pub(crate) code: u16,
    pub(crate) json: Value,
    pub(crate) reply: Reply,
}

impl Checked {
    /// Fails on what no answer may be: a fault of the server, or another form than the route has.
    pub(crate) fn new(target: &str, reply: Reply) -> Self {
        assert!(reply.status < 500, "{target}: {reply:?}");
        assert_eq!(reply.header("x-content-type-options"), Some("nosniff"));
        assert!(reply.header("content-security-policy").is_some());
        let plain = target.starts_with("/api/v1");
        let is_content = plain && matches!(reply.status, 200 | 204 | 206 | 304);
        let json = if is_content {
            Value::Null
        } else {
            serde_json::from_slice(&reply.body).expect("JSON")
        };
        let code = match (plain, reply.status) {
            (true, 200 | 206 | 304) => 140,
            (true, 204) => Code::Done.number(),
            (true, 201) => Code::FileStored.number(),
            _ => json["code"].as_u64().expect("a code") as u16,
        };
        if !plain {
            let row = Code::ALL.iter().find(|row| row.number() == code);
            let row = row.expect("a code of the table");
            assert_eq!(reply.status, row.status(), "{reply:?}");
            assert_eq!(json["done"], row.done(), "{reply:?}");
            assert_eq!(json["msg"], row.message(), "{reply:?}");
        }
        Self { code, json, reply }
    }

    /// Whether it says that something was done.
    pub(crate) fn is_success(&self) -> bool {
        match self.json["done"].as_bool() {
            Some(done) => done,
            None => self.reply.status < 400,
        }
    }

    pub(crate) fn texts(&self, list: &str) -> Vec<String> {
        let list = self.json[list].as_array().expect("a list");
        list.iter()
            .map(|text| text.as_str().expect("a text").to_owned())
            .collect()
    }
}
