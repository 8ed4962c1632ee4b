//! What the parsers are compared with, written for plainness and not for speed or memory.

use std::fmt;

use serde::de::{Deserialize, Deserializer, MapAccess, SeqAccess, Visitor};

use super::super::{Fields, Known, MAX_DEPTH, MAX_NUMBER, MAX_TEXT, Shape, Value};

const STANDARD: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

/// Encodes with padding.
pub fn encode(bytes: &[u8], url_safe: bool) -> String {
    let mut text = String::new();
    for group in bytes.chunks(3) {
        let mut bits = 0u32;
        for i in 0..3 {
            bits = (bits << 8) | u32::from(group.get(i).copied().unwrap_or(0));
        }
        for i in 0..4 {
            let symbol = STANDARD[(bits >> (18 - 6 * i)) as usize & 63];
            text.push(match symbol {
                _ if i > group.len() => '=',
                b'+' if url_safe => '-',
                b'/' if url_safe => '_',
                symbol => symbol.into(),
            });
        }
    }
    text
}

/// Decodes a whole text by the rules of `Base64Stream`.
pub fn decode(text: &[u8]) -> Option<Vec<u8>> {
    let mut body = text;
    if text.len() >= 5 && text[..5].eq_ignore_ascii_case(b"data:") {
        let comma = text.iter().position(|byte| *byte == b',')?;
        let head = std::str::from_utf8(&text[5..comma]).ok()?;
        let middle = head.len().checked_sub(7)?;
        let good = head.is_char_boundary(middle)
            && head[middle..].eq_ignore_ascii_case(";base64")
            && middle <= 255
            && !head[..middle].contains('\0');
        body = good.then(|| &text[comma + 1..])?;
    }
    let mut symbols: Vec<u8> = body
        .iter()
        .copied()
        .filter(|byte| !b"\r\n\t".contains(byte))
        .collect();
    let has = |wanted: &[u8]| symbols.iter().any(|symbol| wanted.contains(symbol));
    if has(b"+/") && has(b"-_") {
        return None;
    }
    let padded = has(b"=");
    if padded {
        if !symbols.len().is_multiple_of(4) {
            return None;
        }
        for _ in 0..2 {
            symbols.pop_if(|symbol| *symbol == b'=');
        }
    }
    let mut out = Vec::new();
    for group in symbols.chunks(4) {
        let mut bits = 0u32;
        for symbol in group {
            let symbol = match symbol {
                b'-' => b'+',
                b'_' => b'/',
                symbol => *symbol,
            };
            let value = STANDARD.iter().position(|known| *known == symbol)?;
            bits = (bits << 6) | value as u32;
        }
        let bytes = match (group.len(), bits) {
            (4, _) => 3,
            (3, bits) if bits & 3 == 0 => 2,
            (2, bits) if bits & 15 == 0 => 1,
            _ => return None,
        };
        let bits = bits << (6 * (4 - group.len()));
        out.extend_from_slice(&bits.to_be_bytes()[1..=bytes]);
    }
    Some(out)
}

/// A JSON value that keeps the second of two equal keys.
enum Node {
    Null,
    Bool(bool),
    Number,
    Text(String),
    List(Vec<Node>),
    Map(Vec<(String, Node)>),
}

impl Node {
    fn depth(&self) -> u32 {
        match self {
            Self::List(items) => 1 + items.iter().map(Self::depth).max().unwrap_or(0),
            Self::Map(pairs) => 1 + pairs.iter().map(|(_, v)| v.depth()).max().unwrap_or(0),
            _ => 0,
        }
    }
}

impl<'de> Deserialize<'de> for Node {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(NodeVisitor)
    }
}

struct NodeVisitor;

impl<'de> Visitor<'de> for NodeVisitor {
    type Value = Node;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JSON")
    }
    fn visit_unit<E>(self) -> Result<Node, E> {
        Ok(Node::Null)
    }
    fn visit_bool<E>(self, value: bool) -> Result<Node, E> {
        Ok(Node::Bool(value))
    }
    fn visit_u64<E>(self, _: u64) -> Result<Node, E> {
        Ok(Node::Number)
    }
    fn visit_i64<E>(self, _: i64) -> Result<Node, E> {
        Ok(Node::Number)
    }
    fn visit_f64<E>(self, _: f64) -> Result<Node, E> {
        Ok(Node::Number)
    }
    fn visit_str<E>(self, text: &str) -> Result<Node, E> {
        Ok(Node::Text(text.to_owned()))
    }
    fn visit_seq<A: SeqAccess<'de>>(self, mut access: A) -> Result<Node, A::Error> {
        let mut items = Vec::new();
        while let Some(item) = access.next_element()? {
            items.push(item);
        }
        Ok(Node::List(items))
    }
    fn visit_map<A: MapAccess<'de>>(self, mut access: A) -> Result<Node, A::Error> {
        let mut pairs = Vec::new();
        while let Some(pair) = access.next_entry()? {
            pairs.push(pair);
        }
        Ok(Node::Map(pairs))
    }
}

/// What the JSON scanner has to say of a body: `Some(None)` is a refusal. `None` where the full parser has no
/// say, because a number that follows the grammar is beyond what it can hold.
pub fn json(body: &[u8], shape: Shape) -> Option<super::Outcome> {
    match serde_json::from_slice::<Node>(body) {
        Ok(node) => Some(judge(&node, body, shape)),
        Err(error) if error.to_string().contains("out of range") => None,
        Err(_) => Some(None),
    }
}

/// The rules that a JSON parser does not have: the top level, depth, duplicates, limits, the payload.
fn judge(top: &Node, body: &[u8], shape: Shape) -> super::Outcome {
    let Node::Map(pairs) = top else { return None };
    if top.depth() > MAX_DEPTH {
        return None;
    }
    let mut tokens = top_level_numbers(body).into_iter();
    let mut fields = Fields::new(shape);
    let mut payload = Vec::new();
    for (key, node) in pairs {
        let token = match node {
            Node::Number => tokens.next(),
            _ => None,
        };
        let known = shape.lookup(key.as_bytes());
        fields.refuse_second(known).ok()?;
        match (known, node) {
            (Known::Unknown, _) => {}
            (Known::Payload, Node::Null) => fields.set_payload_null(),
            (Known::Payload, Node::Text(text)) => {
                payload = decode(text.as_bytes())?;
                fields.begin_payload().ok()?;
                fields.add_payload(payload.len());
            }
            (Known::Payload, _) => return None,
            (Known::Field(at), node) => {
                let value = match node {
                    Node::Null => Value::Null,
                    Node::Bool(value) => Value::Bool(*value),
                    Node::Number => Value::Number(token.filter(|t| t.len() <= MAX_NUMBER)?),
                    Node::Text(text) if text.len() > MAX_TEXT || text.contains('\0') => {
                        return None;
                    }
                    Node::Text(text) => Value::Text(text.clone()),
                    Node::List(_) | Node::Map(_) => Value::Other,
                };
                fields.set(at, value);
            }
        }
    }
    Some((fields, payload))
}

/// The tokens of the numbers directly in the top-level object of a valid document, in order.
fn top_level_numbers(body: &[u8]) -> Vec<String> {
    let (mut tokens, mut depth, mut in_text, mut escaped) = (Vec::new(), 0, false, false);
    let mut token = String::new();
    for byte in body {
        if in_text {
            in_text = escaped || *byte != b'"';
            escaped = !escaped && *byte == b'\\';
            continue;
        }
        let starts = byte.is_ascii_digit() || *byte == b'-';
        if depth == 1 && (starts || (!token.is_empty() && b".eE+".contains(byte))) {
            token.push(char::from(*byte));
            continue;
        }
        if !token.is_empty() {
            tokens.push(std::mem::take(&mut token));
        }
        match byte {
            b'"' => in_text = true,
            b'{' | b'[' => depth += 1,
            b'}' | b']' => depth -= 1,
            _ => {}
        }
    }
    tokens
}
