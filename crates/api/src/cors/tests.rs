use super::*;

#[test]
fn origins_are_read_as_browsers_send_them() {
    for text in [
        "https://kms.example.com",
        "http://localhost:5173",
        "https://xn--fiq228c.example",
        "http://127.0.0.1:8080",
        "http://[::1]:3000",
        "https://[2001:db8::1]",
        "https://kms.example:80",
        "capacitor://localhost",
        "https://a.example,https://b.example:8443",
    ] {
        let origins: AllowedOrigins = text.parse().unwrap();
        assert_eq!(origins.text(), text);
    }
    let spaced: AllowedOrigins = " https://a.example , https://b.example ".parse().unwrap();
    assert_eq!(spaced.text(), "https://a.example,https://b.example");
    for nothing in ["", "  "] {
        assert_eq!(nothing.parse(), Ok(AllowedOrigins::default()));
    }
}

#[test]
fn what_is_no_origin_is_refused_with_the_reason() {
    use OriginsError::{Anybody, NeverSent, NoOrigin};
    for (text, error) in [
        ("*", Anybody),
        ("https://*.example", Anybody),
        ("null", Anybody),
        ("https://a.example,*", Anybody),
        ("a.example", NoOrigin),
        ("://a.example", NoOrigin),
        ("https://", NoOrigin),
        ("https://:8443", NoOrigin),
        ("https://a.example/", NoOrigin),
        ("https://a.example/path", NoOrigin),
        ("https://a.example?x", NoOrigin),
        ("https://a.example#x", NoOrigin),
        ("https://user@a.example", NoOrigin),
        ("https://a b.example", NoOrigin),
        ("https://a.example\r\nx", NoOrigin),
        ("https://a.example:", NoOrigin),
        ("https://a.example:65536", NoOrigin),
        ("https://a.example:x", NoOrigin),
        ("https://a.example:1:2", NoOrigin),
        ("https://[::1", NoOrigin),
        ("https://[x]", NoOrigin),
        ("https://::1", NoOrigin),
        ("4ttp://a.example", NoOrigin),
        ("https://a.example,", NoOrigin),
        ("HTTPS://a.example", NeverSent),
        ("https://A.example", NeverSent),
        ("https://用户.example", NeverSent),
        ("https://a.example:443", NeverSent),
        ("http://a.example:80", NeverSent),
        ("https://a.example:08443", NeverSent),
        ("https://[0:0:0:0:0:0:0:1]", NeverSent),
    ] {
        assert_eq!(text.parse::<AllowedOrigins>(), Err(error), "{text}");
    }
}

#[test]
fn an_origin_matches_to_the_letter_and_only_alone() {
    let allowed: AllowedOrigins = "https://a.example,https://b.example:8443".parse().unwrap();
    let of = |values: &[&'static str]| {
        let mut head = HeaderMap::new();
        for value in values {
            head.append(ORIGIN, HeaderValue::from_static(value));
        }
        allowed.of(&head)
    };
    for origin in ["https://a.example", "https://b.example:8443"] {
        assert_eq!(of(&[origin]).unwrap(), origin);
    }
    for other in [
        "http://a.example",
        "https://a.example:8443",
        "https://b.example",
        "https://a.example.evil",
        "https://a.exampl",
        "https://A.example",
        "https://a.example/",
        "null",
        "*",
        "",
    ] {
        assert_eq!(of(&[other]), None, "{other}");
    }
    assert_eq!(of(&[]), None);
    assert_eq!(of(&["https://a.example", "https://b.example:8443"]), None);
}
