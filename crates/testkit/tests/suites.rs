//! Every promise that is written down is also checked.

const ACCOUNTS: &str = include_str!("../src/contract/accounts.rs");
const AUDIT: &str = include_str!("../src/contract/audit.rs");
const AVATARS: &str = include_str!("../src/contract/avatars.rs");
const BLOBS: &str = include_str!("../src/contract/blobs.rs");
const CLAIMS: &str = include_str!("../src/contract/claims.rs");
const DAMAGE: &str = include_str!("../src/contract/damage.rs");
const DISCARDS: &str = include_str!("../src/contract/discards.rs");
const EDITS: &str = include_str!("../src/contract/edits.rs");
const ENDINGS: &str = include_str!("../src/contract/endings.rs");
const ENTRIES: &str = include_str!("../src/contract/entries.rs");
const FAVOURITES: &str = include_str!("../src/contract/favourites.rs");
const HASHER: &str = include_str!("../src/contract/hasher.rs");
const HOT: &str = include_str!("../src/contract/hot.rs");
const INVENTORY: &str = include_str!("../src/contract/inventory.rs");
const LISTS: &str = include_str!("../src/contract/lists.rs");
const LOGINS: &str = include_str!("../src/contract/logins.rs");
const ONCE: &str = include_str!("../src/contract/once.rs");
const RECOMMEND: &str = include_str!("../src/contract/recommend.rs");
const REMOVALS: &str = include_str!("../src/contract/removals.rs");
const SCRATCH: &str = include_str!("../src/contract/scratch.rs");
const SESSIONS: &str = include_str!("../src/contract/sessions.rs");
const SIZES: &str = include_str!("../src/contract/sizes.rs");
const SORTED: &str = include_str!("../src/contract/sorted.rs");
const SOURCES: &str = include_str!("../src/contract/sources.rs");
const STORE: &str = include_str!("../src/contract/store.rs");
const TRASH: &str = include_str!("../src/contract/trash.rs");
const UPKEEP: &str = include_str!("../src/contract/upkeep.rs");
const USAGE: &str = include_str!("../src/contract/usage.rs");
const USAGE_MODEL: &str = include_str!("../src/contract/usage_model.rs");
const USERS: &str = include_str!("../src/contract/users.rs");
const WITHHELD: &str = include_str!("../src/contract/withheld.rs");

/// Each suite, its file, and the file in which its macro stands.
const SUITES: [(&str, &str, &str); 31] = [
    ("accounts", ACCOUNTS, USERS),
    ("audit", AUDIT, AUDIT),
    ("avatars", AVATARS, AVATARS),
    ("blobs", BLOBS, BLOBS),
    ("claims", CLAIMS, ENTRIES),
    ("damage", DAMAGE, STORE),
    ("discards", DISCARDS, DISCARDS),
    ("edits", EDITS, ENTRIES),
    ("endings", ENDINGS, LOGINS),
    ("entries", ENTRIES, ENTRIES),
    ("favourites", FAVOURITES, FAVOURITES),
    ("hasher", HASHER, HASHER),
    ("hot", HOT, RECOMMEND),
    ("inventory", INVENTORY, INVENTORY),
    ("lists", LISTS, ENTRIES),
    ("logins", LOGINS, LOGINS),
    ("once", ONCE, ONCE),
    ("recommend", RECOMMEND, RECOMMEND),
    ("removals", REMOVALS, ENTRIES),
    ("scratch", SCRATCH, SCRATCH),
    ("sessions", SESSIONS, LOGINS),
    ("sizes", SIZES, STORE),
    ("sorted", SORTED, ENTRIES),
    ("sources", SOURCES, SOURCES),
    ("store", STORE, STORE),
    ("trash", TRASH, TRASH),
    ("upkeep", UPKEEP, UPKEEP),
    ("usage", USAGE, USAGE),
    ("usage_model", USAGE_MODEL, USAGE),
    ("users", USERS, USERS),
    ("withheld", WITHHELD, FAVOURITES),
];

#[test]
fn every_promise_stands_once_in_the_list_of_its_suite() {
    for (suite, text, list) in SUITES {
        let mut written: Vec<_> = between(text, "\npub fn ", "(").collect();
        let mut listed: Vec<_> = between(list, &format!(" {suite}: ["), "]")
            .flat_map(|names| names.split(','))
            .map(str::trim)
            .filter(|name| !name.is_empty())
            .collect();
        written.sort_unstable();
        listed.sort_unstable();
        assert!(!written.is_empty(), "{suite} promises nothing");
        assert_eq!(written, listed, "{suite}");
    }
}

/// A suite that is forgotten here could leave a promise out of its list.
#[test]
fn every_suite_is_looked_at() {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/src/contract");
    let files = std::fs::read_dir(folder).unwrap().map(|file| file.unwrap());
    let mut files: Vec<_> = files
        .map(|file| file.file_name().into_string().unwrap())
        .filter(|name| !["mod.rs", "support.rs"].contains(&name.as_str()))
        .collect();
    files.sort_unstable();
    let mut known: Vec<_> = SUITES
        .iter()
        .map(|suite| format!("{}.rs", suite.0))
        .collect();
    known.sort_unstable();
    assert_eq!(files, known);
}

/// What stands between each `head` and the next `tail`.
fn between<'a>(text: &'a str, head: &str, tail: &str) -> impl Iterator<Item = &'a str> {
    text.split(head)
        .skip(1)
        .filter_map(move |rest| Some(rest.split_once(tail)?.0))
}
