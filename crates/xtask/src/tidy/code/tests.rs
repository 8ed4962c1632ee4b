use super::*;

fn words(source: &str) -> Vec<String> {
    identifiers(&without_prose(source))
        .map(|(_, word)| word.to_owned())
        .collect()
}

#[test]
fn comments_of_every_kind_are_blanked() {
    assert_eq!(
        words("a // b\n/* c /* d */ e */ f /// g\n//! h\ni"),
        ["a", "f", "i"]
    );
}

#[test]
fn strings_of_every_kind_are_blanked() {
    assert_eq!(
        words(r##"a("b \" c", r"d\", r#"e " f"#, b"g", br#"h"#) + i"##),
        ["a", "b", "i"]
    );
}

#[test]
fn a_word_that_ends_in_r_opens_no_raw_string() {
    assert_eq!(words(r#"bar"x\" y" z"#), ["bar", "z"]);
}

#[test]
fn characters_are_blanked_and_lifetimes_stay() {
    assert_eq!(
        words(r"a('b', '\'', '\u{63}', '/') + d::<'e>(&'static f)"),
        ["a", "d", "e", "static", "f"]
    );
}

#[test]
fn a_comment_marker_inside_a_string_opens_no_comment() {
    assert_eq!(words("a(\"// b\", '\"', \"/*\") + c"), ["a", "c"]);
}

#[test]
fn an_unclosed_string_or_comment_ends_with_the_file() {
    assert_eq!(words("a \"b"), ["a"]);
    assert_eq!(words("a /* b"), ["a"]);
}

#[test]
fn line_numbers_survive() {
    let source = "a\n/* 1\n2 */ b\n\"x\ny\" c\n";
    let code = without_prose(source);
    let found: Vec<_> = identifiers(&code).collect();
    assert_eq!(found, [(1, "a"), (3, "b"), (5, "c")]);
}

#[test]
fn test_modules_are_blanked_and_what_follows_stays() {
    let code =
        without_tests("fn a() {}\n#[cfg(test)]\nmod tests {\n  fn b() { c }\n}\nfn d() {}\n");
    let found: Vec<_> = identifiers(&code)
        .map(|(line, word)| format!("{line}{word}"))
        .collect();
    assert_eq!(found, ["1fn", "1a", "6fn", "6d"]);
}

#[test]
fn a_test_module_in_its_own_file_takes_nothing_with_it() {
    let code = without_tests("#[cfg(test)]\nmod tests;\nfn d() { e }\n");
    assert!(!code.contains("mod") && code.contains("fn d() { e }"));
}

#[test]
fn a_file_for_tests_only_is_blanked_whole() {
    assert_eq!(without_tests("#![cfg(test)]\nuse a;\n").trim(), "");
}

#[test]
fn test_paths_are_known_by_where_they_lie() {
    for path in [
        "crates/a/tests/x.rs",
        "crates/a/src/tests.rs",
        "crates/a/src/b_tests.rs",
        "tests/e2e/main.rs",
        "crates/a/benches/b.rs",
    ] {
        assert!(is_test_path(path), "{path}");
    }
    for path in ["crates/a/src/attests.rs", "crates/testkit/src/lib.rs"] {
        assert!(!is_test_path(path), "{path}");
    }
}

#[test]
fn modules_of_std_are_found_in_paths_and_groups() {
    let code = "use std::fs;\nuse std::{io::{self, Read}, net::TcpStream,\n env};\nlet x = std::fmt::Result;\nmystd::time::x";
    let found: Vec<_> = std_modules(code)
        .into_iter()
        .map(|(line, name)| format!("{line}{name}"))
        .collect();
    assert_eq!(found, ["1fs", "2io", "2net", "2env", "4fmt"]);
}
