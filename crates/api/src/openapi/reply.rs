//! Replies that know their own schema, because it is made of the very struct that is written.

use serde_json::{Map, Value, json};

use super::kinds::{COUNT, Kind};

/// What has a schema.
pub(crate) trait Described {
    /// As it is written where it is used.
    fn schema() -> Value;

    /// The same for values of a kind, which the type holds or holds several of.
    fn of_kind(kind: Value) -> Value {
        kind
    }
}

macro_rules! plainly {
    ($($type:ty => $schema:tt,)+) => {$(
        impl Described for $type {
            fn schema() -> Value {
                json!($schema)
            }
        }
    )+};
}

plainly! {
    bool => {"type": "boolean"},
    String => {"type": "string"},
    &str => {"type": "string"},
    u16 => {"type": "integer"},
    i64 => {"type": "integer", "format": "int64"},
    u64 => {"type": "integer", "format": "int64", "minimum": 0},
    usize => {"type": "integer", "format": "int64", "minimum": 0},
}

impl<T: Described> Described for Option<T> {
    fn schema() -> Value {
        Self::of_kind(T::schema())
    }
    fn of_kind(kind: Value) -> Value {
        json!({"anyOf": [T::of_kind(kind), {"type": "null"}]})
    }
}

impl<T: Described> Described for Vec<T> {
    fn schema() -> Value {
        Self::of_kind(T::schema())
    }
    fn of_kind(kind: Value) -> Value {
        json!({"type": "array", "items": T::of_kind(kind)})
    }
}

/// A struct of a reply, with a description of it. Each field has a doc comment, which the document shows; `as` gives a
/// field a [`Kind`](super::kinds::Kind) where its type says too little.
macro_rules! described {
    (
        $(#[$outer:meta])*
        $visibility:vis struct $name:ident $(<$lifetime:lifetime>)? {
            $($(#[doc = $doc:literal])+ $field_visibility:vis $field:ident: $type:ty $(as $kind:expr)?,)+
        }
    ) => {
        $(#[$outer])*
        #[derive(serde::Serialize)]
        $visibility struct $name $(<$lifetime>)? {
            $($(#[doc = $doc])+ $field_visibility $field: $type,)+
        }

        impl $(<$lifetime>)? $crate::openapi::Described for $name $(<$lifetime>)? {
            fn schema() -> serde_json::Value {
                $crate::openapi::object([$((
                    stringify!($field),
                    $crate::openapi::described!(@schema $type $(, $kind)?),
                    concat!($($doc),+),
                )),+])
            }
        }
    };
    (@schema $type:ty) => { <$type as $crate::openapi::Described>::schema() };
    (@schema $type:ty, $kind:expr) => {
        <$type as $crate::openapi::Described>::of_kind($kind.link())
    };
}
pub(crate) use described;

/// The schema of an object, all of whose fields are always there.
pub(crate) fn object<const N: usize>(fields: [(&str, Value, &str); N]) -> Value {
    let names: Vec<_> = fields.iter().map(|(name, ..)| *name).collect();
    let mut properties = Map::new();
    for (name, mut schema, about) in fields {
        if let Some(schema) = schema.as_object_mut() {
            schema.insert("description".to_owned(), about.trim().into());
        }
        properties.insert(name.to_owned(), schema);
    }
    json!({"type": "object", "required": names, "properties": properties})
}

/// The same with one more field.
pub(crate) fn and(mut object: Value, name: &str, schema: Value, about: &str) -> Value {
    if let Some(schema_of) = object.get_mut("properties").and_then(Value::as_object_mut) {
        let mut schema = schema;
        if let Some(schema) = schema.as_object_mut() {
            schema.insert("description".to_owned(), about.into());
        }
        schema_of.insert(name.to_owned(), schema);
    }
    if let Some(names) = object.get_mut("required").and_then(Value::as_array_mut) {
        names.push(name.into());
    }
    object
}

/// The schema of parallel arrays, and of how many values each has.
pub(crate) fn arrays<const N: usize>(arrays: [(&str, Kind, &str); N]) -> Value {
    let mut list = object([]);
    for (name, kind, about) in arrays {
        let schema = json!({"type": "array", "items": kind.link()});
        list = and(list, name, schema, about);
    }
    and(
        list,
        "total",
        COUNT.link(),
        "How many entries this answer lists.",
    )
}
