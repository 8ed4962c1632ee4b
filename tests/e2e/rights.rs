//! A14: who may do what, as one table over every route there is. The list of routes is the server's own, so
//! that a route which nobody has thought about fails here.

mod plain;

use std::collections::BTreeSet;

use kms_api::endpoints;
use serde_json::{Value, json};

use crate::harness::client::base64;
use crate::harness::data::{new_phone, with};
use crate::harness::dump::Dump;
use crate::harness::{Person, Server, User, md5_hex, sha256_hex};

/// What a request is after.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Aim {
    /// Something for everybody, signed in or not.
    Open(u64),
    /// The asker's own account, or a new entry in it.
    Own(u64),
    /// An entry, to read it or to have its bytes.
    Read(u64),
    /// An entry, to change it.
    Change(u64),
    /// An entry, to take it away.
    Remove,
    /// A deleted entry, to bring it back or to remove it for good.
    Trash(&'static str),
    /// The session that asks, to end it.
    Leave,
}
use Aim::{Change, Leave, Open, Own, Read, Remove, Trash};

/// Every route with what it is after, and the code of its success. One that can be after two things stands
/// here twice.
const KNOWN: &[(&str, &str, Aim)] = &[
    ("POST", "/app/register", Open(100)),
    ("POST", "/app/register/testphone", Open(102)),
    ("POST", "/app/login", Open(110)),
    ("POST", "/app/user/avatar", Own(120)),
    ("POST", "/app/user/get_avatar", Own(121)),
    ("POST", "/app/user/upload", Own(130)),
    ("POST", "/app/user/upload", Read(131)),
    ("POST", "/app/user/getfile", Read(140)),
    ("POST", "/app/user/modify", Own(150)),
    ("POST", "/app/user/modifyinfo", Own(150)),
    ("POST", "/app/user/logout", Leave),
    ("POST", "/app/user/sessions", Own(0)),
    ("POST", "/app/user/info", Own(0)),
    ("POST", "/app/user/getownfilelist", Own(0)),
    ("POST", "/app/user/getfilelist", Own(0)),
    ("POST", "/app/see", Open(0)),
    ("GET", "/app/see", Open(0)),
    ("POST", "/api/v1/accounts", Open(100)),
    ("POST", "/api/v1/sessions", Open(110)),
    ("GET", "/api/v1/sessions", Own(0)),
    ("DELETE", "/api/v1/sessions/current", Leave),
    ("DELETE", "/api/v1/sessions/{id}", Leave),
    ("GET", "/api/v1/me", Own(0)),
    ("PATCH", "/api/v1/me", Own(150)),
    ("GET", "/api/v1/me/avatar", Own(121)),
    ("HEAD", "/api/v1/me/avatar", Own(121)),
    ("PUT", "/api/v1/me/avatar", Own(120)),
    ("GET", "/api/v1/users/{id}", Own(0)),
    ("POST", "/app/user/modifyfile", Change(141)),
    ("POST", "/app/user/modifyfile", Remove),
    ("POST", "/app/user/favorite", Own(0)),
    ("POST", "/app/user/favorite", Read(160)),
    ("POST", "/app/user/trash", Own(0)),
    ("POST", "/app/user/trash", Trash("restore")),
    ("POST", "/app/user/trash", Trash("purge")),
    ("GET", "/api/v1/files", Own(0)),
    ("POST", "/api/v1/files", Own(130)),
    ("GET", "/api/v1/files/{fid}", Read(140)),
    ("PATCH", "/api/v1/files/{fid}", Change(141)),
    ("GET", "/api/v1/trash", Own(0)),
    ("DELETE", "/api/v1/trash/{fid}", Trash("purge")),
    ("POST", "/api/v1/trash/{fid}/restore", Trash("restore")),
    ("GET", "/api/v1/favourites", Own(0)),
    ("GET", "/api/v1/hot", Own(0)),
    ("GET", "/api/v1/recommended", Own(0)),
    ("PUT", "/api/v1/favourites/{fid}", Read(160)),
    ("DELETE", "/api/v1/favourites/{fid}", Read(162)),
    ("POST", "/api/v1/files/claims", Read(131)),
    ("POST", "/api/v1/files/zip", Read(140)),
    ("DELETE", "/api/v1/files/{fid}", Remove),
    ("GET", "/api/v1/files/{fid}/content", Read(140)),
    ("HEAD", "/api/v1/files/{fid}/content", Read(140)),
];

/// Who asks. The tokens that are no longer good were the owner's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Asker {
    NoToken,
    EmptyToken,
    MadeUpToken,
    RevokedToken,
    ExpiredToken,
    Owner,
    Other,
}

/// What the request names: an entry of the owner's, or none. It is an own one when the owner asks, and a
/// foreign one when somebody else does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Entry {
    Private,
    Public,
    Deleted,
    Unknown,
    NoId,
}

const ASKERS: [Asker; 7] = [
    Asker::NoToken,
    Asker::EmptyToken,
    Asker::MadeUpToken,
    Asker::RevokedToken,
    Asker::ExpiredToken,
    Asker::Owner,
    Asker::Other,
];
const ENTRIES: [Entry; 5] = [
    Entry::Private,
    Entry::Public,
    Entry::Deleted,
    Entry::Unknown,
    Entry::NoId,
];

/// The whole of the rights.
fn expected(aim: Aim, asker: Asker, entry: Entry) -> u64 {
    match (aim, asker) {
        (Open(code), _) => code,
        (_, Asker::NoToken | Asker::EmptyToken) => 4,
        (_, Asker::MadeUpToken | Asker::RevokedToken | Asker::ExpiredToken) => 3,
        (Own(code), _) => code,
        (Leave, _) => 0,
        (Read(code), _) if owns(asker, entry) || entry == Entry::Public => code,
        (Change(code), _) if owns(asker, entry) => code,
        (Remove, _) if owns(asker, entry) => DELETED,
        (Trash(_), Asker::Owner) if entry == Entry::Deleted => 0,
        (Read(_) | Change(_) | Remove | Trash(_), _) => 2,
    }
}

/// Of a 204 it is not on the wire.
const DELETED: u64 = 142;

fn owns(asker: Asker, entry: Entry) -> bool {
    asker == Asker::Owner && matches!(entry, Entry::Private | Entry::Public)
}

/// How a token is shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Way {
    Field,
    Header,
}

/// An entry as a request names it: its id, and the MD5 and the SHA-256 of its bytes.
type Named = (String, String, String);

struct Scene {
    server: Server,
    owner: User,
    other: User,
    visitor: Person,
    revoked: String,
    expired: String,
    /// In the order of [`ENTRIES`].
    entries: Vec<Named>,
    count: u64,
}

impl Scene {
    fn new() -> Self {
        let server = Server::start();
        let client = server.client();
        let (mut owner, other) = (client.new_user(), client.new_user());
        let revoked = client.sign_in(&owner.person).token;
        let changed = Person {
            password: "geheim-2".to_owned(),
            ..owner.person.clone()
        };
        owner
            .modify(json!({"password": changed.password}))
            .expect_code(150);
        owner.person = changed;
        let expired = client.sign_in(&owner.person).token;
        let last = "seq = (SELECT max(seq) FROM sessions)";
        server.tamper(&format!(
            "UPDATE sessions SET last_used_at = 1 WHERE {last}"
        ));
        let visitor = Person::new();
        client.register(&visitor).expect_code(100);
        for user in [&owner, &other] {
            user.set_avatar(b"avatar").expect_code(120);
        }
        let mut scene = Self {
            server,
            owner,
            other,
            visitor,
            revoked,
            expired,
            entries: Vec::new(),
            count: 0,
        };
        scene.entries = ENTRIES.map(|entry| scene.make(entry)).to_vec();
        scene
    }

    /// A number that no cell has had.
    fn next(&mut self) -> u64 {
        self.count += 1;
        self.count
    }

    fn make(&mut self, entry: Entry) -> Named {
        let bytes = format!("bytes of an entry {}", self.next()).into_bytes();
        let (md5, sha256) = (md5_hex(&bytes), sha256_hex(&bytes));
        let fid = match entry {
            Entry::Private => self.owner.hide("private", &bytes),
            Entry::Public => self.owner.publish("public", &bytes),
            Entry::Deleted => {
                let fid = self.owner.publish("deleted", &bytes);
                self.owner.delete(&fid).expect_status(204);
                fid
            }
            Entry::Unknown => "67e55044-10b1-426f-9247-bb680e5fe0c8".to_owned(),
            Entry::NoId => "no-id".to_owned(),
        };
        (fid, md5, sha256)
    }

    /// Who leaves does so from a session of their own, so that the others can go on.
    fn token_for(&self, aim: Aim, asker: Asker) -> Option<String> {
        let user = match asker {
            Asker::Owner => &self.owner,
            Asker::Other => &self.other,
            _ => return self.token(asker).map(str::to_owned),
        };
        match aim {
            Leave => Some(self.server.client().sign_in(&user.person).token),
            _ => Some(user.token.clone()),
        }
    }

    fn token(&self, asker: Asker) -> Option<&str> {
        match asker {
            Asker::NoToken => None,
            Asker::EmptyToken => Some(""),
            Asker::MadeUpToken => Some("AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"),
            Asker::RevokedToken => Some(&self.revoked),
            Asker::ExpiredToken => Some(&self.expired),
            Asker::Owner => Some(&self.owner.token),
            Asker::Other => Some(&self.other.token),
        }
    }

    /// What the route wants beside the token; and the fid, whether it wants that or not.
    fn fields(&mut self, path: &str, aim: Aim, (fid, md5, _): &Named) -> Value {
        let number = self.next();
        let own = match (path, aim) {
            ("/app/register", _) => Person::new().fields(),
            ("/app/register/testphone", _) => json!({"phone": new_phone()}),
            ("/app/login", _) => {
                json!({"phone": self.visitor.phone, "password": self.visitor.password})
            }
            ("/app/user/avatar", _) => json!({"data": base64(b"avatar")}),
            // Private, lest what the owner claims be everybody's to claim.
            ("/app/user/upload", Read(_)) => json!({"name": "a", "md5": md5, "public": false}),
            ("/app/user/upload", _) => {
                json!({"name": "a", "data": base64(format!("stored {number}").as_bytes())})
            }
            ("/app/user/modify" | "/app/user/modifyinfo", _) => {
                json!({"name": format!("name {number}")})
            }
            ("/app/user/modifyfile", Remove) => json!({"delete": true}),
            ("/app/user/modifyfile", _) => json!({"name": format!("name {number}")}),
            ("/app/user/favorite", Own(_)) => return json!({}),
            ("/app/user/trash", Trash(what)) => json!({what: fid}),
            _ => json!({}),
        };
        with(own, json!({"fid": fid}))
    }

    /// One request of the contract; its code.
    fn ask(&mut self, route: (&str, &str), aim: Aim, asked: (Asker, Way), named: &Named) -> u64 {
        let ((method, path), (asker, way)) = (route, asked);
        if method == "GET" {
            return self.server.client().get(path).code();
        }
        let mut fields = self.fields(path, aim, named);
        let client = self.server.client();
        let token = self.token_for(aim, asker);
        let bearer = token.as_ref().map(|token| format!("Bearer {token}"));
        let mut headers = Vec::new();
        match (way, &token, &bearer) {
            (Way::Field, Some(token), _) => fields = with(fields, json!({"token": token})),
            (Way::Header, _, Some(bearer)) => headers.push(("Authorization", bearer.as_str())),
            _ => {}
        }
        let body = crate::harness::Encoded::new(crate::harness::Format::Json, &fields, None);
        client.send("POST", path, &headers, &body).code()
    }

    /// Whether a cell that is refused leaves everything as it is.
    fn check_refusal(&self, code: u64, before: &Dump, cell: &str) {
        if matches!(code, 2..=4) {
            self.server.expect_unchanged(before, cell);
        }
    }
}

/// A14
#[test]
fn a14_every_route_of_the_server_is_in_the_matrix() {
    let server: BTreeSet<_> = endpoints()
        .flat_map(|route| route.methods.split(", ").map(|method| (method, route.path)))
        .collect();
    let known: BTreeSet<_> = KNOWN
        .iter()
        .map(|(method, path, _)| (*method, *path))
        .chain(crate::documented::OPEN)
        .collect();
    assert_eq!(server, known);
}

/// A14
#[test]
fn a14_everybody_may_do_what_the_matrix_says_and_nothing_else() {
    let mut scene = Scene::new();
    let mut cells = 0;
    for (method, path, aim) in KNOWN {
        for asker in ASKERS {
            for (at, entry) in ENTRIES.into_iter().enumerate() {
                let ways: &[Way] = match (*path, aim, asker) {
                    (path, ..) if path.starts_with("/api/v1") => &[Way::Header],
                    (_, Open(_), _) | (_, _, Asker::NoToken) => &[Way::Field],
                    _ => &[Way::Field, Way::Header],
                };
                for way in ways {
                    let cell = format!("{method} {path} {aim:?} {asker:?} {entry:?} {way:?}");
                    let named = scene.entries[at].clone();
                    let code = expected(*aim, asker, entry);
                    let before = scene.server.dump();
                    let got = if path.starts_with("/api/v1") {
                        scene.fetch(method, path, *aim, asker, &named)
                    } else {
                        scene.ask((method, path), *aim, (asker, *way), &named)
                    };
                    assert_eq!(got, code, "{cell}");
                    scene.check_refusal(code, &before, &cell);
                    if code == DELETED {
                        scene.owner.get_file(&named.0).expect_bare(2);
                        scene.entries[at] = scene.make(entry);
                    }
                    if code == 160 {
                        let user = if asker == Asker::Owner {
                            &scene.owner
                        } else {
                            &scene.other
                        };
                        let fields = json!({"fid": named.0, "cancel": true});
                        user.post("/app/user/favorite", fields).expect_bare(162);
                    }
                    if code == 0 && matches!(aim, Trash(_)) {
                        scene.entries[at] = scene.make(entry);
                    }
                    cells += 1;
                }
            }
        }
    }
    assert!(cells >= KNOWN.len() * ASKERS.len() * ENTRIES.len());
    // What the owner has is still the owner's, and still what it was.
    for (at, entry) in ENTRIES.into_iter().enumerate() {
        let code = scene.owner.get_file(&scene.entries[at].0).code();
        assert_eq!(code, if owns(Asker::Owner, entry) { 140 } else { 2 });
    }
}
