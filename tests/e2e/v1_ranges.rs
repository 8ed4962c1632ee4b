//! Parts of a content.

use crate::harness::reply::content_of;
use crate::harness::wire::head;
use crate::harness::{Server, Wire, bytes};

const KIB: usize = 1024;
const MIB: usize = 1024 * KIB;

#[test]
fn a_part_is_206_with_its_place() {
    let server = Server::start();
    let user = server.new_user();
    let content = bytes(1, 3 * MIB);
    let fid = user.publish("a", &content);
    let last = content.len() - 1;
    for (range, start, end) in [
        ("bytes=0-0".to_owned(), 0, 0),
        ("bytes=0-".to_owned(), 0, last),
        (format!("bytes={last}-"), last, last),
        ("bytes=-1".to_owned(), last, last),
        ("bytes=-99999999".to_owned(), 0, last),
        ("bytes=1000-99999999999999999999".to_owned(), 1000, last),
        // Around the edges of the blocks in which it is read.
        (
            format!("bytes={}-{}", 256 * KIB - 1, 256 * KIB),
            256 * KIB - 1,
            256 * KIB,
        ),
        (format!("bytes=7-{}", 256 * KIB + 6), 7, 256 * KIB + 6),
        (format!("bytes=7-{}", 256 * KIB + 7), 7, 256 * KIB + 7),
        (format!("bytes=1-{last}"), 1, last),
    ] {
        let reply = user.content(&fid, &[("Range", &range)]).expect_status(206);
        assert!(reply.body == content[start..=end], "{range}");
        let place = format!("bytes {start}-{end}/{}", content.len());
        assert_eq!(reply.header("content-range"), Some(place.as_str()));
        let length = (end - start + 1).to_string();
        assert_eq!(reply.header("content-length"), Some(length.as_str()));
        assert_eq!(reply.header("accept-ranges"), Some("bytes"));
        for name in [
            "etag",
            "last-modified",
            "content-type",
            "content-disposition",
        ] {
            assert!(reply.header(name).is_some(), "{name}: {reply:?}");
        }
    }
}

#[test]
fn parts_put_together_are_the_whole() {
    let server = Server::start();
    let user = server.new_user();
    let content = bytes(1, MIB + 11);
    let fid = user.publish("a", &content);
    let bearer = user.bearer();
    let mut wire = Wire::to(&user.client);
    let mut together = Vec::new();
    let mut etag = None;
    while together.len() < content.len() {
        let range = format!("bytes={}-{}", together.len(), together.len() + 300_000 - 1);
        let mut headers = vec![("Authorization", bearer.clone()), ("Range", range)];
        headers.extend(etag.clone().map(|etag| ("If-Range", etag)));
        let headers: Vec<_> = headers
            .iter()
            .map(|(name, value)| (*name, value.as_str()))
            .collect();
        wire.send(head("GET", &content_of(&fid), &headers));
        let reply = wire.reply().expect_status(206);
        together.extend_from_slice(&reply.body);
        etag = reply.header("etag").map(str::to_owned);
    }
    assert!(together == content);
}

#[test]
fn a_range_of_which_nothing_is_there_is_416() {
    let server = Server::start();
    let user = server.new_user();
    let fid = user.publish("a", b"0123456789");
    for range in [
        "bytes=10-",
        "bytes=10-10",
        "bytes=99999999999999999999-",
        "bytes=-0",
    ] {
        let reply = user
            .content(&fid, &[("Range", range)])
            .expect_problem(416, 1);
        assert_eq!(reply.header("content-range"), Some("bytes */10"), "{range}");
        let head = user.fetch("HEAD", &content_of(&fid), &[("Range", range)], ());
        assert_eq!(head.status, 200, "HEAD knows no ranges");
    }
}

#[test]
fn several_ranges_and_what_is_none_are_ignored() {
    let server = Server::start();
    let user = server.new_user();
    let fid = user.publish("a", b"0123456789");
    for range in [
        "bytes=0-1,3-4",
        "bytes=0-1,",
        "bytes=2-1",
        "bytes=+1-2",
        "bytes=a-b",
        "bytes=",
        "bytes",
        "items=0-1",
        "bytes 0-1",
    ] {
        let reply = user.content(&fid, &[("Range", range)]).expect_status(200);
        assert_eq!(reply.body, b"0123456789", "{range}");
        assert_eq!(reply.header("content-range"), None);
    }
    let twice = [("Range", "bytes=0-1"), ("Range", "bytes=0-1")];
    user.content(&fid, &twice).expect_status(200);
}

#[test]
fn a_part_is_checked_and_read_without_the_rest() {
    let server = Server::start();
    let user = server.new_user();
    let content = bytes(1, 2 * MIB);
    let fid = user.publish("a", &content);
    // What is wrong in the middle does not matter to who asks for the end.
    server.only_blob().flip_a_byte();
    let end = user
        .content(&fid, &[("Range", "bytes=-1000")])
        .expect_status(206);
    assert!(end.body == content[content.len() - 1000..]);
    // Who asks for what is wrong does not get it, however little else.
    for range in ["bytes=1048576-1048576", "bytes=1048570-1048600"] {
        user.content(&fid, &[("Range", range)])
            .expect_problem(500, 5);
    }
    // That it is known by now takes nothing from the rest.
    let end = user
        .content(&fid, &[("Range", "bytes=-1000")])
        .expect_status(206);
    assert!(end.body == content[content.len() - 1000..]);
    // Everything as a range breaks off in front of it.
    let bearer = user.bearer();
    let headers = [("Authorization", bearer.as_str()), ("Range", "bytes=0-")];
    let mut wire = Wire::to(&user.client);
    wire.send(head("GET", &content_of(&fid), &headers));
    let torn = wire.torn_answer();
    assert_eq!((torn.status, torn.announced), (206, content.len()));
    assert!(torn.received <= MIB, "{torn:?}");
}

#[test]
fn a_part_of_a_shortened_file_is_500_and_the_next_upload_heals_it() {
    let server = Server::start();
    let user = server.new_user();
    let content = bytes(1, 100_000);
    let fid = user.publish("a", &content);
    server.only_blob().shorten(99_000);
    let range = [("Range", "bytes=0-9")];
    user.content(&fid, &range).expect_problem(500, 5);
    user.create("name=again", &content).expect_status(201);
    assert_eq!(
        user.content(&fid, &range).expect_status(206).body,
        content[..10]
    );
}
