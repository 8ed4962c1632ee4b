//! [`OnceRepository`](kms_domain::files::OnceRepository): what is stored at most once, and how it is
//! answered the second time.

use kms_domain::files::{
    Attached, AttachedOnce, FileReceipt, NewFile, NewKey, Once, Quota, RequestDigest, UploadKey,
};

use super::Repositories;
use super::support::{RACERS, attach, count, race, register, stored};
use crate::builders::{a_blob, a_file, at, md5_of, sha256_of};

/// The suite, over `fn() -> Repositories`.
#[macro_export]
macro_rules! once_repository_contract {
    ($fresh:expr) => {
        $crate::__contract_tests! { once_repository, $fresh,
            once: [
                without_conditions_it_is_an_attach,
                the_same_upload_under_its_key_is_answered_as_the_first_time,
                an_answer_outlives_its_entry,
                another_upload_under_a_key_is_refused,
                a_key_belongs_to_its_account,
                a_key_that_has_expired_is_free,
                the_oldest_keys_make_room_for_new_ones,
                keys_that_have_expired_are_removed_in_batches_whoever_has_them,
                an_upload_without_room_leaves_no_key,
                a_repetition_needs_no_room,
                an_upload_that_fails_leaves_no_key,
                of_simultaneous_uploads_under_one_key_one_is_stored,
                content_that_its_owner_has_is_refused_on_demand,
                of_simultaneous_uploads_of_what_nobody_has_one_is_stored,
                the_key_is_judged_before_what_its_owner_has,
                an_md5_is_told_to_who_may_have_the_content,
            ]
        }
    };
}

fn key(text: &str) -> UploadKey {
    UploadKey::parse(text).unwrap()
}

fn says(n: u8) -> RequestDigest {
    RequestDigest::from_bytes([n; 32])
}

/// Under this key, which counts if it is younger than noon.
fn under(text: &str) -> Once {
    Once {
        key: Some(NewKey {
            key: key(text),
            request: says(1),
            expired: at(0),
            most: 100,
        }),
        unless_held: false,
    }
}

const UNLESS_HELD: Once = Once {
    key: None,
    unless_held: true,
};

const STORED: AttachedOnce = AttachedOnce::Attached(Attached::Stored);

fn store(on: &Repositories, file: &NewFile, bytes: &[u8], once: &Once) -> AttachedOnce {
    let blob = a_blob(bytes).build();
    on.once.attach_once(file, &blob, once).unwrap()
}

fn receipt(file: &NewFile, bytes: &[u8]) -> FileReceipt {
    FileReceipt {
        id: file.id,
        sha256: sha256_of(bytes),
        md5: file.md5,
        size: bytes.len() as u64,
        visibility: file.visibility,
        created_at: file.created_at,
    }
}

fn entries(on: &Repositories, owner: kms_domain::users::UserId) -> usize {
    on.files.list_owned(owner, None, 1_000).unwrap().len()
}

/// New content, known content, and no room.
pub fn without_conditions_it_is_an_attach(on: &Repositories) {
    let owner = register(on, 1);
    let first = a_file(owner, b"x").build();
    assert_eq!(store(on, &first, b"x", &Once::default()), STORED);
    assert_eq!(stored(on, &first).blob.sha256, sha256_of(b"x"));
    let second = a_file(owner, b"x").build();
    let again = store(on, &second, b"x", &Once::default());
    assert!(
        matches!(again, AttachedOnce::Attached(Attached::Replaced { .. })),
        "{again:?}"
    );
    let mut third = a_file(owner, b"y").build();
    third.quota = Quota {
        bytes: None,
        files: Some(2),
    };
    let full = store(on, &third, b"y", &Once::default());
    assert_eq!(full, AttachedOnce::Attached(Attached::OverQuota));
    let used = on.usage.find_usage(owner).unwrap().unwrap().used;
    assert_eq!((used.bytes, used.files), (2, 2));
}

/// With everything that the first answer said, although the second offered another id and another time.
pub fn the_same_upload_under_its_key_is_answered_as_the_first_time(on: &Repositories) {
    let owner = register(on, 1);
    let first = a_file(owner, b"x").private().at(1).build();
    assert_eq!(store(on, &first, b"x", &under("k")), STORED);
    let kept = on.once.find_key(owner, &key("k"), at(0)).unwrap().unwrap();
    assert_eq!(
        (kept.request, kept.receipt),
        (says(1), receipt(&first, b"x"))
    );
    for millis in [2, 3] {
        let again = a_file(owner, b"x").at(millis).build();
        let answer = store(on, &again, b"x", &under("k"));
        assert_eq!(answer, AttachedOnce::Repeated(receipt(&first, b"x")));
    }
    assert_eq!(entries(on, owner), 1);
    assert_eq!(on.once.find_key(owner, &key("K"), at(0)).unwrap(), None);
}

/// The entry may be gone; the answer is still the first one, and nothing is stored.
pub fn an_answer_outlives_its_entry(on: &Repositories) {
    let owner = register(on, 1);
    let first = a_file(owner, b"x").at(1).build();
    store(on, &first, b"x", &under("k"));
    on.files.detach(owner, first.id).unwrap();
    let again = store(on, &a_file(owner, b"x").at(2).build(), b"x", &under("k"));
    assert_eq!(again, AttachedOnce::Repeated(receipt(&first, b"x")));
    assert_eq!(entries(on, owner), 0);
}

/// Other bytes, or other words about the same bytes.
pub fn another_upload_under_a_key_is_refused(on: &Repositories) {
    let owner = register(on, 1);
    store(on, &a_file(owner, b"x").at(1).build(), b"x", &under("k"));
    let other = a_file(owner, b"y").at(2).build();
    assert_eq!(
        store(on, &other, b"y", &under("k")),
        AttachedOnce::KeyReused
    );
    let mut once = under("k");
    if let Some(new) = &mut once.key {
        new.request = says(2);
    }
    let other = a_file(owner, b"x").at(2).build();
    assert_eq!(store(on, &other, b"x", &once), AttachedOnce::KeyReused);
    assert_eq!(entries(on, owner), 1);
}

/// The same text is two keys for two accounts.
pub fn a_key_belongs_to_its_account(on: &Repositories) {
    let (one, two) = (register(on, 1), register(on, 2));
    let first = a_file(one, b"x").at(1).build();
    let second = a_file(two, b"y").at(1).build();
    assert_eq!(store(on, &first, b"x", &under("k")), STORED);
    assert_eq!(on.once.find_key(two, &key("k"), at(0)).unwrap(), None);
    assert_eq!(store(on, &second, b"y", &under("k")), STORED);
}

/// At the millisecond of its age, and not before.
pub fn a_key_that_has_expired_is_free(on: &Repositories) {
    let owner = register(on, 1);
    store(on, &a_file(owner, b"x").at(5).build(), b"x", &under("k"));
    assert!(on.once.find_key(owner, &key("k"), at(4)).unwrap().is_some());
    assert_eq!(on.once.find_key(owner, &key("k"), at(5)).unwrap(), None);
    let mut once = under("k");
    if let Some(new) = &mut once.key {
        new.expired = at(5);
    }
    let second = a_file(owner, b"y").at(9).build();
    assert_eq!(store(on, &second, b"y", &once), STORED);
    let kept = on.once.find_key(owner, &key("k"), at(5)).unwrap().unwrap();
    assert_eq!(kept.receipt.id, second.id);
}

/// Of one account, and of no other.
pub fn the_oldest_keys_make_room_for_new_ones(on: &Repositories) {
    let (owner, other) = (register(on, 1), register(on, 2));
    store(on, &a_file(other, b"x").at(1).build(), b"x", &under("k0"));
    for n in 0..5 {
        let mut once = under(&format!("k{n}"));
        if let Some(new) = &mut once.key {
            new.most = 2;
        }
        // Those used last, also when the clock goes back.
        let file = a_file(owner, b"x").at(5 - n).build();
        assert!(matches!(
            store(on, &file, b"x", &once),
            AttachedOnce::Attached(_)
        ));
    }
    let left = |owner| {
        (0..5)
            .filter(|n| {
                let found = on.once.find_key(owner, &key(&format!("k{n}")), at(0));
                found.unwrap().is_some()
            })
            .collect::<Vec<_>>()
    };
    assert_eq!(left(owner), [3, 4]);
    assert_eq!(left(other), [0]);
    assert_eq!(entries(on, owner), 5);
}

/// The oldest first. Those that count, and the entries, stay.
pub fn keys_that_have_expired_are_removed_in_batches_whoever_has_them(on: &Repositories) {
    let owners = [register(on, 1), register(on, 2)];
    for n in 1..=6 {
        let owner = owners[usize::from(n % 2 == 0)];
        let file = a_file(owner, b"x").at(n).build();
        store(on, &file, b"x", &under(&format!("k{n}")));
    }
    let left = || {
        let is_left = |n: &i64| {
            let owner = owners[usize::from(n % 2 == 0)];
            let found = on.once.find_key(owner, &key(&format!("k{n}")), at(0));
            found.unwrap().is_some()
        };
        (1..=6).filter(is_left).collect::<Vec<_>>()
    };
    for (limit, removed, rest) in [
        (0, 0, &[1, 2, 3, 4, 5, 6][..]),
        (3, 3, &[4, 5, 6]),
        (3, 1, &[5, 6]),
        (3, 0, &[5, 6]),
    ] {
        assert_eq!(on.once.remove_expired(at(4), limit).unwrap(), removed);
        assert_eq!(left(), rest);
    }
    assert_eq!(owners.map(|owner| entries(on, owner)), [3, 3]);
}

/// So that it can be sent again when there is room.
pub fn an_upload_without_room_leaves_no_key(on: &Repositories) {
    let owner = register(on, 1);
    let mut file = a_file(owner, b"x").at(1).build();
    file.quota = Quota {
        bytes: Some(0),
        files: None,
    };
    let full = store(on, &file, b"x", &under("k"));
    assert_eq!(full, AttachedOnce::Attached(Attached::OverQuota));
    assert_eq!(on.once.find_key(owner, &key("k"), at(0)).unwrap(), None);
    file.quota = Quota::NONE;
    assert_eq!(store(on, &file, b"x", &under("k")), STORED);
}

/// The entry that took the last room is not in the way of its own answer.
pub fn a_repetition_needs_no_room(on: &Repositories) {
    let owner = register(on, 1);
    let quota = Quota {
        bytes: Some(1),
        files: Some(1),
    };
    let mut first = a_file(owner, b"x").at(1).build();
    first.quota = quota;
    assert_eq!(store(on, &first, b"x", &under("k")), STORED);
    let mut again = a_file(owner, b"x").at(2).build();
    again.quota = quota;
    let answer = store(on, &again, b"x", &under("k"));
    assert_eq!(answer, AttachedOnce::Repeated(receipt(&first, b"x")));
}

/// An id that is taken, and an owner who does not exist.
pub fn an_upload_that_fails_leaves_no_key(on: &Repositories) {
    let owner = register(on, 1);
    let taken = a_file(owner, b"x").at(1).build();
    attach(on, &taken, b"x");
    let twin = a_file(owner, b"y").id(taken.id).at(1).build();
    let blob = a_blob(b"y").build();
    on.once.attach_once(&twin, &blob, &under("k")).unwrap_err();
    assert_eq!(on.once.find_key(owner, &key("k"), at(0)).unwrap(), None);
    let nobody = a_file(crate::builders::user_id(9), b"y").at(1).build();
    on.once
        .attach_once(&nobody, &blob, &under("k"))
        .unwrap_err();
    assert_eq!(on.blobs.find_live(&sha256_of(b"y")).unwrap(), None);
}

/// The others get the answer of the one.
pub fn of_simultaneous_uploads_under_one_key_one_is_stored(on: &Repositories) {
    let owner = register(on, 1);
    let answers = race(RACERS, |n| {
        let file = a_file(owner, b"x").at(1 + i64::from(n)).build();
        store(on, &file, b"x", &under("k"))
    });
    assert_eq!(count(&answers, &STORED), 1);
    assert_eq!(entries(on, owner), 1);
    let kept = on.once.find_key(owner, &key("k"), at(0)).unwrap().unwrap();
    let repeated = AttachedOnce::Repeated(kept.receipt);
    assert_eq!(count(&answers, &repeated), RACERS as usize - 1);
}

/// Own entries count, public or private; those of others do not.
pub fn content_that_its_owner_has_is_refused_on_demand(on: &Repositories) {
    let (owner, other) = (register(on, 1), register(on, 2));
    let first = a_file(owner, b"x").private().build();
    attach(on, &first, b"x");
    assert!(on.once.holds(owner, &sha256_of(b"x")).unwrap());
    assert!(!on.once.holds(other, &sha256_of(b"x")).unwrap());
    assert!(!on.once.holds(owner, &sha256_of(b"y")).unwrap());
    let again = store(on, &a_file(owner, b"x").build(), b"x", &UNLESS_HELD);
    assert_eq!(again, AttachedOnce::Held(first.id));
    assert_eq!(entries(on, owner), 1);
    let theirs = store(on, &a_file(other, b"x").build(), b"x", &UNLESS_HELD);
    assert!(matches!(theirs, AttachedOnce::Attached(_)), "{theirs:?}");
    on.files.detach(owner, first.id).unwrap();
    assert!(!on.once.holds(owner, &sha256_of(b"x")).unwrap());
}

/// A condition is judged when the entry is stored, and not before.
pub fn of_simultaneous_uploads_of_what_nobody_has_one_is_stored(on: &Repositories) {
    let owner = register(on, 1);
    let answers = race(RACERS, |_| {
        store(on, &a_file(owner, b"x").build(), b"x", &UNLESS_HELD)
    });
    assert_eq!(count(&answers, &STORED), 1);
    assert_eq!(entries(on, owner), 1);
}

/// What was stored under a key is held, and is still answered as the first time.
pub fn the_key_is_judged_before_what_its_owner_has(on: &Repositories) {
    let owner = register(on, 1);
    let once = Once {
        unless_held: true,
        ..under("k")
    };
    let first = a_file(owner, b"x").at(1).build();
    assert_eq!(store(on, &first, b"x", &once), STORED);
    let again = store(on, &a_file(owner, b"x").at(2).build(), b"x", &once);
    assert_eq!(again, AttachedOnce::Repeated(receipt(&first, b"x")));
    let other = Once {
        unless_held: true,
        ..under("another")
    };
    let held = store(on, &a_file(owner, b"x").at(2).build(), b"x", &other);
    assert_eq!(held, AttachedOnce::Held(first.id));
}

/// The one of an own entry first, which only its owner knows to be one of this content.
pub fn an_md5_is_told_to_who_may_have_the_content(on: &Repositories) {
    let (one, two) = (register(on, 1), register(on, 2));
    let find = |asker, public| on.once.find_md5(asker, &sha256_of(b"x"), public).unwrap();
    assert_eq!(find(one, true), None);
    let private = a_file(one, b"x").md5(md5_of(b"private")).private().build();
    attach(on, &private, b"x");
    assert_eq!(find(one, false), Some(md5_of(b"private")));
    assert_eq!(find(two, true), None);
    attach(on, &a_file(one, b"x").md5(md5_of(b"public")).build(), b"x");
    assert_eq!(find(two, true), Some(md5_of(b"public")));
    assert_eq!(find(two, false), None);
    let own = a_file(two, b"x").md5(md5_of(b"own")).build();
    attach(on, &own, b"x");
    assert_eq!(find(two, true), Some(md5_of(b"own")));
}
