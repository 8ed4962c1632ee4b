//! Folders that earlier versions have made are opened, and nothing in them is lost.
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a test says what is wrong by panicking"
)]

use std::fs::{self, File};
use std::io::Read as _;
use std::os::unix::fs::FileExt as _;
use std::path::Path;
use std::sync::Arc;

use diesel::connection::SimpleConnection as _;
use diesel::{Connection as _, SqliteConnection};
use kms_domain::Timestamp;
use kms_domain::files::{
    BlobRef, BlobRepository as _, BlobStore as _, ClaimCandidates, ClaimScope, FileRepository as _,
    Md5, Sha256, Usage, UsageRepository as _, Used,
};
use kms_domain::recommend::{FeedRepository as _, Heat, HotFile, InteractionRepository as _};
use kms_domain::users::{
    AvatarRepository as _, Phone, SessionRepository as _, UserRepository as _,
};
use kms_infra::SystemClock;
use kms_infra::disk::{DataDir, DiskBlobStore};
use kms_infra::sqlite::{
    SqliteAvatarRepository, SqliteBlobRepository, SqliteConfig, SqliteDatabase,
    SqliteFeedRepository, SqliteFileRepository, SqliteInteractionRepository,
    SqliteSessionRepository, SqliteUsageRepository, SqliteUserRepository,
};

const KMS_SQL: &str = include_str!("fixtures/schema-1/kms.sql");
const PACK: &str = include_str!("fixtures/schema-1/pack.txt");
/// The keys of what had a file of its own, and the number of its bytes.
const FILES: [(&str, usize); 2] = [
    (
        "9dc177c2fde29dea8e7c29f7ddf147b7c449c99d049c62f3aac0a5933ecf76a3-0fa4640868f76250ee04a796b9e108f7",
        70_000,
    ),
    (
        "3c65ea93424a9c362fec0e3a69ea36031e8a358441479dd665cc6110eabe7b08-04531e7584b303bb0d5547e4ad4707f8",
        300_000,
    ),
];

fn pattern(size: usize) -> Vec<u8> {
    (0..=250).cycle().take(size).collect()
}

/// A folder as version 1 left it, but for the checksums of blocks, which are made anew.
fn folder_of_schema_1(folder: &Path) {
    let url = folder.join("kms.db");
    let mut conn = SqliteConnection::establish(url.to_str().unwrap()).unwrap();
    // The dump has its tables in the order of their names.
    conn.batch_execute("PRAGMA foreign_keys = OFF").unwrap();
    conn.batch_execute(KMS_SQL).unwrap();
    for (key, size) in FILES {
        let shard = folder.join("blobs").join(&key[..2]).join(&key[2..4]);
        fs::create_dir_all(&shard).unwrap();
        fs::write(shard.join(key), pattern(size)).unwrap();
    }
    fs::create_dir(folder.join("packs")).unwrap();
    let pack = File::create(folder.join("packs/e16bde9863796bbd")).unwrap();
    pack.set_len(16_384).unwrap();
    for line in PACK.lines().filter(|line| !line.starts_with('#')) {
        let (offset, digits) = line.split_once(' ').unwrap();
        let bytes: Vec<u8> = (0..digits.len())
            .step_by(2)
            .map(|at| u8::from_str_radix(&digits[at..at + 2], 16).unwrap())
            .collect();
        pack.write_all_at(&bytes, offset.parse().unwrap()).unwrap();
    }
}

#[test]
fn a_folder_of_schema_1_is_brought_up_to_date_with_everything_in_it() {
    let temp = tempfile::tempdir().unwrap();
    let path = temp.path().join("data");
    fs::create_dir(&path).unwrap();
    folder_of_schema_1(&path);

    let dir = DataDir::open(&path).unwrap();
    let db = SqliteDatabase::open(SqliteConfig::new(dir.database_path())).unwrap();
    let store = DiskBlobStore::new(&dir);
    let read = |blob: &BlobRef| {
        let mut bytes = Vec::new();
        let mut reader = store.open(&blob.key).unwrap().expect("its copy");
        reader.read_to_end(&mut bytes).unwrap();
        bytes
    };
    let users = SqliteUserRepository::new(&db);
    let files = SqliteFileRepository::new(&db);
    let user = |number| {
        let phone = Phone::parse(number).unwrap();
        users
            .find_credentials(&phone)
            .unwrap()
            .expect("an account")
            .user
    };
    let (anna, ming) = (user("13800138001"), user("13800138002"));

    let contents = |owner| {
        let listed = files.list_owned(owner, None, 10).unwrap();
        let of = |id| files.find_readable(id, owner).unwrap().unwrap().blob;
        let all = listed.into_iter();
        all.map(|it| (it.title.as_str().to_owned(), read(&of(it.id))))
            .collect::<Vec<_>>()
    };
    let named = |title: &str, bytes: Vec<u8>| (title.to_owned(), bytes);
    assert_eq!(
        contents(anna),
        [
            named("medium.bin", pattern(70_000)),
            named("large.bin", pattern(300_000)),
            named("small.txt", b"small content".to_vec()),
        ]
    );
    assert_eq!(
        contents(ming),
        [
            named("claimed", pattern(70_000)),
            named("我的.txt", b"small content".to_vec()),
        ]
    );
    let avatar = SqliteAvatarRepository::new(&db).find_avatar(ming).unwrap();
    assert_eq!(read(&avatar.unwrap()), b"a picture");

    // Whoever was signed in still is, from nobody knows where.
    let sessions = SqliteSessionRepository::new(&db);
    for user in [anna, ming] {
        let open = sessions.list_of(user).unwrap();
        assert_eq!((open.len(), open[0].network), (1, None));
    }

    let usage = SqliteUsageRepository::new(&db);
    for (owner, bytes, files) in [(anna, 370_013, 3), (ming, 70_013, 2)] {
        let expected = Usage {
            used: Used { bytes, files },
            ..Usage::default()
        };
        assert_eq!(usage.find_usage(owner).unwrap(), Some(expected));
    }

    // What was shared is still claimable, and found by its digest.
    let medium = Sha256::parse(&FILES[0].0[..64]).unwrap();
    let blobs = SqliteBlobRepository::new(&db, Arc::new(SystemClock));
    let known = blobs.find_live(&medium).unwrap().unwrap();
    let scope = ClaimScope {
        owner: ming,
        md5: Md5::parse("83a59980ece79dbb8eaadbea1819fd2b").unwrap(),
        sha256: None,
        include_public: true,
    };
    let claimable = files.find_claimable(&scope).unwrap();
    assert_eq!(claimable, ClaimCandidates::One(known));

    // What was public is hot by its date, each content once, and there is to be learned of it.
    let feed = SqliteFeedRepository::new(&db);
    let hot = || {
        let (hot, next) = feed.list_hot(None, None, 10).unwrap();
        assert_eq!(next, None);
        let told = |it: &HotFile| (it.offer.file.title.as_str().to_owned(), it.position.heat);
        hot.iter().map(told).collect::<Vec<_>>()
    };
    let upload = |millis| Heat::of_upload(Timestamp::from_millis(millis));
    let (claimed, small) = (upload(1_795_621_827_570), upload(1_795_621_827_449));
    let by_date = [
        ("claimed".to_owned(), claimed),
        ("small.txt".to_owned(), small),
    ];
    assert_eq!(hot(), by_date);
    let interactions = SqliteInteractionRepository::new(&db);
    let known = |user| feed.list_interactions(user, 10).unwrap().len();
    assert_eq!((known(anna), known(ming)), (0, 0));
    while interactions.learn_next(2).unwrap() > 0 {}
    assert!(!interactions.is_behind().unwrap());
    assert_eq!((known(anna), known(ming)), (2, 1));
    let [(first, heat), second] = &hot()[..] else {
        panic!("{:?}", hot());
    };
    // Two people have it.
    assert_eq!((first.as_str(), second), ("claimed", &by_date[1]));
    assert!((heat.as_f64() - claimed.as_f64() - 1.0).abs() < 1e-3);
}
