//! Somebody who has signed in.

use serde_json::{Value, json};

use super::client::base64;
use super::data::with;
use super::{Answer, Client, Format, Person};

#[derive(Clone, Debug)]
pub(crate) struct User {
    pub(crate) client: Client,
    pub(crate) person: Person,
    pub(crate) token: String,
}

/// An entry of a list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Entry {
    pub(crate) fid: String,
    pub(crate) name: String,
    pub(crate) date: i64,
    /// Only an own list tells.
    pub(crate) public: Option<bool>,
}

impl User {
    pub(crate) fn new(client: Client, person: Person, token: &str) -> Self {
        Self {
            client,
            person,
            token: token.to_owned(),
        }
    }

    /// Sends fields and the token as JSON.
    #[track_caller]
    pub(crate) fn post(&self, route: &str, fields: Value) -> Answer {
        self.client.post(route, self.signed(fields))
    }

    /// Fields with the token among them.
    pub(crate) fn signed(&self, fields: Value) -> Value {
        with(fields, json!({"token": self.token}))
    }

    #[track_caller]
    pub(crate) fn info(&self) -> Answer {
        self.post("/app/user/info", json!({}))
    }

    #[track_caller]
    pub(crate) fn modify(&self, fields: Value) -> Answer {
        self.post("/app/user/modify", fields)
    }

    #[track_caller]
    pub(crate) fn set_avatar(&self, bytes: &[u8]) -> Answer {
        self.post("/app/user/avatar", json!({"data": base64(bytes)}))
    }

    #[track_caller]
    pub(crate) fn get_avatar(&self) -> Answer {
        self.post("/app/user/get_avatar", json!({}))
    }

    #[track_caller]
    pub(crate) fn upload(&self, title: &str, bytes: &[u8]) -> Answer {
        self.upload_with(title, bytes, json!({}))
    }

    /// An upload with more fields than it needs.
    #[track_caller]
    pub(crate) fn upload_with(&self, title: &str, bytes: &[u8], more: Value) -> Answer {
        let fields = json!({"name": title, "data": base64(bytes)});
        self.post("/app/user/upload", with(fields, more))
    }

    #[track_caller]
    pub(crate) fn upload_as(&self, format: Format, title: &str, bytes: &[u8]) -> Answer {
        let fields = self.signed(json!({"name": title}));
        self.client
            .post_as(format, "/app/user/upload", &fields, Some(bytes))
    }

    /// Stores a public file and gives back its fid.
    #[track_caller]
    pub(crate) fn publish(&self, title: &str, bytes: &[u8]) -> String {
        self.upload_with(title, bytes, json!({"public": true}))
            .expect_code(130)
            .fid()
    }

    /// Stores a private file and gives back its fid.
    #[track_caller]
    pub(crate) fn hide(&self, title: &str, bytes: &[u8]) -> String {
        self.upload_with(title, bytes, json!({"public": false}))
            .expect_code(130)
            .fid()
    }

    #[track_caller]
    pub(crate) fn instant(&self, title: &str, md5: &str) -> Answer {
        self.post("/app/user/upload", json!({"name": title, "md5": md5}))
    }

    #[track_caller]
    pub(crate) fn get_file(&self, fid: &str) -> Answer {
        self.post("/app/user/getfile", json!({"fid": fid}))
    }

    /// The bytes of a file that must be there.
    #[track_caller]
    pub(crate) fn read(&self, fid: &str) -> Vec<u8> {
        self.get_file(fid).expect_code(140).data()
    }

    /// Deletes a file and removes it from the trash, so that nothing of it is left.
    #[track_caller]
    pub(crate) fn erase(&self, fid: &str) {
        self.delete(fid).expect_status(204);
        self.post("/app/user/trash", json!({"purge": fid}))
            .expect_bare(0);
    }

    /// The own list, newest first.
    #[track_caller]
    pub(crate) fn own(&self) -> Vec<Entry> {
        entries(&self.post("/app/user/getownfilelist", json!({})), true)
    }

    /// The recommended list.
    #[track_caller]
    pub(crate) fn recommended(&self) -> Vec<Entry> {
        entries(&self.post("/app/user/getfilelist", json!({})), false)
    }

    /// All that a request which is refused must leave as it is.
    #[track_caller]
    pub(crate) fn state(&self) -> (Value, Vec<Entry>) {
        (self.info().expect_code(0).json, self.own())
    }
}

#[track_caller]
fn entries(answer: &Answer, own: bool) -> Vec<Entry> {
    answer.clone().expect_code(0);
    let array = |name: &str| match answer.json[name].as_array() {
        Some(array) => array.clone(),
        None => panic!("no list {name}: {answer:?}"),
    };
    let (fids, names, dates) = (array("fidlist"), array("namelist"), array("datelist"));
    let publics = if own { Some(array("public")) } else { None };
    assert_eq!(names.len(), fids.len(), "{answer:?}");
    assert_eq!(dates.len(), fids.len(), "{answer:?}");
    assert_eq!(answer.json["total"], fids.len(), "{answer:?}");
    if let Some(publics) = &publics {
        assert_eq!(publics.len(), fids.len(), "{answer:?}");
    }
    (0..fids.len())
        .map(|at| Entry {
            fid: fids[at].as_str().unwrap().to_owned(),
            name: names[at].as_str().unwrap().to_owned(),
            date: dates[at].as_i64().unwrap(),
            public: publics.as_ref().map(|list| list[at].as_bool().unwrap()),
        })
        .collect()
}

/// The fids of a list.
pub(crate) fn fids(entries: &[Entry]) -> Vec<&str> {
    entries.iter().map(|entry| entry.fid.as_str()).collect()
}
