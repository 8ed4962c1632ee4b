//! Values with sensible defaults. What a builder is not told is fresh each time where a port
//! wants it fresh (ids, keys), and always the same otherwise.
//!
//! ```
//! use kms_domain::files::Visibility;
//! use kms_testkit::builders::{a_blob, a_file, a_user, user_id};
//!
//! let owner = a_user(1);
//! assert_eq!(owner.id, user_id(1));
//! let blob = a_blob(b"some bytes").build();
//! let file = a_file(owner.id, b"some bytes").title("notes.txt").private().at(7).build();
//! assert_eq!(blob.size, 10);
//! assert_eq!(file.visibility, Visibility::Private);
//! ```

use std::sync::atomic::{AtomicU64, Ordering};

use kms_domain::Timestamp;
use kms_domain::audit::{AuditEvent, AuditKind, Origin};
use kms_domain::files::{
    BlobKey, ClaimScope, FileId, Md5, NewBlob, NewFavourite, NewFile, Noted, Quota, RedoMark,
    Settling, Sha256, Title, Visibility,
};
use kms_domain::users::{
    Birth, DisplayName, Email, NewUser, PasswordHash, Phone, SessionId, Token, TokenDigest, UserId,
};
use sha2::Digest;
use uuid::Uuid;

/// When things happen unless a test says otherwise: 2023-11-14 22:13:20 UTC.
pub const NOON: i64 = 1_700_000_000_000;

/// MD5 of `bytes`.
#[must_use]
pub fn md5_of(bytes: &[u8]) -> Md5 {
    Md5::from_bytes(md5::compute(bytes).0)
}

/// SHA-256 of `bytes`.
#[must_use]
pub fn sha256_of(bytes: &[u8]) -> Sha256 {
    Sha256::from_bytes(sha2::Sha256::digest(bytes).into())
}

/// `millis` after [`NOON`]; before it when negative.
#[must_use]
pub const fn at(millis: i64) -> Timestamp {
    Timestamp::from_millis(NOON + millis)
}

/// The account id of [`a_user`]`(n)`. Ids stand in the order of their numbers.
#[must_use]
pub fn user_id(n: u32) -> UserId {
    UserId::from_uuid(uuid(1, u64::from(n)))
}

/// The n-th session id.
#[must_use]
pub fn session_id(n: u32) -> SessionId {
    SessionId::from_uuid(uuid(2, u64::from(n)))
}

/// The n-th entry id.
#[must_use]
pub fn file_id(n: u32) -> FileId {
    FileId::from_uuid(uuid(3, u64::from(n)))
}

/// The phone of [`a_user`]`(n)`, a mainland number; `n` is less than a hundred million.
#[must_use]
pub fn phone(n: u32) -> Phone {
    Phone::parse(&format!("138{n:08}")).expect("n is less than a hundred million")
}

/// A hash as a repository sees it: an opaque text, another one for every `secret`.
#[must_use]
pub fn password_hash(secret: &str) -> PasswordHash {
    PasswordHash::from_encoded(format!(
        "plain$10$0$00000000000000000000000000000000${secret}"
    ))
}

/// The digest of a token that reads `text`.
#[must_use]
pub fn token_digest(text: &str) -> TokenDigest {
    Token::new(text).digest()
}

/// An event of [`NOON`] about an account, without an origin.
#[must_use]
pub fn an_event(kind: AuditKind, user: UserId) -> AuditEvent {
    AuditEvent::new(at(0), kind, Some(user), &Origin::default(), kind.name())
}

/// An account with the id [`user_id`]`(n)`, the phone [`phone`]`(n)` and neither mail nor birth.
#[must_use]
pub fn a_user(n: u32) -> NewUser {
    UserBuilder::new(n).build()
}

/// Where [`NewUser`]s come from.
#[derive(Clone, Debug)]
pub struct UserBuilder(NewUser);

impl UserBuilder {
    /// Begins with what [`a_user`]`(n)` answers.
    #[must_use]
    pub fn new(n: u32) -> Self {
        Self(NewUser {
            id: user_id(n),
            phone: phone(n),
            name: DisplayName::parse(&format!("user {n}")).expect("at most 15 characters"),
            email: None,
            birth: None,
            password: password_hash("secret"),
            created_at: at(0),
        })
    }

    /// Another id.
    #[must_use]
    pub fn id(mut self, id: UserId) -> Self {
        self.0.id = id;
        self
    }

    /// Another phone, in any form that can be read.
    #[must_use]
    pub fn phone(mut self, raw: &str) -> Self {
        self.0.phone = Phone::parse(raw).expect("a phone");
        self
    }

    /// Another name.
    #[must_use]
    pub fn name(mut self, raw: &str) -> Self {
        self.0.name = DisplayName::parse(raw).expect("a name");
        self
    }

    /// A mail address.
    #[must_use]
    pub fn email(mut self, raw: &str) -> Self {
        self.0.email = Some(Email::parse(raw).expect("a mail address"));
        self
    }

    /// A birth.
    #[must_use]
    pub fn birth(mut self, value: i64) -> Self {
        self.0.birth = Some(Birth::new(value));
        self
    }

    /// Another hash of the password.
    #[must_use]
    pub fn password(mut self, hash: PasswordHash) -> Self {
        self.0.password = hash;
        self
    }

    /// Made `millis` after [`NOON`].
    #[must_use]
    pub fn at(mut self, millis: i64) -> Self {
        self.0.created_at = at(millis);
        self
    }

    /// The account.
    #[must_use]
    pub fn build(self) -> NewUser {
        self.0
    }
}

/// A public entry of `owner` with a fresh id and the MD5 of `bytes`.
#[must_use]
pub fn a_file(owner: UserId, bytes: &[u8]) -> FileBuilder {
    FileBuilder(NewFile {
        id: FileId::from_uuid(fresh(4)),
        owner,
        title: Title::parse("title.txt").expect("a title"),
        md5: md5_of(bytes),
        visibility: Visibility::Public,
        created_at: at(0),
        quota: Quota::NONE,
    })
}

/// Where [`NewFile`]s come from; see [`a_file`].
#[derive(Clone, Debug)]
pub struct FileBuilder(NewFile);

impl FileBuilder {
    /// Another id.
    #[must_use]
    pub fn id(mut self, id: FileId) -> Self {
        self.0.id = id;
        self
    }

    /// Another title.
    #[must_use]
    pub fn title(mut self, raw: &str) -> Self {
        self.0.title = Title::parse(raw).expect("a title");
        self
    }

    /// Another MD5, as in a collision.
    #[must_use]
    pub fn md5(mut self, md5: Md5) -> Self {
        self.0.md5 = md5;
        self
    }

    /// For the owner's eyes only.
    #[must_use]
    pub fn private(mut self) -> Self {
        self.0.visibility = Visibility::Private;
        self
    }

    /// Uploaded `millis` after [`NOON`].
    #[must_use]
    pub fn at(mut self, millis: i64) -> Self {
        self.0.created_at = at(millis);
        self
    }

    /// The entry.
    #[must_use]
    pub fn build(self) -> NewFile {
        self.0
    }
}

/// A favourite of `owner` over the entry `source`, with a fresh id, made at [`NOON`].
#[must_use]
pub fn a_favourite(owner: UserId, source: FileId) -> NewFavourite {
    NewFavourite {
        id: FileId::from_uuid(fresh(6)),
        owner,
        source,
        created_at: at(0),
        quota: Quota::NONE,
    }
}

/// Content that reads `bytes`, published under a fresh key.
#[must_use]
pub fn a_blob(bytes: &[u8]) -> BlobBuilder {
    let sha256 = sha256_of(bytes);
    BlobBuilder(NewBlob {
        sha256,
        size: bytes.len() as u64,
        key: fresh_key(&sha256),
        created_at: at(0),
        noted: None,
    })
}

/// Where [`NewBlob`]s come from; see [`a_blob`].
#[derive(Clone, Debug)]
pub struct BlobBuilder(NewBlob);

impl BlobBuilder {
    /// Another key.
    #[must_use]
    pub fn key(mut self, key: BlobKey) -> Self {
        self.0.key = key;
        self
    }

    /// Another size, for content nobody wants to write down.
    #[must_use]
    pub fn size(mut self, size: u64) -> Self {
        self.0.size = size;
        self
    }

    /// Published `millis` after [`NOON`].
    #[must_use]
    pub fn at(mut self, millis: i64) -> Self {
        self.0.created_at = at(millis);
        self
    }

    /// With a note of the entry over it.
    #[must_use]
    pub fn noted(mut self, log: &str, position: u64, settling: Settling) -> Self {
        let log = log.to_owned();
        let mark = RedoMark { log, position };
        self.0.noted = Some(Noted { mark, settling });
        self
    }

    /// The content.
    #[must_use]
    pub fn build(self) -> NewBlob {
        self.0
    }
}

/// A key for content with this digest that no call before has answered.
#[must_use]
pub fn fresh_key(sha256: &Sha256) -> BlobKey {
    BlobKey::parse(&format!("{sha256}-{}", fresh(5).simple())).expect("a legal key")
}

/// What `owner` may claim by the MD5 of `bytes`, public entries of others included.
#[must_use]
pub fn a_scope(owner: UserId, bytes: &[u8]) -> ClaimScope {
    ClaimScope {
        owner,
        md5: md5_of(bytes),
        sha256: None,
        include_public: true,
    }
}

/// A UUID of version 4's form; `kind` keeps the sorts of ids apart.
const fn uuid(kind: u8, n: u64) -> Uuid {
    Uuid::from_u128(((kind as u128) << 120) | (0x4 << 76) | (0x8 << 60) | n as u128)
}

fn fresh(kind: u8) -> Uuid {
    static NEXT: AtomicU64 = AtomicU64::new(0);
    uuid(kind, NEXT.fetch_add(1, Ordering::Relaxed))
}
