use super::*;

const SHAPE: Shape = Shape {
    fields: &["a", "b"],
    payload: Some("data"),
};

fn with(value: Option<Value>) -> Fields {
    let mut fields = Fields::new(SHAPE);
    if let Some(value) = value {
        fields.set(0, value);
    }
    fields
}

fn number(token: &str) -> Option<Value> {
    Some(Value::Number(token.into()))
}

fn text(text: &str) -> Option<Value> {
    Some(Value::Text(text.into()))
}

fn form(text: &str) -> Option<Value> {
    Some(Value::Form(text.into()))
}

const WRONG: FieldError = FieldError::WrongType("a");

#[test]
fn texts_are_read_from_texts_only() {
    let table = [
        (None, Ok(None), Ok(None)),
        (Some(Value::Null), Ok(None), Ok(None)),
        (text("x"), Ok(Some("x")), Ok(Some("x"))),
        (text(""), Ok(Some("")), Ok(Some(""))),
        (form("x"), Ok(Some("x")), Ok(Some("x"))),
        (form(""), Ok(Some("")), Ok(None)),
        (Some(Value::Bool(true)), Err(WRONG), Err(WRONG)),
        (number("5"), Err(WRONG), Err(WRONG)),
        (Some(Value::Other), Err(WRONG), Err(WRONG)),
    ];
    for (value, verbatim, optional) in table {
        let fields = with(value);
        assert_eq!(fields.text("a"), verbatim, "{fields:?}");
        assert_eq!(fields.optional_text("a"), optional, "{fields:?}");
        let required = verbatim.and_then(|text| text.ok_or(FieldError::Missing("a")));
        assert_eq!(fields.required_text("a"), required, "{fields:?}");
    }
}

#[test]
fn integers_are_read_from_integer_tokens_and_form_digits_only() {
    let table = [
        (None, Ok(None)),
        (Some(Value::Null), Ok(None)),
        (number("5"), Ok(Some(5))),
        (number("-0"), Ok(Some(0))),
        (number("-5"), Ok(Some(-5))),
        (number("9223372036854775807"), Ok(Some(i64::MAX))),
        (number("9223372036854775808"), Err(WRONG)),
        (number("-9223372036854775808"), Ok(Some(i64::MIN))),
        (number("-9223372036854775809"), Err(WRONG)),
        (number("1.0"), Err(WRONG)),
        (number("1e3"), Err(WRONG)),
        (form("5"), Ok(Some(5))),
        (form("-5"), Ok(Some(-5))),
        (form(""), Ok(None)),
        (form("+5"), Err(WRONG)),
        (form(" 5"), Err(WRONG)),
        (form("-"), Err(WRONG)),
        (form("1.0"), Err(WRONG)),
        (form("٥"), Err(WRONG)),
        (form("9223372036854775808"), Err(WRONG)),
        (text("5"), Err(WRONG)),
        (text(""), Err(WRONG)),
        (Some(Value::Bool(true)), Err(WRONG)),
        (Some(Value::Other), Err(WRONG)),
    ];
    for (value, expected) in table {
        let fields = with(value);
        assert_eq!(fields.integer("a"), expected, "{fields:?}");
    }
}

#[test]
fn booleans_are_read_from_booleans_and_form_words_only() {
    let table = [
        (None, Ok(None)),
        (Some(Value::Null), Ok(None)),
        (Some(Value::Bool(true)), Ok(Some(true))),
        (Some(Value::Bool(false)), Ok(Some(false))),
        (form("true"), Ok(Some(true))),
        (form("TRUE"), Ok(Some(true))),
        (form("1"), Ok(Some(true))),
        (form("False"), Ok(Some(false))),
        (form("0"), Ok(Some(false))),
        (form(""), Ok(None)),
        (form("yes"), Err(WRONG)),
        (form("2"), Err(WRONG)),
        (form(" true"), Err(WRONG)),
        (number("1"), Err(WRONG)),
        (text("true"), Err(WRONG)),
        (Some(Value::Other), Err(WRONG)),
    ];
    for (value, expected) in table {
        let fields = with(value);
        assert_eq!(fields.boolean("a"), expected, "{fields:?}");
    }
}

#[test]
fn form_fields_are_kept_once_and_unknown_ones_ignored() {
    let mut fields = Fields::new(SHAPE);
    assert_eq!(fields.insert_form("a", "1"), Ok(()));
    assert_eq!(fields.insert_form("zzz", "1"), Ok(()));
    assert_eq!(fields.insert_form("zzz", "\0"), Ok(()));
    assert_eq!(fields.insert_form("a", "1"), Err(ScanError::Duplicate("a")));
    assert_eq!(fields.insert_form("b", "x\0"), Err(NUL));
    assert_eq!(
        fields.insert_form("b", &"x".repeat(MAX_TEXT + 1)),
        Err(ScanError::FieldTooLong)
    );
    assert_eq!(fields.insert_form("b", &"x".repeat(MAX_TEXT)), Ok(()));
    assert!(fields.insert_form("data", "QQ==").is_err());
    assert_eq!(fields.get("a"), form("1").as_ref());
    assert_eq!(fields.get("zzz"), None);
    assert_eq!(fields.get("data"), None);
}

#[test]
fn payload_is_begun_once_and_counted() {
    let mut fields = Fields::new(SHAPE);
    fields.add_payload(7);
    assert!(!fields.has_payload() && !fields.payload_is_null());
    assert_eq!(fields.payload_len(), None);
    assert_eq!(fields.begin_payload(), Ok(()));
    assert_eq!(fields.payload_len(), Some(0));
    fields.add_payload(3);
    fields.add_payload(4);
    assert_eq!(fields.payload_len(), Some(7));
    assert_eq!(fields.begin_payload(), Err(ScanError::Duplicate("data")));

    let mut fields = Fields::new(SHAPE);
    fields.set_payload_null();
    assert!(!fields.has_payload() && fields.payload_is_null());
    assert_eq!(fields.begin_payload(), Err(ScanError::Duplicate("data")));
}

#[test]
fn errors_name_the_field() {
    assert_eq!(
        FieldError::Missing("a").to_string(),
        "the field `a` is missing"
    );
    assert_eq!(WRONG.to_string(), "the field `a` has the wrong type");
}
