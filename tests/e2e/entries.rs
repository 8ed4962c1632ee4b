//! Changing entries, what lists and answers say of them, and the names of others.

use serde_json::{Value, json};

use crate::harness::data::with;
use crate::harness::{Answer, Format, Server, User, md5_hex};

#[track_caller]
fn modify(user: &User, fid: &str, fields: Value) -> Answer {
    user.post("/app/user/modifyfile", with(json!({"fid": fid}), fields))
}

/// The arrays of a list, one row an entry. A16: they have one length.
#[track_caller]
pub(crate) fn rows(answer: &Answer, arrays: &[&str]) -> Vec<Vec<Value>> {
    answer.clone().expect_code(0);
    let total = answer.json["total"].as_u64().unwrap() as usize;
    let columns: Vec<_> = arrays
        .iter()
        .map(|name| {
            answer.json[*name]
                .as_array()
                .unwrap_or_else(|| panic!("{name}: {answer:?}"))
        })
        .collect();
    for column in &columns {
        assert_eq!(column.len(), total, "{answer:?}");
    }
    let row = |at: usize| columns.iter().map(|column| column[at].clone()).collect();
    (0..total).map(row).collect()
}

fn own(user: &User) -> Vec<Vec<Value>> {
    let answer = user.post("/app/user/getownfilelist", json!({}));
    rows(
        &answer,
        &[
            "fidlist",
            "namelist",
            "classifylist",
            "summarylist",
            "public",
        ],
    )
}

#[test]
fn an_entry_is_renamed_labelled_and_withdrawn_and_the_rest_stays() {
    let server = Server::start();
    let client = server.client();
    let (user, other) = (client.new_user(), client.new_user());
    let fid = user.publish("old", b"bytes");
    let date = user.own()[0].date;
    for (change, row) in [
        (
            json!({"name": "新.pdf"}),
            json!([fid, "新.pdf", "", "", true]),
        ),
        (
            json!({"classify": "合同"}),
            json!([fid, "新.pdf", "合同", "", true]),
        ),
        (
            json!({"public": false}),
            json!([fid, "新.pdf", "合同", "", false]),
        ),
        (
            json!({"name": "a", "classify": "", "public": true}),
            json!([fid, "a", "", "", true]),
        ),
    ] {
        modify(&user, &fid, change.clone()).expect_bare(141);
        assert_eq!(json!(own(&user)), json!([row]), "{change}");
        modify(&user, &fid, change.clone()).expect_bare(143);
        let found = user.get_file(&fid).expect_code(140);
        assert_eq!(found.text("name"), row[1]);
        assert_eq!(found.text("classify"), row[2]);
        assert_eq!(
            (found.text("summary"), found.json["date"].as_i64()),
            ("", Some(date))
        );
        assert_eq!(found.data(), b"bytes");
        let seen = other.get_file(&fid);
        assert_eq!(
            seen.code(),
            if row[4] == true { 140 } else { 2 },
            "{change}"
        );
    }
    modify(&user, &fid, json!({})).expect_bare(143);
    modify(&user, &fid, json!({"delete": false})).expect_bare(143);
}

/// In each format.
#[test]
fn a_form_changes_an_entry_as_well() {
    let server = Server::start();
    let user = server.client().new_user();
    for format in Format::ALL {
        let fid = user.publish("old", b"bytes");
        let fields = user.signed(json!({"fid": fid, "name": "new", "public": "false"}));
        let fields = match format {
            Format::Json => with(fields, json!({"public": false})),
            _ => fields,
        };
        let route = "/app/user/modifyfile";
        user.client
            .post_as(format, route, &fields, None)
            .expect_bare(141);
        let entry = &user.own()[0];
        assert_eq!((entry.name.as_str(), entry.public), ("new", Some(false)));
    }
}

#[test]
fn a_bad_change_is_1_and_changes_nothing() {
    let server = Server::start();
    let user = server.client().new_user();
    let fid = user.publish("old", b"bytes");
    let before = server.dump();
    let long = "字".repeat(256);
    for bad in [
        json!({"name": ""}),
        json!({"name": long}),
        json!({"name": "a\nb"}),
        json!({"name": 5}),
        json!({"classify": " "}),
        json!({"classify": "字".repeat(33)}),
        json!({"classify": "a\u{0}"}),
        json!({"classify": []}),
        json!({"public": "yes"}),
        json!({"public": 1}),
        json!({"delete": "true"}),
        json!({"name": "good", "public": null, "classify": "\t"}),
        json!({"delete": true, "name": ""}),
    ] {
        modify(&user, &fid, bad.clone()).expect_bare(1);
        server.expect_unchanged(&before, &bad.to_string());
    }
    for bad in [json!({}), json!({"fid": null}), json!({"fid": 5})] {
        let fields = with(bad.clone(), json!({"name": "new"}));
        user.post("/app/user/modifyfile", fields).expect_bare(1);
    }
    modify(&user, "../../etc/passwd", json!({"name": "new"})).expect_bare(2);
    server.expect_unchanged(&before, "a fid that nothing has");
    // The longest that there may be.
    let most = json!({"name": "字".repeat(255), "classify": "字".repeat(32)});
    modify(&user, &fid, most).expect_bare(141);
}

/// A label is its owner's own.
#[test]
fn nobody_is_told_the_label_of_somebody_else() {
    let server = Server::start();
    let client = server.client();
    let (user, other) = (client.new_user(), client.new_user());
    let fid = user.publish("shared", b"bytes");
    modify(&user, &fid, json!({"classify": "canary"})).expect_bare(141);
    let seen = other.get_file(&fid).expect_code(140);
    assert_eq!(seen.text("classify"), "");
    let answer = other.post("/app/user/getfilelist", json!({}));
    let listed = rows(&answer, &["fidlist", "classifylist", "userid", "username"]);
    let author = user.info().expect_code(0);
    let row = json!([fid, "", author.text("userid"), author.text("name")]);
    assert_eq!(json!(listed), json!([row]));
    let copy = other.instant("mine", &md5_hex(b"bytes")).expect_code(131);
    assert_eq!(copy.text("classify"), "");
}

#[test]
fn an_upload_says_what_the_new_entry_is_filed_under() {
    let server = Server::start();
    let user = server.client().new_user();
    let stored = user.upload("a", b"bytes").expect_code(130);
    let linked = user.instant("b", &md5_hex(b"bytes")).expect_code(131);
    for answer in [stored, linked] {
        assert_eq!((answer.text("classify"), answer.text("summary")), ("", ""));
    }
}

/// A15
#[test]
fn of_somebody_else_info_tells_the_name_and_nothing_more() {
    let server = Server::start();
    let client = server.client();
    let (user, other) = (client.new_user(), client.new_user());
    let own = other.info().expect_code(0);
    let ask = |id: Value| user.post("/app/user/info", json!({"userid": id}));
    let seen = ask(own.json["userid"].clone()).expect_code(0);
    let mut keys: Vec<_> = seen.json.as_object().unwrap().keys().collect();
    keys.sort();
    assert_eq!(keys, ["code", "done", "msg", "name", "userid"]);
    assert_eq!(seen.text("name"), own.text("name"));
    let mine = user.info().expect_code(0);
    assert_eq!(
        ask(mine.json["userid"].clone()).expect_code(0).json,
        mine.json
    );
    assert_eq!(ask(Value::Null).expect_code(0).json, mine.json);
    for unknown in [
        "",
        "x",
        "67e55044-10b1-426f-9247-bb680e5fe0c8",
        &other.person.phone,
    ] {
        ask(json!(unknown)).expect_bare(2);
    }
    ask(json!(5)).expect_bare(1);
    let anonymous = json!({"userid": own.json["userid"]});
    client.post("/app/user/info", anonymous).expect_bare(4);
}
