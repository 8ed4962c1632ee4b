//! The three formats that carry the same fields.

use std::fmt::Write as _;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::Value;

const BOUNDARY: &str = "----kms-e2e-4f1c0b77";

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Format {
    Json,
    Form,
    Multipart,
}

impl Format {
    pub(crate) const ALL: [Self; 3] = [Self::Json, Self::Form, Self::Multipart];
}

/// A body with its Content-Type.
#[derive(Clone, Debug)]
pub(crate) struct Encoded {
    pub(crate) content_type: Option<String>,
    pub(crate) bytes: Vec<u8>,
}

impl Encoded {
    /// The fields of a JSON object in their order, and after them `data`.
    pub(crate) fn new(format: Format, fields: &Value, data: Option<&[u8]>) -> Self {
        match format {
            Format::Json => Self::json(fields, data),
            Format::Form => Self::form(fields, data),
            Format::Multipart => Self::multipart(fields, data),
        }
    }

    /// Bytes under a Content-Type, or under none.
    pub(crate) fn raw(content_type: Option<&str>, bytes: impl Into<Vec<u8>>) -> Self {
        Self {
            content_type: content_type.map(str::to_owned),
            bytes: bytes.into(),
        }
    }

    fn json(fields: &Value, data: Option<&[u8]>) -> Self {
        let mut fields = fields.clone();
        if let Some(data) = data {
            fields["data"] = STANDARD.encode(data).into();
        }
        Self::raw(Some("application/json"), fields.to_string())
    }

    fn form(fields: &Value, data: Option<&[u8]>) -> Self {
        let mut pairs: Vec<_> = texts(fields)
            .map(|(name, text)| format!("{}={}", percent(name), percent(&text)))
            .collect();
        if let Some(data) = data {
            pairs.push(format!("data={}", percent(&STANDARD.encode(data))));
        }
        Self::raw(
            Some("application/x-www-form-urlencoded; charset=UTF-8"),
            pairs.join("&"),
        )
    }

    fn multipart(fields: &Value, data: Option<&[u8]>) -> Self {
        let mut bytes = Vec::new();
        for (name, text) in texts(fields) {
            let head = format!(
                "--{BOUNDARY}\r\nContent-Disposition: form-data; name=\"{name}\"\r\n\r\n{text}\r\n"
            );
            bytes.extend_from_slice(head.as_bytes());
        }
        if let Some(data) = data {
            bytes.extend_from_slice(multipart_file_head().as_bytes());
            bytes.extend_from_slice(data);
            bytes.extend_from_slice(b"\r\n");
        }
        bytes.extend_from_slice(format!("--{BOUNDARY}--\r\n").as_bytes());
        Self::raw(Some(&multipart_type()), bytes)
    }
}

/// The Content-Type of a multipart body.
pub(crate) fn multipart_type() -> String {
    format!("multipart/form-data; boundary={BOUNDARY}")
}

/// What stands in front of the raw bytes of a file.
pub(crate) fn multipart_file_head() -> String {
    format!(
        "--{BOUNDARY}\r\nContent-Disposition: form-data; name=\"data\"; filename=\"a.bin\"\r\n\
         Content-Type: application/octet-stream\r\n\r\n"
    )
}

/// Formats without types know texts only, and no `null`.
fn texts(fields: &Value) -> impl Iterator<Item = (&str, String)> {
    fields
        .as_object()
        .unwrap()
        .iter()
        .filter(|(_, value)| !value.is_null())
        .map(|(name, value)| {
            let text = match value {
                Value::String(text) => text.clone(),
                other => other.to_string(),
            };
            (name.as_str(), text)
        })
}

/// Everything but letters and digits escaped.
pub(crate) fn percent(text: &str) -> String {
    let mut out = String::with_capacity(text.len() * 2);
    for byte in text.bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' => out.push(char::from(byte)),
            _ => write!(out, "%{byte:02X}").unwrap(),
        }
    }
    out
}
