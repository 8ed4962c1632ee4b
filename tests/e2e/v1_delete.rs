//! `DELETE /api/v1/files/{fid}`: an entry goes, and its content only when nobody else has it.

use crate::harness::reply::entry_of;
use crate::harness::{Server, at_once, bytes, md5_hex};

#[test]
fn a_deleted_entry_is_gone_and_deleting_it_again_finds_nothing() {
    let server = Server::start();
    let (user, other) = (server.new_user(), server.new_user());
    let content = bytes(1, 5000);
    let fid = user.publish("a", &content);
    let reply = user.delete(&fid).expect_status(204);
    assert!(reply.body.is_empty(), "{reply:?}");
    assert_eq!(reply.header("content-type"), None);
    user.get_file(&fid).expect_bare(2);
    other.get_file(&fid).expect_bare(2);
    user.content(&fid, &[]).expect_problem(404, 2);
    assert!(user.own().is_empty());
    assert!(other.recommended().is_empty());
    user.instant("a", &md5_hex(&content)).expect_bare(2);
    user.delete(&fid).expect_problem(404, 2);
}

#[test]
fn an_entry_of_somebody_else_is_not_there_to_delete() {
    let server = Server::start();
    let (owner, stranger) = (server.new_user(), server.new_user());
    let public = owner.publish("a", b"public");
    let private = owner.hide("b", b"private");
    let unknown = "67e55044-10b1-426f-9247-bb680e5fe0c8";
    for fid in [public.as_str(), &private, unknown, "x", "%00"] {
        let deleting = stranger.delete(fid).expect_problem(404, 2);
        // What is there and what is not look the same.
        assert_eq!(deleting.body, stranger.delete(unknown).body);
    }
    assert_eq!(owner.read(&public), b"public");
    assert_eq!(owner.read(&private), b"private");
}

#[test]
fn a_delete_needs_a_token() {
    let server = Server::start();
    let user = server.new_user();
    let fid = user.publish("a", b"content");
    let client = server.client();
    client
        .fetch("DELETE", &entry_of(&fid), &[], ())
        .expect_problem(401, 4);
    let wrong = [("Authorization", "Bearer wrong")];
    client
        .fetch("DELETE", &entry_of(&fid), &wrong, ())
        .expect_problem(401, 3);
    assert_eq!(user.read(&fid), b"content");
}

#[test]
fn content_that_somebody_else_has_stays() {
    let server = Server::start();
    let (one, two) = (server.new_user(), server.new_user());
    let content = bytes(1, 300_000);
    let first = one.hide("a", &content);
    let second = one.hide("b", &content);
    let theirs = two.hide("c", &content);
    server.only_blob();
    one.delete(&first).expect_status(204);
    assert!(one.read(&second) == content && two.read(&theirs) == content);
    one.delete(&second).expect_status(204);
    assert!(two.read(&theirs) == content);
    one.instant("d", &md5_hex(&content)).expect_bare(2);
}

#[test]
fn a_deleted_file_can_be_uploaded_again() {
    let server = Server::start();
    let user = server.new_user();
    for size in [5000, 300_000] {
        let content = bytes(1, size);
        let fid = user.publish("a", &content);
        user.delete(&fid).expect_status(204);
        let again = user.publish("a", &content);
        assert_ne!(again, fid);
        assert!(user.read(&again) == content);
    }
}

#[test]
fn of_simultaneous_deletes_one_deletes() {
    let server = Server::start();
    let user = server.new_user();
    let fid = user.publish("a", b"content");
    let mut found = at_once(8, |_| user.delete(&fid).status);
    found.sort_unstable();
    assert_eq!(found, [204, 404, 404, 404, 404, 404, 404, 404]);
}

#[test]
fn a_deletion_survives_a_kill() {
    let mut server = Server::start();
    let user = server.new_user();
    let (gone, stays) = (user.publish("a", b"gone"), user.publish("b", b"stays"));
    user.delete(&gone).expect_status(204);
    server.kill();
    server.start_again();
    user.get_file(&gone).expect_bare(2);
    assert_eq!(user.read(&stays), b"stays");
}
