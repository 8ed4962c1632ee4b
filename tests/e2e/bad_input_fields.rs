//! Bad input in fields: every field of every route gets every value that is none, in every format, and the
//! answer is 1, or 2 where the value could be somebody's. What is accepted is in the files of the fields.

use serde_json::{Value, json};

use crate::bad_input::Settled;
use crate::harness::client::base64;
use crate::harness::data::{new_phone, with};
use crate::harness::{Encoded, Format, Person, md5_hex};

/// Values that are no text at all, for JSON alone.
fn wrong_types() -> Vec<Value> {
    vec![
        json!(5),
        json!(1.5),
        json!(true),
        json!([]),
        json!(["a"]),
        json!({}),
        json!({"$ne": ""}),
    ]
}

fn texts(list: &[&str]) -> Vec<Value> {
    list.iter().map(|text| json!(text)).collect()
}

fn bad_phones() -> Vec<Value> {
    texts(&[
        "",
        " ",
        "1",
        "1380013800",
        "138001380000",
        "1380013800a",
        "13800l38000",
        " 13800138000",
        "13800138000 ",
        "138 0013 8000",
        "138-0013-8000",
        "13800138000\n",
        "13800138000\u{0}",
        "１３８００１３８０００",
        "١٣٨٠٠١٣٨٠٠٠",
        "۱۳۸۰۰۱۳۸۰۰۰",
        "23800138000",
        "+",
        "+86",
        "++8613800138000",
        "+86 13800138000",
        "+123456",
        "+1234567890123456",
        "008613800138000",
        "13800138000' OR '1'='1",
        "1380013800%",
        "138001380__",
    ])
}

fn bad_names() -> Vec<Value> {
    let mut names = texts(&[
        "",
        " ",
        "\t",
        "\u{3000}",
        "12345678901234567",
        "a\u{0}",
        "a\rb",
        "a\nb",
        "\u{1b}[31m",
        "\u{7f}",
        "\u{85}",
        "一二三四五六七八九十一二三四五六七",
    ]);
    names.push(json!("😀".repeat(17)));
    names.push(json!("👨\u{200d}👩\u{200d}👧".repeat(4)));
    names
}

fn bad_emails() -> Vec<Value> {
    let mut emails = texts(&[
        "a",
        "@",
        "a@",
        "@b.cn",
        "a@b@c.cn",
        "a b@c.cn",
        "a@b..cn",
        "a@b.cn ",
        " a@b.cn",
        "a@b.cn\r\n",
        "a\r\nBcc: x@y.cn",
        "a@b.cn\u{0}",
        "a@.cn",
        "a@b.cn,c@d.cn",
    ]);
    emails.push(json!(format!("{}@example.com", "a".repeat(44))));
    emails
}

fn bad_passwords() -> Vec<Value> {
    let mut passwords = texts(&["", "12345", "12345678901234567", "abcdef\u{0}"]);
    passwords.push(json!("😀".repeat(5)));
    passwords.push(json!("😀".repeat(17)));
    passwords
}

fn bad_titles() -> Vec<Value> {
    let mut titles = texts(&[
        "",
        "a\rb",
        "a\nb",
        "a\r\nSet-Cookie: x=y",
        "a\u{0}",
        "a\tb",
        "\u{7f}",
        "\u{9f}",
    ]);
    titles.push(json!("字".repeat(256)));
    titles.push(json!("a".repeat(10 * 1024)));
    titles
}

fn bad_digests(right: &str) -> Vec<Value> {
    let mut digests = texts(&["", "x", "0x", "00000000000000000000000000000000' OR 1=1"]);
    digests.push(json!(right[1..]));
    digests.push(json!(format!("{right}0")));
    digests.push(json!(format!("{}g", &right[1..])));
    digests.push(json!(format!("{} ", &right[1..])));
    digests.push(json!("０".repeat(right.len())));
    digests
}

/// Unlike the other fields, a fid that is none is one that is not found.
fn unknown_fids(right: &str) -> Vec<Value> {
    let mut fids = texts(&[
        "",
        "x",
        "0",
        "../../etc/passwd",
        "%2e%2e%2f",
        "/",
        "' OR 1=1 --",
        "%",
        "_",
        "*",
        "null",
        "\u{0661}",
        "00000000-0000-0000-0000-000000000000",
        "ffffffff-ffff-ffff-ffff-ffffffffffff",
    ]);
    fids.push(json!(right.replace('-', "")));
    fids.push(json!(format!("{right}\n")));
    fids.push(json!(format!("{{{right}}}")));
    fids.push(json!(right.chars().rev().collect::<String>()));
    fids
}

/// A field with the values that are none, in requests that are good but for it.
struct Row {
    route: &'static str,
    good: Value,
    field: &'static str,
    bad: Vec<Value>,
    code: u64,
}

fn rows(settled: &Settled) -> Vec<Row> {
    let row = |route, good: &Value, field, bad, code| Row {
        route,
        good: good.clone(),
        field,
        bad,
        code,
    };
    let account = with(
        Person::new().fields(),
        json!({"email": "a@b.cn", "birth": 5}),
    );
    let phone = json!({"phone": new_phone()});
    let login = json!({"phone": settled.user.person.phone, "password": "geheim-1"});
    let signed = |fields| settled.user.signed(fields);
    let md5 = md5_hex(b"other content");
    let stored = signed(json!({"name": "b", "data": base64(b"other content")}));
    let digests = with(
        stored.clone(),
        json!({"md5": md5, "sha256": "0".repeat(64)}),
    );
    let claim = signed(json!({"name": "b", "md5": md5_hex(b"content")}));
    let modify = signed(json!({"name": "other", "birth": 6}));
    let file = signed(json!({"fid": settled.fid}));
    vec![
        row("/app/register", &account, "phone", bad_phones(), 1),
        row("/app/register", &account, "name", bad_names(), 1),
        row("/app/register", &account, "email", bad_emails(), 1),
        row("/app/register", &account, "password", bad_passwords(), 1),
        row("/app/register/testphone", &phone, "phone", bad_phones(), 1),
        row("/app/login", &login, "phone", bad_phones(), 1),
        row("/app/user/modify", &modify, "name", bad_names(), 1),
        row("/app/user/modify", &modify, "password", bad_passwords(), 1),
        row("/app/user/modifyinfo", &modify, "name", bad_names(), 1),
        row("/app/user/upload", &stored, "name", bad_titles(), 1),
        row("/app/user/upload", &digests, "md5", bad_digests(&md5), 1),
        row(
            "/app/user/upload",
            &digests,
            "md5",
            texts(&[&md5_hex(b"x")]),
            1,
        ),
        row(
            "/app/user/upload",
            &digests,
            "sha256",
            bad_digests(&"0".repeat(64)),
            1,
        ),
        row("/app/user/upload", &claim, "md5", bad_digests(&md5), 1),
        row("/app/user/upload", &claim, "name", bad_titles(), 1),
        row(
            "/app/user/getfile",
            &file,
            "fid",
            unknown_fids(&settled.fid),
            2,
        ),
        row(
            "/app/user/getfile",
            &file,
            "fid",
            texts(&[&"x".repeat(10 * 1024)]),
            1,
        ),
    ]
}

/// In a form an empty field that need not be there is none.
fn is_absent(row: &Row, format: Format, value: &Value) -> bool {
    let optional = match row.route {
        "/app/register" => row.field == "email",
        "/app/user/upload" => row.field != "name",
        "/app/user/modify" | "/app/user/modifyinfo" => true,
        _ => false,
    };
    optional && format != Format::Json && value == ""
}

#[test]
fn what_is_no_value_of_a_field_is_refused_and_changes_nothing() {
    let settled = Settled::new(&[("KMS_THROTTLE", "off")]);
    let client = &settled.user.client;
    let mut tried = 0;
    for row in rows(&settled) {
        for value in &row.bad {
            for format in Format::ALL {
                if is_absent(&row, format, value) {
                    continue;
                }
                let fields = with(row.good.clone(), json!({ (row.field): value }));
                let what = format!("{} {} {format:?} {value}", row.route, row.field);
                settled.expect(row.code, &what, || {
                    client.post_as(format, row.route, &fields, None)
                });
                tried += 1;
            }
        }
        for value in wrong_types() {
            let fields = with(row.good.clone(), json!({ (row.field): value }));
            let what = format!("{} {} {value}", row.route, row.field);
            settled.expect(1, &what, || client.post(row.route, fields));
        }
    }
    assert!(tried > 500, "{tried}");
}

/// Numbers and truth values in every spelling that some parser would take.
#[test]
fn what_is_no_number_or_truth_value_is_refused_and_changes_nothing() {
    let settled = Settled::new(&[]);
    let user = &settled.user;
    let token = &user.token;
    for birth in [
        r#""5""#,
        "1.0",
        "1e3",
        "1E+2",
        "-0.0",
        "9223372036854775808",
        "-9223372036854775809",
        "1e400",
        "NaN",
        "Infinity",
        "-Infinity",
        "0x10",
        "010",
        "+1",
        "1_000",
        ".5",
        "5.",
        "[5]",
        "true",
        r#""""#,
    ] {
        let body = format!(r#"{{"token":"{token}","birth":{birth}}}"#);
        settled.expect(1, birth, || user.client.post_raw("/app/user/modify", body));
    }
    for birth in [
        "5.0",
        "1e3",
        "0x10",
        "+5",
        " 5",
        "5 ",
        "５",
        "9223372036854775808",
        "five",
    ] {
        let fields = json!({"token": token, "birth": birth});
        for format in [Format::Form, Format::Multipart] {
            settled.expect(1, birth, || {
                user.client
                    .post_as(format, "/app/user/modify", &fields, None)
            });
        }
    }
    let upload = json!({"token": token, "name": "b", "data": base64(b"other")});
    for public in [
        json!("true"),
        json!(1),
        json!(0),
        json!([true]),
        json!({}),
        json!("yes"),
    ] {
        let fields = with(upload.clone(), json!({"public": public}));
        settled.expect(1, "public", || user.client.post("/app/user/upload", fields));
    }
    for public in ["yes", "2", "-1", "truefalse", "on"] {
        let fields = with(upload.clone(), json!({"public": public}));
        let body = Encoded::new(Format::Form, &fields, None);
        settled.expect(1, public, || {
            user.client.send("POST", "/app/user/upload", &[], &body)
        });
    }
}

/// What means something to SQL, to a shell, to HTML or to a path is a text like any other here.
#[test]
fn wildcards_quotes_and_markup_are_kept_to_the_letter_and_match_nothing_else() {
    let settled = Settled::new(&[]);
    let user = &settled.user;
    for text in [
        "%",
        "_",
        "a%b_c",
        "'",
        "''",
        "\"",
        "\\",
        "\\'",
        "';--",
        "$(id)",
        "`id`",
        "{{7*7}}",
        "<script>",
        "&lt;",
        "../..",
        "%00",
        "\u{202e}gpj.exe",
        "e\u{301}",
        "é",
        "\u{feff}x",
        "ﷺ",
        "İ",
        "ß",
    ] {
        user.modify(json!({"name": text})).expect_code(150);
        assert_eq!(user.info().text("name"), text);
        let fid = user.publish(text, text.as_bytes());
        assert_eq!(user.get_file(&fid).text("name"), text);
        assert_eq!(user.own()[0].name, text);
        // Nothing that is like it is taken for it.
        user.get_file(text).expect_bare(2);
        let login = json!({"phone": text, "password": "geheim-1"});
        user.client.post("/app/login", login).expect_bare(1);
    }
}
