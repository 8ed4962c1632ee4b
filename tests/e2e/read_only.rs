//! A file system that nothing can be written to any more: ext4 makes itself read-only when it finds
//! damage, whoever writes at that moment. The test has to run as root.

use std::path::Path;

use crate::harness::reply::content_of;
use crate::harness::server::run_to_end;
use crate::harness::{Mount, Person, Server, User, bytes, md5_hex};

/// What writes by itself meets it first: the collector and the notes of sessions' last use.
const BUSY: &[(&str, &str)] = &[
    ("KMS_GC_INTERVAL", "100ms"),
    ("KMS_GC_GRACE", "0s"),
    ("KMS_SESSION_TOUCH", "0s"),
];

/// A record of a pack, a file without checksums, and two with them.
const SIZES: [usize; 4] = [1000, 100_000, 400_000, 3_000_000];

struct Stored {
    user: User,
    somebody_else: User,
    files: Vec<(String, Vec<u8>)>,
    avatar: Vec<u8>,
}

impl Stored {
    fn new(server: &Server) -> Self {
        let user = server.new_user();
        let mut files = Vec::new();
        for (seed, size) in (1..).zip(SIZES) {
            let content = bytes(seed, size);
            files.push((user.publish("file", &content), content));
        }
        let avatar = bytes(9, 2000);
        user.set_avatar(&avatar).expect_code(120);
        Self {
            user,
            somebody_else: server.new_user(),
            files,
            avatar,
        }
    }

    /// All that can be read is read, with the session that there is.
    #[track_caller]
    fn read(&self) {
        let user = &self.user;
        user.info().expect_code(0);
        assert_eq!(user.own().len(), self.files.len());
        assert_eq!(self.somebody_else.recommended().len(), self.files.len());
        assert!(user.get_avatar().expect_code(121).data() == self.avatar);
        for (fid, content) in &self.files {
            assert!(user.read(fid) == *content);
            let reply = user.content(fid, &[]);
            assert!(reply.status == 200 && reply.body == *content, "{reply:?}");
            let end = user.content(fid, &[("Range", "bytes=-500")]);
            assert!(end.status == 206 && content.ends_with(&end.body), "{end:?}");
            let head = user.fetch("HEAD", &content_of(fid), &[], ());
            assert_eq!(head.status, 200, "{head:?}");
        }
        let taken = user.client.test_phone(&user.person.phone);
        taken.expect_code(101);
    }

    /// Whatever writes is refused.
    #[track_caller]
    fn write_in_vain(&self) {
        let user = &self.user;
        for (seed, size) in (100..).zip(SIZES) {
            let content = bytes(seed, size);
            user.upload("new", &content).expect_bare(5);
            assert_eq!(user.create("name=new", &content).status, 500);
        }
        let (known, content) = &self.files[2];
        user.instant("again", &md5_hex(content)).expect_bare(5);
        user.upload("again", content).expect_bare(5);
        user.modify(serde_json::json!({"name": "李四"}))
            .expect_bare(5);
        user.set_avatar(b"another").expect_bare(5);
        assert_eq!(user.delete(known).status, 500);
        user.client.register(&Person::new()).expect_bare(5);
        let person = &user.person;
        let login = user.client.login(&person.phone, &person.password);
        login.expect_bare(5);
    }
}

#[test]
fn a_file_system_that_becomes_read_only_is_read_from_and_refuses_every_write() {
    // An upload meets it first where nothing writes by itself.
    for settings in [BUSY, &[]] {
        let Some(disk) = Mount::ext4(256) else {
            return;
        };
        become_read_only(&disk, settings);
    }
}

fn become_read_only(disk: &Mount, settings: &[(&str, &str)]) {
    let mut server = Server::in_folder(&disk.path(), settings);
    let stored = Stored::new(&server);
    disk.find_damage();
    for _ in 0..3 {
        stored.read();
        stored.write_in_vain();
    }
    server.wait_for_log("will succeed until the server is restarted");
    assert!(!server.has_ended());
    // The kernel lets nobody write until the file system was checked, for which the server must go.
    server.stop();
    expect_refusal(&disk.path());
    disk.repair();
    server.start_again();
    stored.read();
    let output = server.command(&["fsck"], "");
    assert!(output.status.success(), "{output:?}");
    let content = bytes(200, 400_000);
    let fid = stored.user.publish("after all", &content);
    assert!(stored.user.read(&fid) == content);
    server.client().sign_in(&stored.user.person);
}

#[test]
fn a_start_on_a_read_only_file_system_is_refused_in_words_and_leaves_all_as_it_is() {
    let Some(disk) = Mount::ext4(256) else {
        return;
    };
    let mut server = Server::in_folder(&disk.path(), &[]);
    let stored = Stored::new(&server);
    // Once without a journal to recover, and once with one.
    for ends in [Server::stop, Server::kill] {
        ends(&mut server);
        disk.remount("ro");
        expect_refusal(&disk.path());
        disk.remount("rw");
        server.start_again();
        stored.read();
    }
}

#[track_caller]
fn expect_refusal(folder: &Path) {
    let output = run_to_end(folder, &[], &["--listen", "127.0.0.1:0"], "");
    assert_eq!(output.status.code(), Some(1), "{output:?}");
    let told = String::from_utf8(output.stderr).unwrap();
    assert!(told.contains("mounted read-only"), "{told}");
    assert!(told.contains("mount it for writing"), "{told}");
}
