//! Fields and a file as a body, in each of the three formats.

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, STANDARD_NO_PAD, URL_SAFE};
use serde_json::Value;

use super::dice::Dice;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Format {
    Json,
    Form,
    Multipart,
}

/// The fields of a request, and its file.
#[derive(Clone, Debug, Default)]
pub(crate) struct Body {
    pub(crate) fields: Vec<(&'static str, Value)>,
    pub(crate) data: Option<Vec<u8>>,
}

impl Body {
    pub(crate) fn with(mut self, name: &'static str, value: impl Into<Value>) -> Self {
        self.fields.push((name, value.into()));
        self
    }

    /// The body's type and bytes; the file at some place among the fields.
    pub(crate) fn encode(&self, format: Format, dice: &mut Dice<'_>) -> (Vec<u8>, Vec<u8>) {
        let mut fields = self.fields.clone();
        if !fields.is_empty() {
            let first = dice.below(fields.len());
            fields.rotate_left(first);
        }
        let place = dice.below(fields.len() + 1);
        match format {
            Format::Json => (
                b"application/json".to_vec(),
                self.json(&fields, place, dice),
            ),
            Format::Form => (
                b"application/x-www-form-urlencoded".to_vec(),
                self.form(&fields, place),
            ),
            Format::Multipart => (
                b"multipart/form-data; boundary=XX".to_vec(),
                self.multipart(&fields, place),
            ),
        }
    }

    fn json(&self, fields: &[(&str, Value)], place: usize, dice: &mut Dice<'_>) -> Vec<u8> {
        let mut parts: Vec<_> = fields
            .iter()
            .map(|(name, value)| format!("\"{name}\":{value}"))
            .collect();
        if let Some(data) = &self.data {
            let text = match dice.byte() % 4 {
                0 => STANDARD.encode(data),
                1 => STANDARD_NO_PAD.encode(data),
                2 => URL_SAFE.encode(data),
                _ => format!("data:image/png;base64,{}", STANDARD.encode(data)),
            };
            parts.insert(place, format!("\"data\":\"{text}\""));
        }
        format!("{{{}}}", parts.join(",")).into_bytes()
    }

    fn form(&self, fields: &[(&str, Value)], place: usize) -> Vec<u8> {
        let mut parts: Vec<_> = fields
            .iter()
            .map(|(name, value)| format!("{name}={}", percent(text(value).as_bytes())))
            .collect();
        if let Some(data) = &self.data {
            let text = STANDARD.encode(data).replace('+', "%2B");
            parts.insert(place, format!("data={text}"));
        }
        parts.join("&").into_bytes()
    }

    fn multipart(&self, fields: &[(&str, Value)], place: usize) -> Vec<u8> {
        let part = |name: &str, bytes: &[u8]| {
            let head = format!("--XX\r\nContent-Disposition: form-data; name=\"{name}\"\r\n\r\n");
            [head.as_bytes(), bytes, b"\r\n"].concat()
        };
        let mut parts: Vec<_> = fields
            .iter()
            .map(|(name, value)| part(name, text(value).as_bytes()))
            .collect();
        if let Some(data) = &self.data {
            parts.insert(place, part("data", data));
        }
        parts.push(b"--XX--\r\n".to_vec());
        parts.concat()
    }
}

fn text(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}

pub(crate) fn percent(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("%{byte:02X}")).collect()
}
