use actix_web::test::TestRequest;

use super::*;

fn proxies(text: &str) -> TrustedProxies {
    text.parse().unwrap()
}

/// The client behind `peer` according to these lines.
fn client(proxies: &str, peer: &str, lines: &[&str]) -> String {
    let lines: Vec<&[u8]> = lines.iter().map(|line| line.as_bytes()).collect();
    let proxies: TrustedProxies = proxies.parse().unwrap();
    proxies.client(peer.parse().unwrap(), &lines).to_string()
}

/// A21.
#[test]
fn the_header_of_a_peer_that_is_no_proxy_counts_for_nothing() {
    for trusted in ["", "10.0.0.1", "10.0.0.0/8,2001:db8::/32"] {
        assert_eq!(client(trusted, "192.0.2.1", &["198.51.100.7"]), "192.0.2.1");
    }
}

/// A21.
#[test]
fn what_a_client_writes_itself_stands_left_of_what_the_proxy_writes() {
    let one = "10.0.0.1";
    assert_eq!(
        client(one, one, &["203.0.113.9, 198.51.100.7"]),
        "198.51.100.7"
    );
    assert_eq!(
        client(one, one, &["10.0.0.1, 198.51.100.7"]),
        "198.51.100.7"
    );
    assert_eq!(
        client(one, one, &["203.0.113.9", "198.51.100.7"]),
        "198.51.100.7"
    );
}

#[test]
fn a_row_of_proxies_is_followed_to_the_first_address_that_is_none() {
    let block = "10.0.0.0/8, 2001:db8::/32";
    let hops = ["1.1.1.1, 198.51.100.7,2001:db8::5", " 10.2.3.4 "];
    assert_eq!(client(block, "10.0.0.1", &hops), "198.51.100.7");
    assert_eq!(
        client(block, "10.0.0.1", &["10.0.0.3, 10.0.0.2"]),
        "10.0.0.3"
    );
}

#[test]
fn without_a_header_the_proxy_itself_is_the_client() {
    assert_eq!(client("10.0.0.1", "10.0.0.1", &[]), "10.0.0.1");
}

#[test]
fn what_is_no_address_ends_at_the_last_that_was_known() {
    let block = "10.0.0.0/8";
    for broken in [
        "",
        " ",
        "unknown",
        "_hidden",
        "1.2.3",
        "1.2.3.4.5",
        "1.2.3.4:",
        "1.2.3.4:x",
        "[2001:db8::1",
        "[1.2.3.4]",
        "for=1.2.3.4",
        "\u{ff11}.2.3.4",
    ] {
        let line = format!("198.51.100.7, {broken}");
        assert_eq!(
            client(block, "10.0.0.1", &[&line]),
            "10.0.0.1",
            "{broken:?}"
        );
        let line = format!("198.51.100.7, {broken}, 10.0.0.2");
        assert_eq!(
            client(block, "10.0.0.1", &[&line]),
            "10.0.0.2",
            "{broken:?}"
        );
    }
    let bytes: [&[u8]; 1] = [b"\xff\xfe"];
    let peer = "10.0.0.1".parse().unwrap();
    assert_eq!(proxies(block).client(peer, &bytes), peer);
}

#[test]
fn ports_brackets_and_mapped_addresses_are_read() {
    for (written, read) in [
        ("198.51.100.7:4711", "198.51.100.7"),
        ("[2001:db8:9::1]:4711", "2001:db8:9::1"),
        ("[2001:db8:9::1]", "2001:db8:9::1"),
        ("2001:db8:9::1", "2001:db8:9::1"),
        ("::ffff:198.51.100.7", "198.51.100.7"),
    ] {
        assert_eq!(client("10.0.0.1", "::ffff:10.0.0.1", &[written]), read);
    }
}

#[test]
fn a_block_holds_what_begins_like_it() {
    for (block, inside, outside) in [
        ("10.0.0.0/8", "10.255.0.1", "11.0.0.0"),
        ("192.0.2.128/25", "192.0.2.255", "192.0.2.127"),
        ("192.0.2.1", "192.0.2.1", "192.0.2.2"),
        ("0.0.0.0/0", "255.0.0.1", "::1"),
        ("::/0", "2001:db8::1", "1.2.3.4"),
        ("2001:db8::/33", "2001:db8:7fff::", "2001:db8:8000::"),
        ("::1/128", "::1", "::2"),
        ("::ffff:10.0.0.0/104", "10.1.1.1", "::ffff"),
    ] {
        let trusted = proxies(block);
        assert!(trusted.trust(inside.parse().unwrap()), "{block} {inside}");
        assert!(
            !trusted.trust(outside.parse().unwrap()),
            "{block} {outside}"
        );
    }
}

#[test]
fn a_list_is_written_as_it_is_read() {
    for text in [
        "",
        "127.0.0.1",
        "127.0.0.0/8,::1",
        "10.0.0.0/8,2001:db8::/32",
    ] {
        assert_eq!(proxies(text).text(), text);
    }
    assert_eq!(proxies(" ::1/128 , 10.0.0.0/32 ").text(), "::1,10.0.0.0");
}

#[test]
fn what_is_no_list_is_refused() {
    use ProxiesError::{HostBits, NoBlock};
    for (text, error) in [
        (",", NoBlock),
        ("10.0.0.1,", NoBlock),
        ("10.0.0.1 10.0.0.2", NoBlock),
        ("10.0.0.0/", NoBlock),
        ("10.0.0.0/33", NoBlock),
        ("10.0.0.0/+8", NoBlock),
        ("10.0.0.0/-1", NoBlock),
        ("::/129", NoBlock),
        ("localhost", NoBlock),
        ("10.0.0.1/8", HostBits),
        ("2001:db8::1/32", HostBits),
    ] {
        assert_eq!(text.parse::<TrustedProxies>(), Err(error), "{text}");
    }
}

#[test]
fn a_request_is_of_its_peers_network_or_of_the_one_that_a_proxy_names() {
    let head = |peer: &str| {
        TestRequest::default()
            .peer_addr(peer.parse().unwrap())
            .insert_header(("x-forwarded-for", "203.0.113.9"))
            .append_header(("x-forwarded-for", "198.51.100.7"))
            .to_http_request()
    };
    let shown = |proxies: &str, peer| {
        let proxies: TrustedProxies = proxies.parse().unwrap();
        proxies.network_of(&head(peer)).to_string()
    };
    assert_eq!(shown("", "192.0.2.1:1"), "192.0.2.0/24");
    assert_eq!(shown("192.0.2.1", "192.0.2.1:1"), "198.51.100.0/24");
    assert_eq!(shown("192.0.2.1", "192.0.2.2:1"), "192.0.2.0/24");
    assert_eq!(shown("", "[2001:db8:1:2::3]:1"), "2001:db8:1::/48");
}
