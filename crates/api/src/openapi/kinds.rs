//! Kinds of values: what they may be, with the limits that the domain gives them.

use kms_domain::files::{Label, Md5, Sha256, Title};
use kms_domain::users::{DisplayName, Email, Password, Phone};
use serde_json::{Value, json};

/// What the document tells of the settings in force.
#[derive(Clone, Copy, Debug)]
pub struct Facts {
    /// Fewest characters of a new password.
    pub password_min: usize,
    /// Bytes of a file, of an avatar, and of a body that carries neither.
    pub max_file: u64,
    /// See `max_file`.
    pub max_avatar: u64,
    /// See `max_file`.
    pub max_body: u64,
    /// Entries of an archive.
    pub zip_files: usize,
}

/// A kind of value. Those with a name are written once and referred to.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Kind {
    pub(crate) name: Option<&'static str>,
    pub(crate) schema: fn(&Facts) -> Value,
}

impl Kind {
    const fn named(name: &'static str, schema: fn(&Facts) -> Value) -> Self {
        Self {
            name: Some(name),
            schema,
        }
    }

    /// One that is written where it is used.
    pub(crate) const fn of(schema: fn(&Facts) -> Value) -> Self {
        Self { name: None, schema }
    }

    /// What it is in a form, where everything is text.
    pub(crate) fn in_text(self) -> Self {
        if self.name == BOOL.name {
            BOOL_TEXT
        } else {
            self
        }
    }

    /// A reference to it; a kind without a name is anything.
    pub(crate) fn link(self) -> Value {
        match self.name {
            Some(name) => json!({"$ref": format!("#/components/schemas/{name}")}),
            None => json!({}),
        }
    }

    /// A reference to it, or itself if it has no name.
    pub(crate) fn reference(self, facts: &Facts) -> Value {
        match self.name {
            Some(_) => self.link(),
            None => (self.schema)(facts),
        }
    }
}

/// All that have a name.
pub(crate) const NAMED: &[Kind] = &[
    PHONE,
    NAME,
    EMAIL,
    PASSWORD,
    NEW_PASSWORD,
    BIRTH,
    TOKEN,
    TITLE,
    MD5,
    SHA256,
    FID,
    UUID,
    MOMENT,
    DATA,
    LABEL,
    SUMMARY,
    COUNT,
    CURSOR,
    BOOL,
    BOOL_TEXT,
];

/// Control characters, as `char::is_control` knows them, and white space, as a class of a pattern.
const CONTROL: &str = r"\u0000-\u001f\u007f-\u009f";
const SPACE: &str = r"\u0020\u00a0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000";

pub(crate) const PHONE: Kind = Kind::named("Phone", |_| {
    let rest = Phone::MAINLAND_DIGITS.saturating_sub(1);
    let (least, most) = (Phone::E164_DIGITS.start(), Phone::E164_DIGITS.end());
    json!({
        "type": "string",
        "pattern": format!(r"^(1[0-9]{{{rest}}}|\+[0-9]{{{least},{most}}})$"),
        "description": "A mainland number (11 digits, the first a 1), or an international one (`+` and 7 to 15 digits). \
                        `+86` and a mainland number are the same account as the bare number.",
    })
});

pub(crate) const NAME: Kind = Kind::named("Name", |_| {
    json!({
        "type": "string",
        "minLength": 1,
        "maxLength": DisplayName::MAX_CHARS,
        "pattern": format!("^[^{CONTROL}]*[^{CONTROL}{SPACE}][^{CONTROL}]*$"),
        "description": "Not only white space, no control characters; need not be unique.",
    })
});

pub(crate) const EMAIL: Kind = Kind::named("Email", |_| {
    json!({
        "type": "string",
        "format": "idn-email",
        "maxLength": Email::MAX_CHARS,
        "description": "The form of a mailbox (`name@domain`); not checked for existence, need not be unique.",
    })
});

pub(crate) const PASSWORD: Kind = Kind::named("Password", |_| password(1));
pub(crate) const NEW_PASSWORD: Kind =
    Kind::named("NewPassword", |facts| password(facts.password_min));

fn password(least: usize) -> Value {
    json!({
        "type": "string",
        "format": "password",
        "minLength": least,
        "maxLength": Password::MAX_CHARS,
        "pattern": r"^[^\u0000]*$",
        "description": "No NUL; neither trimmed nor folded.",
    })
}

pub(crate) const BIRTH: Kind = Kind::named("Birth", |_| {
    json!({
        "type": "integer",
        "format": "int64",
        "minimum": i64::MIN,
        "maximum": i64::MAX,
        "description": "By convention milliseconds since 1970-01-01 UTC.",
    })
});

pub(crate) const TOKEN: Kind = Kind::named("Token", |_| {
    json!({
        "type": "string",
        "description": "The secret of a session. It may stand in `Authorization: Bearer …` instead; the field wins.",
    })
});

pub(crate) const TITLE: Kind = Kind::named("Title", |_| {
    json!({
        "type": "string",
        "minLength": 1,
        "maxLength": Title::MAX_CHARS,
        "pattern": format!("^[^{CONTROL}]*$"),
        "description": "A text and no path: `/` and `..` mean nothing in it. No control characters.",
    })
});

pub(crate) const LABEL: Kind = Kind::named("Label", |_| {
    json!({
        "type": "string",
        "maxLength": Label::MAX_CHARS,
        "pattern": format!("^([^{CONTROL}]*[^{CONTROL}{SPACE}][^{CONTROL}]*)?$"),
        "description": "What the owner files an entry under; an empty text is none. Not only white space, no control characters.",
    })
});

pub(crate) const SUMMARY: Kind = Kind::named("Summary", |_| json!({"type": "string"}));

pub(crate) const COUNT: Kind = Kind::named(
    "Count",
    |_| json!({"type": "integer", "format": "int64", "minimum": 0}),
);

pub(crate) const MD5: Kind = Kind::named("Md5", |_| hex(Md5::LENGTH));
pub(crate) const SHA256: Kind = Kind::named("Sha256", |_| hex(Sha256::LENGTH));

fn hex(bytes: usize) -> Value {
    let digits = bytes.saturating_mul(2);
    json!({
        "type": "string",
        "pattern": format!("^[0-9A-Fa-f]{{{digits}}}$"),
        "description": "Hex digits in either case; the server writes lower case.",
    })
}

pub(crate) const FID: Kind = Kind::named("Fid", |_| {
    json!({
        "type": "string",
        "format": "uuid",
        "description": "The id of an entry: a random UUID, hyphenated, lower case. It grants nothing.",
    })
});

pub(crate) const UUID: Kind = Kind::named("Uuid", |_| json!({"type": "string", "format": "uuid"}));

pub(crate) const MOMENT: Kind = Kind::named("Moment", |_| {
    json!({
        "type": "integer",
        "format": "int64",
        "minimum": 0,
        "description": "Milliseconds since 1970-01-01 UTC.",
    })
});

pub(crate) const DATA: Kind = Kind::named("Data", |_| {
    json!({
        "type": "string",
        "minLength": 1,
        "contentEncoding": "base64",
        "contentMediaType": "application/octet-stream",
        "description": "Written in the standard alphabet, padded, on one line. Read in the standard or the URL-safe one, with or \
                        without padding, with line breaks and tabs, and with or without a head `data:…;base64,`.",
    })
});

/// How hot an entry was, and its id.
const CURSOR_PATTERN: &str =
    "^([0-9a-f]{16}-[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12})?$";

/// A place in the hot list, or nothing for its beginning.
pub(crate) const CURSOR: Kind = Kind::named(
    "Cursor",
    |_| json!({"type": "string", "pattern": CURSOR_PATTERN}),
);
pub(crate) const BOOL: Kind = Kind::named("Boolean", |_| json!({"type": "boolean"}));

const BOOL_TEXT: Kind = Kind::named("BooleanText", |_| {
    json!({
        "anyOf": [
            {"type": "boolean"},
            {"enum": [0, 1]},
            {"type": "string", "pattern": "^([Tt][Rr][Uu][Ee]|[Ff][Aa][Ll][Ss][Ee]|[01])$"},
        ],
        "description": "`true`, `false`, `1` or `0`, in either case of letters.",
    })
});
