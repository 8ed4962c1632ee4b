//! What was acknowledged is there after the server has ended, in whatever way.

use serde_json::{Value, json};

use crate::harness::client::base64;
use crate::harness::user::Entry;
use crate::harness::wire::post_head;
use crate::harness::{Person, Server, User, Wire, bytes, md5_hex, until};

const MIB: usize = 1024 * 1024;

/// People with all that an account can have.
struct World {
    user: User,
    other: User,
    registered: Person,
    files: Vec<(String, Vec<u8>)>,
    seen: (Value, Vec<Entry>, Vec<Entry>),
}

impl World {
    fn build(server: &Server) -> Self {
        let client = server.client();
        let (user, other) = (client.new_user(), client.new_user());
        let registered = Person::new();
        client.register(&registered).expect_code(100);
        user.modify(json!({"name": "改名", "birth": 99}))
            .expect_code(150);
        user.set_avatar(b"a picture").expect_code(120);
        let mut files = Vec::new();
        for size in [1, 300_000, 3 * MIB] {
            let content = bytes(size as u64, size);
            files.push((user.publish("public", &content), content));
        }
        files.push((user.hide("private", b"hidden"), b"hidden".to_vec()));
        let linked = user.instant("linked", &md5_hex(b"hidden")).expect_code(131);
        files.push((linked.fid(), b"hidden".to_vec()));
        let seen = seen_by(&user, &other);
        Self {
            user,
            other,
            registered,
            files,
            seen,
        }
    }

    fn check(&self, server: &Server) {
        assert_eq!(seen_by(&self.user, &self.other), self.seen);
        for (fid, content) in &self.files {
            assert!(self.user.read(fid) == *content, "{fid}");
        }
        self.other.get_file(&self.files[3].0).expect_bare(2);
        assert_eq!(self.user.get_avatar().expect_code(121).data(), b"a picture");
        let client = server.client();
        client.register(&self.registered).expect_bare(101);
        let login = client
            .login(&self.registered.phone, &self.registered.password)
            .expect_code(110);
        assert_eq!(login.json["first_time"], true);
        let login = client
            .login(&self.user.person.phone, &self.user.person.password)
            .expect_code(110);
        assert_eq!(login.json["first_time"], false);
        self.user
            .instant("claimed", &md5_hex(b"hidden"))
            .expect_code(131);
        // Contents of three sizes, one of two entries, and the avatar.
        server.blobs_after_all(5);
    }
}

fn seen_by(user: &User, other: &User) -> (Value, Vec<Entry>, Vec<Entry>) {
    let (info, own) = user.state();
    (info, own, other.recommended())
}

#[test]
fn everything_is_found_again_after_an_orderly_stop() {
    let mut server = Server::start();
    let world = World::build(&server);
    server.stop();
    server.start_again();
    world.check(&server);
}

#[test]
fn everything_is_found_again_after_a_kill() {
    let mut server = Server::start();
    let world = World::build(&server);
    server.kill();
    server.start_again();
    world.check(&server);
}

/// A09
#[test]
fn a_changed_password_and_the_ended_sessions_stay_so_after_a_kill() {
    let mut server = Server::start();
    let client = server.client();
    let user = client.new_user();
    let other = client.sign_in(&user.person);
    user.modify(json!({"password": "nagelneu"}))
        .expect_code(150);
    server.kill();
    server.start_again();
    other.info().expect_bare(3);
    user.info().expect_code(0);
    client
        .login(&user.person.phone, &user.person.password)
        .expect_bare(112);
    client
        .login(&user.person.phone, "nagelneu")
        .expect_code(110);
}

/// A09: killed in the middle of eight changes, each in a phase of its own. Whichever of them took
/// effect, it did so as a whole.
#[test]
fn a09_a_password_changes_together_with_the_end_of_the_other_sessions_also_under_a_kill() {
    let mut server = Server::with(&[("KMS_HASHING_PERMITS", "8")]);
    let client = server.client();
    let people: Vec<_> = (0..8)
        .map(|_| {
            let user = client.new_user();
            (client.sign_in(&user.person), user)
        })
        .collect();
    let (tell, told) = std::sync::mpsc::channel();
    std::thread::scope(|scope| {
        for (_, user) in &people {
            let tell = tell.clone();
            scope.spawn(move || {
                let body = user.signed(json!({"password": "nagelneu"})).to_string();
                let kind = Some("application/json");
                let route = "/app/user/modify";
                let _ = user
                    .client
                    .attempt("POST", route, &[], kind, body.as_bytes());
                let _ = tell.send(());
            });
        }
        // The first answer: the others are at their hashes, in the queue of the writer, or done.
        told.recv().unwrap();
        server.kill();
    });
    server.start_again();
    for (other, user) in &people {
        let phone = &user.person.phone;
        let is_new = client.login(phone, "nagelneu").code() == 110;
        let is_old = client.login(phone, &user.person.password).code() == 110;
        assert_ne!(is_old, is_new);
        assert_eq!(other.info().code() == 3, is_new, "half a change");
        user.info().expect_code(0);
    }
}

#[test]
fn what_an_upload_had_staged_is_gone_after_a_kill_and_a_start() {
    let mut server = Server::start();
    let user = server.new_user();
    let begin = format!(
        r#"{{"token":"{}","name":"a","data":"{}"#,
        user.token,
        base64(&bytes(1, MIB))
    );
    let mut wire = Wire::to(&user.client);
    wire.send(post_head("/app/user/upload", begin.len() + 1000));
    wire.send(&begin);
    until("something is staged", || !server.staged().is_empty());
    server.kill();
    assert!(!server.staged().is_empty());
    server.start_again();
    assert!(server.staged().is_empty());
    assert!(user.own().is_empty());
    assert!(server.blobs().is_empty());
}

#[test]
fn uploads_that_were_acknowledged_before_a_kill_are_whole() {
    let mut server = Server::start();
    let user = server.new_user();
    // A file at a time until the kill: the last ones were acknowledged only just.
    let stored: Vec<_> = (0..30)
        .map(|index| {
            let content = bytes(index, 20_000);
            (user.publish(&format!("{index}"), &content), content)
        })
        .collect();
    server.kill();
    server.start_again();
    assert_eq!(user.own().len(), 30);
    for (fid, content) in &stored {
        assert!(user.read(fid) == *content, "{fid}");
    }
}

#[test]
fn what_a_power_cut_takes_of_the_rows_of_small_uploads_is_there_after_the_start() {
    let mut server = Server::start();
    let (user, other) = (server.new_user(), server.new_user());
    user.publish("first", &bytes(1, 100));
    // What a disk has of the database before the last uploads, which are durable by their notes.
    let files = ["kms.db", "kms.db-wal"].map(|name| server.data_dir().join(name));
    let before = files.clone().map(|file| std::fs::read(file).unwrap());
    let content = bytes(2, 10_000);
    let shown = user.publish("shown", &content);
    let hidden = user.hide("hidden", &bytes(3, 10));
    server.kill();
    for (file, content) in files.iter().zip(before) {
        std::fs::write(file, content).unwrap();
    }
    server.start_again();
    assert_eq!(user.own().len(), 3);
    assert!(user.read(&shown) == content);
    assert!(other.read(&shown) == content);
    assert!(user.read(&hidden) == bytes(3, 10));
    // It is as private as it was.
    other.get_file(&hidden).expect_code(2);
    server.kill();
    server.start_again();
    assert_eq!(user.own().len(), 3);
}

#[test]
fn a_folder_survives_many_starts() {
    let mut server = Server::start();
    let user = server.new_user();
    for round in 0..4 {
        let title = format!("round {round}");
        let fid = user.publish(&title, title.as_bytes());
        if round % 2 == 0 {
            server.stop();
        } else {
            server.kill();
        }
        server.start_again();
        assert_eq!(user.read(&fid), title.as_bytes());
    }
    assert_eq!(user.own().len(), 4);
}
