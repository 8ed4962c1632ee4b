//! Bad input: whatever is sent, the answer comes soon, says what is wrong, and nothing has changed. What that
//! means is here, and the largest of the JSON bodies; the smaller ones are in [`crate::bad_json`], those of
//! HTTP, of fields and of many at once in the files beside this one.

use std::fs;
use std::time::{Duration, Instant};

use serde_json::json;

use crate::harness::dump::Dump;
use crate::harness::{Answer, Encoded, Server, User, contract_paths};

/// A second is what is promised. On a machine that is busy with other tests nothing shorter than this can be
/// asked for without failing now and then; what is quadratic in these inputs takes minutes.
const SOON: Duration = Duration::from_secs(10);

/// A server with somebody who has something to lose, and all that is kept.
pub(crate) struct Settled {
    pub(crate) server: Server,
    pub(crate) user: User,
    /// An entry of theirs.
    pub(crate) fid: String,
    before: Dump,
}

impl Settled {
    pub(crate) fn new(settings: &[(&str, &str)]) -> Self {
        let server = Server::with(settings);
        let user = server.new_user();
        user.modify(json!({"birth": 5})).expect_code(150);
        user.set_avatar(b"avatar").expect_code(120);
        let fid = user.publish("a", b"content");
        let before = server.dump();
        Self {
            server,
            user,
            fid,
            before,
        }
    }

    /// A route as a request names it.
    pub(crate) fn path_of(&self, route: &str) -> String {
        let path = route.replace("{fid}", &self.fid);
        path.replace("{asset}", "start.js")
    }

    /// Fails unless the answer has this code, came soon, and left everything as it was.
    #[track_caller]
    pub(crate) fn expect(&self, code: u64, what: &str, send: impl FnOnce() -> Answer) {
        let begun = Instant::now();
        let answer = send();
        assert!(begun.elapsed() < SOON, "{what}: {:?}", begun.elapsed());
        assert_eq!(answer.code(), code, "{what}: {answer:?}");
        answer.expect_bare(code);
        self.expect_unchanged(what);
    }

    /// Fails unless everything is as it was.
    #[track_caller]
    pub(crate) fn expect_unchanged(&self, what: &str) {
        self.server.expect_unchanged(&self.before, what);
    }
}

/// Memory of the server's process now, in bytes.
pub(crate) fn resident(server: &Server) -> u64 {
    let status = fs::read_to_string(format!("/proc/{}/status", server.pid())).unwrap();
    let line = status
        .lines()
        .find_map(|line| line.strip_prefix("VmRSS:"))
        .unwrap();
    let kib = line.trim().trim_end_matches(" kB").parse::<u64>().unwrap();
    kib * 1024
}

/// Files and sockets that the server has open.
pub(crate) fn open_files(server: &Server) -> usize {
    fs::read_dir(format!("/proc/{}/fd", server.pid()))
        .unwrap()
        .count()
}

const DEPTH: usize = 200_000;
const MIB: usize = 1024 * 1024;

/// Where a body is as good as any other, for all its size.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Good {
    Nowhere,
    /// What is wrong is a field that this route does not know.
    ForAvatars,
    ForFiles,
}

/// Bodies of megabytes around a good token.
fn huge(token: &str) -> Vec<(&'static str, String, Good)> {
    use Good::{ForAvatars, ForFiles, Nowhere};
    let inside = |more: &str| format!(r#"{{"token":"{token}","name":"a",{more}}}"#);
    let open = |text: &str| text.repeat(DEPTH);
    let keys = |end: &str| {
        let mut text = String::new();
        for index in 0..1_000_000 {
            text.push_str(&format!(r#""k{index}":{index},"#));
        }
        inside(&(text + end))
    };
    vec![
        (
            "arrays 200,000 deep",
            inside(&format!(r#""x":{}{}"#, open("["), open("]"))),
            Nowhere,
        ),
        (
            "objects 200,000 deep",
            inside(&format!(r#""x":{}1{}"#, open(r#"{"x":"#), open("}"))),
            Nowhere,
        ),
        (
            "both 200,000 deep, not closed",
            inside(&format!(r#""x":{}"#, open(r#"[{"x":"#))),
            Nowhere,
        ),
        ("nothing but brackets", open("["), Nowhere),
        ("nothing but braces", open("{"), Nowhere),
        (
            "a million keys and one twice",
            keys(r#""token":"b","data":"eA==""#),
            Nowhere,
        ),
        ("a million keys and no data", keys(r#""x":1"#), Nowhere),
        (
            "a million times the name",
            inside(&vec![r#""name":"a""#; 1_000_000].join(",")),
            Nowhere,
        ),
        (
            "a key of a mebibyte that is cut off",
            inside(&format!(r#""{}"#, "k".repeat(MIB))),
            Nowhere,
        ),
        (
            "a key of a mebibyte of escapes, and a bad one",
            inside(&format!(r#""{}\ud800":1"#, r"\u0041".repeat(MIB / 6))),
            Nowhere,
        ),
        (
            "a title of a mebibyte",
            format!(
                r#"{{"token":"{token}","name":"{}","data":"eA=="}}"#,
                "a".repeat(MIB)
            ),
            ForAvatars,
        ),
        (
            "a token of a mebibyte",
            format!(
                r#"{{"token":"{}","name":"a","data":"eA=="}}"#,
                "a".repeat(MIB)
            ),
            Nowhere,
        ),
        (
            "a number of a mebibyte where a truth value belongs",
            inside(&format!(r#""public":{},"data":"eA==""#, "9".repeat(MIB))),
            ForAvatars,
        ),
        ("a mebibyte of blanks", " ".repeat(MIB), Nowhere),
        (
            "a mebibyte of blanks and a letter",
            inside(r#""data":"eA==""#) + &" ".repeat(MIB) + "x",
            Nowhere,
        ),
        ("a million unknown keys", keys(r#""data":"eA==""#), ForFiles),
        (
            "an unknown key of a mebibyte",
            inside(&format!(r#""{}":1,"data":"eA==""#, "k".repeat(MIB))),
            ForFiles,
        ),
    ]
}

#[test]
fn the_largest_json_is_refused_soon_and_changes_nothing() {
    let settled = Settled::new(&[]);
    let bodies = huge(&settled.user.token);
    let before = resident(&settled.server);
    for path in contract_paths() {
        for (name, body, good) in &bodies {
            let code = match (path, good) {
                ("/app/user/upload", Good::ForFiles) => continue,
                ("/app/user/avatar", Good::ForFiles | Good::ForAvatars) => continue,
                ("/app/user/upload" | "/app/user/avatar", _) => 1,
                _ => 6,
            };
            settled.expect(code, &format!("{path}: {name}"), || {
                settled.user.client.post_raw(path, body.as_str())
            });
        }
    }
    let grown = resident(&settled.server).saturating_sub(before);
    assert!(grown < 64 * 1024 * 1024, "{grown} bytes more");
}

/// Fields that nobody knows are ignored, however many there are.
#[test]
fn a_million_unknown_keys_are_ignored_in_constant_memory() {
    let settled = Settled::new(&[]);
    let before = resident(&settled.server);
    for (name, body, good) in huge(&settled.user.token) {
        if good == Good::ForFiles {
            let begun = Instant::now();
            let answer = settled.user.client.post_raw("/app/user/upload", body);
            assert_eq!(answer.code(), 130, "{name}");
            assert!(begun.elapsed() < SOON, "{name}");
        }
    }
    let grown = resident(&settled.server).saturating_sub(before);
    assert!(grown < 64 * 1024 * 1024, "{grown} bytes more");
}

/// Forms and multipart bodies have no depth, but as many fields as one likes.
#[test]
fn the_largest_forms_are_refused_soon_and_change_nothing() {
    let settled = Settled::new(&[]);
    let token = &settled.user.token;
    let form = "application/x-www-form-urlencoded";
    let multipart = "multipart/form-data; boundary=XX";
    let part = |name: &str, value: &str| {
        format!("--XX\r\nContent-Disposition: form-data; name=\"{name}\"\r\n\r\n{value}\r\n")
    };
    let fields = part("token", token) + &part("name", "a");
    for (name, content_type, body) in [
        (
            "a million fields and one twice",
            form,
            format!(
                "token={token}&name=a&{}name=b&data=eA%3D%3D",
                "k=v&".repeat(1_000_000)
            ),
        ),
        (
            "a million ampersands",
            form,
            format!("token={token}{}", "&".repeat(1_000_000)),
        ),
        (
            "a name of a mebibyte",
            form,
            format!("token={token}&name={}", "%41".repeat(MIB / 3)),
        ),
        (
            "a key of a mebibyte and a bad escape",
            form,
            format!("token={token}&{}%4", "k".repeat(MIB)),
        ),
        (
            "50,000 parts and one twice",
            multipart,
            fields.clone() + &part("k", "v").repeat(50_000) + &part("name", "b") + "--XX--\r\n",
        ),
        (
            "a part's head of a mebibyte",
            multipart,
            fields.clone() + &part(&"k".repeat(MIB), "v") + "--XX--\r\n",
        ),
        (
            "a part with a hundred thousand lines of head",
            multipart,
            fields.clone() + "--XX\r\n" + &"X: y\r\n".repeat(100_000) + "\r\nv\r\n--XX--\r\n",
        ),
        (
            "a mebibyte in front of the first part",
            multipart,
            "x".repeat(MIB),
        ),
        (
            "half a boundary, very often",
            multipart,
            fields + &"\r\n--X".repeat(300_000),
        ),
    ] {
        let body = Encoded::raw(Some(content_type), body);
        let client = &settled.user.client;
        settled.expect(1, name, || {
            client.send("POST", "/app/user/upload", &[], &body)
        });
    }
}
