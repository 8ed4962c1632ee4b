use super::document::Document;
use super::lock::Lock;
use super::tree::{Graph, Package, sqlite_version, text_ending_in};

const ALL: &str = "\
0kms-api v0.1.0 (/somewhere/of this|machine)|MIT OR Apache-2.0
1derive v1.0.0 (proc-macro)|MIT/Apache-2.0
1kms-infra v0.1.0 (/somewhere)|MIT OR Apache-2.0
2libsqlite3-sys v0.38.2|MIT
3cc v1.1.0|MIT OR Apache-2.0
2toml v0.9.12+spec-1.1.0|MIT
1libsqlite3-sys v0.38.2|MIT (*)
";
const SHIPPED: &str = "\
0kms-api v0.1.0 (/somewhere)|MIT OR Apache-2.0
1kms-infra v0.1.0 (/somewhere)|MIT OR Apache-2.0
2libsqlite3-sys v0.38.2|MIT
2toml v0.9.12+spec-1.1.0|MIT
";
const LOCK: &str = r#"version = 4

[[package]]
name = "cc"
version = "1.1.0"
source = "registry+https://registry.invalid/index"
checksum = "c0"

[[package]]
name = "derive"
version = "1.0.0"
source = "registry+https://registry.invalid/index"
checksum = "d0"

[[package]]
name = "kms-api"
version = "0.1.0"
dependencies = [
 "derive",
]

[[package]]
name = "kms-infra"
version = "0.1.0"

[[package]]
name = "libsqlite3-sys"
version = "0.38.2"
source = "registry+https://registry.invalid/index"
checksum = "50"

[[package]]
name = "toml"
version = "0.9.12+spec-1.1.0"
source = "registry+https://registry.invalid/index"
checksum = "70"
"#;

fn package(name: &str, version: &str) -> Package {
    Package {
        name: name.to_owned(),
        version: version.to_owned(),
    }
}

fn document(lock: &str) -> Document {
    Document {
        binary: "kms-server",
        host: "some-host".to_owned(),
        all: Graph::parse(ALL).expect("a tree"),
        shipped: Graph::parse(SHIPPED).expect("a tree").packages(),
        lock: Lock::parse(lock),
        sqlite: Some("3.53.0".to_owned()),
    }
}

fn line_of<'a>(text: &'a str, needle: &str) -> &'a str {
    let mut found = text.lines().filter(|line| line.contains(needle));
    let line = found
        .next()
        .unwrap_or_else(|| panic!("no {needle} in {text}"));
    assert_eq!(found.next(), None, "{needle}");
    line
}

#[test]
fn a_component_has_a_version_a_licence_and_the_checksum_of_the_lock_file() {
    let text = document(LOCK).render().expect("a document");
    assert_eq!(
        line_of(&text, "\"name\":\"toml\"").trim_end_matches(','),
        r#"{"type":"library","bom-ref":"toml@0.9.12+spec-1.1.0","name":"toml","version":"0.9.12+spec-1.1.0","scope":"required","hashes":[{"alg":"SHA-256","content":"70"}],"licenses":[{"expression":"MIT"}],"purl":"pkg:cargo/toml@0.9.12%2Bspec-1.1.0"}"#
    );
}

#[test]
fn what_only_the_build_needs_is_excluded() {
    let text = document(LOCK).render().expect("a document");
    let derive = line_of(&text, "\"name\":\"derive\"");
    assert!(derive.contains(r#""scope":"excluded""#), "{derive}");
    assert!(derive.contains("MIT OR Apache-2.0"), "{derive}");
    assert!(line_of(&text, "\"name\":\"cc\"").contains(r#""scope":"excluded""#));
}

#[test]
fn our_own_crates_claim_no_place_on_a_registry() {
    let text = document(LOCK).render().expect("a document");
    let own = line_of(&text, "\"name\":\"kms-infra\"");
    assert!(!own.contains("purl") && !own.contains("hashes"), "{own}");
}

#[test]
fn nothing_tells_of_the_machine_or_the_registry() {
    let text = document(LOCK).render().expect("a document");
    assert!(!text.contains("somewhere") && !text.contains("invalid"));
}

#[test]
fn sqlite_is_a_component_of_the_crate_that_brings_it() {
    let document = document(LOCK);
    let text = document.render().expect("a document");
    assert!(line_of(&text, "\"name\":\"sqlite\"").contains("\"version\":\"3.53.0\""));
    assert!(line_of(&text, "\"ref\":\"sqlite@3.53.0\"").starts_with('{'));
    assert!(text.contains(r#""sqlite@3.53.0""#));
    assert_eq!(document.len(), 6);
}

#[test]
fn who_needs_whom_is_told_once_for_each() {
    let graph = Graph::parse(ALL).expect("a tree");
    let needs = |name, version| {
        let node = graph.nodes.get(&package(name, version));
        let needs = &node.expect("a node").needs;
        needs.iter().map(Package::reference).collect::<Vec<_>>()
    };
    assert_eq!(
        needs("kms-api", "0.1.0"),
        ["derive@1.0.0", "kms-infra@0.1.0", "libsqlite3-sys@0.38.2"]
    );
    assert_eq!(needs("libsqlite3-sys", "0.38.2"), ["cc@1.1.0"]);
    assert_eq!(needs("cc", "1.1.0"), Vec::<String>::new());
}

#[test]
fn a_package_that_the_lock_file_does_not_vouch_for_is_an_error() {
    let unknown = LOCK.replace("\"cc\"", "\"dd\"");
    assert_eq!(
        document(&unknown).render(),
        Err("cc@1.1.0 is not in Cargo.lock".to_owned())
    );
    let unsure = LOCK.replace("checksum = \"c0\"\n", "");
    assert_eq!(
        document(&unsure).render(),
        Err("cc@1.1.0 has no checksum in Cargo.lock".to_owned())
    );
}

#[test]
fn what_is_no_tree_is_refused() {
    for text in ["", "nothing", "0a v1", "0a 1|MIT", "0a v1|MIT\n2b v1|MIT"] {
        assert!(Graph::parse(text).is_err(), "{text}");
    }
}

#[test]
fn the_version_of_sqlite_is_found_by_way_of_the_metadata() {
    let metadata = r#"{"a":"b","manifest_path":"/x/libsqlite3-sys-0.38.2/Cargo.toml","c":"d"}"#;
    assert_eq!(
        text_ending_in(metadata, "libsqlite3-sys-0.38.2/Cargo.toml"),
        Some("/x/libsqlite3-sys-0.38.2/Cargo.toml")
    );
    assert_eq!(text_ending_in(metadata, "other/Cargo.toml"), None);
    let header =
        "/* */\n#define SQLITE_VERSION        \"3.53.0\"\n#define SQLITE_VERSION_NUMBER 1\n";
    assert_eq!(sqlite_version(header).as_deref(), Some("3.53.0"));
    assert_eq!(sqlite_version("#define SQLITE_VERSION_NUMBER 1\n"), None);
}
