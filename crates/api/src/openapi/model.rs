//! What a route says of itself. All of it is constant and stands beside the handler.

use kms_domain::codes::Code;
use serde_json::{Value, json};

use super::kinds::{Kind, TOKEN};
use crate::intake::Shape;

/// What a route does, beside its path and its method, which its table knows.
#[derive(Clone, Copy, Debug)]
pub struct Operation {
    /// The heading it stands under.
    pub(crate) tag: Tag,
    /// A few words without a full stop.
    pub(crate) summary: &'static str,
    /// What else there is to know, as Markdown.
    pub(crate) about: &'static str,
    /// Who may ask.
    pub(crate) access: Access,
    /// What stands in the path, the query and the headers.
    pub(crate) parameters: &'static [Parameter],
    /// What the body is.
    pub(crate) body: Body,
    /// The answers of its own. Those that any route may give are not listed.
    pub(crate) answers: &'static [Answer],
    /// Exchanges that a test repeats, in this order.
    pub(crate) examples: &'static [Example],
}

impl Operation {
    /// How many examples there are. For a test that must leave none out.
    #[must_use]
    pub const fn example_count(&self) -> usize {
        self.examples.len()
    }
}

/// Headings, in the order in which they are shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Tag {
    Accounts,
    Sessions,
    Avatars,
    Files,
    Plain,
    Documentation,
}

impl Tag {
    pub(crate) const ALL: [Self; 6] = [
        Self::Accounts,
        Self::Sessions,
        Self::Avatars,
        Self::Files,
        Self::Plain,
        Self::Documentation,
    ];

    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Accounts => "Accounts",
            Self::Sessions => "Sessions",
            Self::Avatars => "Avatars",
            Self::Files => "Files",
            Self::Plain => "Plain HTTP",
            Self::Documentation => "Documentation",
        }
    }

    pub(crate) const fn about(self) -> &'static str {
        match self {
            Self::Accounts => "Opening, reading and changing accounts.",
            Self::Sessions => "Logging in, and ending sessions.",
            Self::Avatars => "One picture an account.",
            Self::Files => "Entries over content that is stored once.",
            Self::Plain => {
                "The same with the methods, statuses and headers of HTTP, and bytes as they are."
            }
            Self::Documentation => "This document.",
        }
    }
}

/// Who may ask.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Access {
    /// Everybody.
    Open,
    /// Who shows the token of a session.
    Session,
}

/// What the body of a request is.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Body {
    /// It is not read.
    None,
    /// Fields, in any of the three formats. The shape is the one that the handler reads.
    Fields(Shape, &'static [Field]),
    /// Fields, in JSON alone. The shape is the one that the handler reads, if it reads by one.
    Json(Option<Shape>, &'static [Field]),
    /// Bytes as they are.
    Bytes(&'static str),
    /// The same, or a form that has them as a part.
    BytesOrForm(&'static str, Shape, &'static [Field]),
}

/// A named value that a request carries.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Field {
    pub(crate) name: &'static str,
    pub(crate) kind: Kind,
    pub(crate) is_required: bool,
    pub(crate) about: &'static str,
}

/// A field that must be there.
pub(crate) const fn required(name: &'static str, kind: Kind, about: &'static str) -> Field {
    Field {
        name,
        kind,
        is_required: true,
        about,
    }
}

/// A field that may be absent.
pub(crate) const fn optional(name: &'static str, kind: Kind, about: &'static str) -> Field {
    Field {
        name,
        kind,
        is_required: false,
        about,
    }
}

/// The token, which may stand in a header as well.
pub(crate) const TOKEN_FIELD: Field = optional(crate::call::TOKEN, TOKEN, "");

/// A value outside the body.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Parameter {
    Path(Field),
    Query(Field),
    Header(Field),
}

/// A header of an answer.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Header {
    pub(crate) name: &'static str,
    pub(crate) about: &'static str,
}

/// An answer that a route may give.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Answer {
    pub(crate) code: Code,
    /// Where it is not the one that the code has.
    pub(crate) status: Option<u16>,
    pub(crate) about: &'static str,
    pub(crate) content: Content,
    pub(crate) headers: &'static [Header],
}

/// What an answer carries.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Content {
    /// The envelope or the problem with this code, and nothing beside it.
    Code,
    /// A JSON object with these fields; below `/app` the envelope stands in front of them.
    Fields(fn() -> Value),
    /// Something else, of this media type.
    Other(&'static str),
    /// Nothing.
    Nothing,
}

/// An answer without fields of its own: below `/api/v1` a problem.
pub(crate) const fn answer(code: Code, about: &'static str) -> Answer {
    Answer {
        code,
        status: None,
        about,
        content: Content::Code,
        headers: &[],
    }
}

impl Answer {
    /// With fields of its own.
    pub(crate) const fn with(self, fields: fn() -> Value) -> Self {
        Self {
            content: Content::Fields(fields),
            ..self
        }
    }

    /// With a status that the code does not have by itself.
    pub(crate) const fn at(self, status: u16) -> Self {
        Self {
            status: Some(status),
            ..self
        }
    }

    /// With a body of another media type.
    pub(crate) const fn of(self, media_type: &'static str) -> Self {
        Self {
            content: Content::Other(media_type),
            ..self
        }
    }

    /// Without a body.
    pub(crate) const fn empty(self) -> Self {
        Self {
            content: Content::Nothing,
            ..self
        }
    }

    /// With headers that matter.
    pub(crate) const fn headers(self, headers: &'static [Header]) -> Self {
        Self { headers, ..self }
    }
}

/// An exchange as it happens. A test has it with a real server: what the answers of former examples showed (a
/// token, the id of an entry) stands in later ones for what the server then gave instead.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Example {
    /// Unique within the operation.
    pub(crate) name: &'static str,
    pub(crate) summary: &'static str,
    /// Values of the parameters, by their names.
    pub(crate) parameters: fn() -> Value,
    /// The body: an object of fields, or the text that the bytes spell.
    pub(crate) body: fn() -> Value,
    pub(crate) code: Code,
    pub(crate) status: Option<u16>,
    /// The answer's own fields, or the text that its bytes spell.
    pub(crate) answer: fn() -> Value,
}

/// An exchange that ends with this code.
pub(crate) const fn example(name: &'static str, summary: &'static str, code: Code) -> Example {
    Example {
        name,
        summary,
        parameters: || json!({}),
        body: || Value::Null,
        code,
        status: None,
        answer: || Value::Null,
    }
}

impl Example {
    /// Values of the parameters.
    pub(crate) const fn asks(self, parameters: fn() -> Value) -> Self {
        Self { parameters, ..self }
    }

    /// The body.
    pub(crate) const fn sends(self, body: fn() -> Value) -> Self {
        Self { body, ..self }
    }

    /// A status that the code does not have by itself.
    pub(crate) const fn at(self, status: u16) -> Self {
        Self {
            status: Some(status),
            ..self
        }
    }

    /// What the answer carries.
    pub(crate) const fn gets(self, answer: fn() -> Value) -> Self {
        Self { answer, ..self }
    }
}

/// What the examples show where the server has values of its own.
pub(crate) mod sample {
    pub(crate) const TOKEN: &str = "kq0oQ2fJv1p8nXyYw3Zt6Rr5LhGm4DcBaE7sUiVxT9M";
    pub(crate) const PHONE: &str = "13800138000";
    pub(crate) const PASSWORD: &str = "secret-1";
    pub(crate) const USER: &str = "6f1c2f0e-5b0a-4c39-9d5e-8a4a2f7c1b60";
    pub(crate) const FID: &str = "0b9c7c1e-7d1c-4c58-8f0f-2a3b4c5d6e7f";
    pub(crate) const LINKED: &str = "e1f5c9d2-3b2a-4d1f-9c8e-7f6a5b4c3d2e";
    pub(crate) const CREATED: &str = "a7d0f3b4-6c5d-4e2a-8b1f-0c9d8e7f6a5b";
    pub(crate) const OTHERS: &str = "52ab8a7c-1e2d-4f3c-9b4a-5d6e7f8091a2";
    /// Of the session that lists, and of a second account.
    pub(crate) const SESSION: &str = "3d5e7f90-a1b2-4c3d-8e4f-506172839405";
    pub(crate) const SECOND_PHONE: &str = "13700137000";
    pub(crate) const SECOND_USER: &str = "d5f4c6b8-9a1e-4c3d-8f5a-7e6d5c4b3a19";
    pub(crate) const SECOND_TOKEN: &str = "Zx81NqpLmR4oTtUuVvWwXxYyZz00aAbBcCdDeEfFgGh";
    pub(crate) const CLAIMED: &str = "e6a5d7c9-0b2f-4d4e-9a6b-8f7e6d5c4b30";
    pub(crate) const FAVOURITE_NEXT: &str = "f7b6e8da-1c30-4e5f-8b7c-9a8f7e6d5c41";
    pub(crate) const OTHER_USER: &str = "b4d2a6f8-9c1e-4a3b-8d5f-7e6c5b4a3928";
    pub(crate) const FAVOURITE: &str = "c3e1b5a7-8f0d-4b2c-9e4a-6d5c4b3a2918";
    /// What nothing has.
    pub(crate) const NOTHING: &str = "00000000-0000-4000-8000-000000000000";
    pub(crate) const DATE: i64 = 1_790_000_000_000;
    pub(crate) const LATER: i64 = 1_790_000_000_500;
    pub(crate) const EARLIER: i64 = 1_789_999_999_000;
    pub(crate) const FAVOURED: i64 = 1_790_000_000_700;
    pub(crate) const DELETED: i64 = 1_790_000_000_800;
    pub(crate) const REGISTERED: i64 = 1_789_999_998_000;
    pub(crate) const CLAIMED_AT: i64 = 1_790_000_001_500;
    pub(crate) const FAVOURED_NEXT: i64 = 1_790_000_001_600;
    pub(crate) const DELETED_NEXT: i64 = 1_790_000_001_700;
    pub(crate) const DELETED_LATER: i64 = 1_790_000_001_800;
    pub(crate) const OPENED: i64 = 1_789_999_999_500;
    pub(crate) const CREATED_AT: i64 = 1_790_000_001_000;
    /// `hello`, in base64 and as digests.
    pub(crate) const DATA: &str = "aGVsbG8=";
    pub(crate) const MD5: &str = "5d41402abc4b2a76b9719d911017c592";
    pub(crate) const SHA256: &str =
        "2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824";
}
