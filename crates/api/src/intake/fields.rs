//! The captured fields of a body, and their typed readers.

use super::{Known, MAX_TEXT, ScanError, Shape};

/// The value of one captured small field.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Value {
    /// JSON `null`: as if the field had not been sent.
    Null,
    /// JSON `true` or `false`.
    Bool(bool),
    /// A JSON number, the token verbatim.
    Number(String),
    /// A JSON string, unescaped.
    Text(String),
    /// Text from a form or multipart body, which has no types: it may be read as text, integer or bool.
    Form(String),
    /// A JSON array or object: the wrong type for every field.
    Other,
}

/// Why a field cannot be read as what the route wants. The caller answers code 1.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum FieldError {
    /// A required field is absent or `null`.
    #[error("the field `{0}` is missing")]
    Missing(&'static str),
    /// The field's value is of another type.
    #[error("the field `{0}` has the wrong type")]
    WrongType(&'static str),
}

/// The known fields of one body, each at most once.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fields {
    names: &'static [&'static str],
    /// As long as `names`, and in the same order.
    values: Vec<Option<Value>>,
    payload_name: Option<&'static str>,
    payload: Payload,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Payload {
    Absent,
    Null,
    /// Decoded bytes so far.
    Present(u64),
}

impl Fields {
    /// No fields yet, of a route with this shape.
    #[must_use]
    pub fn new(shape: Shape) -> Self {
        Self {
            names: shape.fields,
            values: vec![None; shape.fields.len()],
            payload_name: shape.payload,
            payload: Payload::Absent,
        }
    }

    /// The value of a small field, `None` when it was not sent or the route does not know it.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&Value> {
        let at = self.names.iter().position(|known| *known == name)?;
        self.values.get(at)?.as_ref()
    }

    /// Whether a payload was sent. `null` is none; an empty text is one of length 0.
    #[must_use]
    pub fn has_payload(&self) -> bool {
        matches!(self.payload, Payload::Present(_))
    }

    /// Whether the payload was sent as `null`.
    #[must_use]
    pub fn payload_is_null(&self) -> bool {
        self.payload == Payload::Null
    }

    /// Decoded bytes of the payload, `None` when there is none.
    #[must_use]
    pub fn payload_len(&self) -> Option<u64> {
        match self.payload {
            Payload::Present(len) => Some(len),
            Payload::Absent | Payload::Null => None,
        }
    }

    /// Keeps a text field of a form or multipart body; a name the route does not know is ignored.
    ///
    /// # Errors
    /// The field was there already, has more than [`MAX_TEXT`] bytes, holds U+0000, or is the payload, which is
    /// no text field.
    pub fn insert_form(&mut self, name: &str, text: &str) -> Result<(), ScanError> {
        match self.shape().lookup(name.as_bytes()) {
            Known::Unknown => Ok(()),
            Known::Payload => Err(ScanError::Malformed("the payload came as a text field")),
            Known::Field(at) => {
                self.refuse_second(Known::Field(at))?;
                if text.len() > MAX_TEXT {
                    return Err(ScanError::FieldTooLong);
                }
                if text.contains('\0') {
                    return Err(NUL);
                }
                self.set(at, Value::Form(text.to_owned()));
                Ok(())
            }
        }
    }

    /// Says that the payload begins.
    ///
    /// # Errors
    /// There was one already, be it `null`.
    pub fn begin_payload(&mut self) -> Result<(), ScanError> {
        self.refuse_second(Known::Payload)?;
        self.payload = Payload::Present(0);
        Ok(())
    }

    /// Counts `bytes` more bytes of payload, if it has begun.
    pub fn add_payload(&mut self, bytes: usize) {
        if let Payload::Present(len) = &mut self.payload {
            *len = len.saturating_add(u64::try_from(bytes).unwrap_or(u64::MAX));
        }
    }

    /// The text of a field, an empty one included. Absent and `null` are `None`.
    ///
    /// # Errors
    /// [`FieldError::WrongType`] when it is no text.
    pub fn text(&self, name: &'static str) -> Result<Option<&str>, FieldError> {
        match self.get(name) {
            None | Some(Value::Null) => Ok(None),
            Some(Value::Text(text) | Value::Form(text)) => Ok(Some(text)),
            Some(Value::Bool(_) | Value::Number(_) | Value::Other) => {
                Err(FieldError::WrongType(name))
            }
        }
    }

    /// As [`Self::text`], but an empty field of a form is absent, because a form has no `null`.
    ///
    /// # Errors
    /// [`FieldError::WrongType`] when it is no text.
    pub fn optional_text(&self, name: &'static str) -> Result<Option<&str>, FieldError> {
        match self.get(name) {
            Some(Value::Form(text)) if text.is_empty() => Ok(None),
            _ => self.text(name),
        }
    }

    /// As [`Self::text`], for a field that must be there; it may be empty.
    ///
    /// # Errors
    /// [`FieldError::Missing`] or [`FieldError::WrongType`].
    pub fn required_text(&self, name: &'static str) -> Result<&str, FieldError> {
        self.text(name)?.ok_or(FieldError::Missing(name))
    }

    /// A 64-bit integer: a JSON number without fraction and exponent, or decimal digits in a form, where an
    /// empty field is absent.
    ///
    /// # Errors
    /// [`FieldError::WrongType`] for all else, numbers beyond 64 bits included.
    pub fn integer(&self, name: &'static str) -> Result<Option<i64>, FieldError> {
        let token = match self.get(name) {
            None | Some(Value::Null) => return Ok(None),
            Some(Value::Form(text)) if text.is_empty() => return Ok(None),
            Some(Value::Number(token) | Value::Form(token)) => token,
            Some(Value::Bool(_) | Value::Text(_) | Value::Other) => {
                return Err(FieldError::WrongType(name));
            }
        };
        // The library would take a plus sign, which no format of ours has.
        if token.starts_with('+') {
            return Err(FieldError::WrongType(name));
        }
        token
            .parse()
            .map(Some)
            .map_err(|_| FieldError::WrongType(name))
    }

    /// A boolean: JSON `true` or `false`; in a form `true`, `false`, `1` or `0` in either case, and an empty
    /// field is absent.
    ///
    /// # Errors
    /// [`FieldError::WrongType`] for all else.
    pub fn boolean(&self, name: &'static str) -> Result<Option<bool>, FieldError> {
        match self.get(name) {
            None | Some(Value::Null) => Ok(None),
            Some(Value::Bool(value)) => Ok(Some(*value)),
            Some(Value::Form(text)) if text.is_empty() => Ok(None),
            Some(Value::Form(text)) if text == "1" || text.eq_ignore_ascii_case("true") => {
                Ok(Some(true))
            }
            Some(Value::Form(text)) if text == "0" || text.eq_ignore_ascii_case("false") => {
                Ok(Some(false))
            }
            Some(Value::Form(_) | Value::Number(_) | Value::Text(_) | Value::Other) => {
                Err(FieldError::WrongType(name))
            }
        }
    }

    pub(super) fn shape(&self) -> Shape {
        Shape {
            fields: self.names,
            payload: self.payload_name,
        }
    }

    pub(super) fn set(&mut self, at: usize, value: Value) {
        if let Some(slot) = self.values.get_mut(at) {
            *slot = Some(value);
        }
    }

    pub(super) fn set_payload_null(&mut self) {
        self.payload = Payload::Null;
    }

    /// Fails if what `known` names has a value already.
    pub(super) fn refuse_second(&self, known: Known) -> Result<(), ScanError> {
        let (taken, name) = match known {
            Known::Unknown => (false, None),
            Known::Payload => (self.payload != Payload::Absent, self.payload_name),
            Known::Field(at) => (
                matches!(self.values.get(at), Some(Some(_))),
                self.names.get(at).copied(),
            ),
        };
        if taken {
            return Err(ScanError::Duplicate(name.unwrap_or_default()));
        }
        Ok(())
    }
}

pub(super) const NUL: ScanError = ScanError::Value("NUL in a known field");

#[cfg(test)]
mod tests;
