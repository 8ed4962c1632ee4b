use std::fmt::Write as _;
use std::sync::Arc;

use super::*;
use crate::files::{
    BlobKey, CancelOutcome, ClaimOutcome, DeleteOutcome, Download, DownloadError, EditOutcome,
    FileError, FileId, FileReceipt, Md5, OpenOutcome, OpenedFile, PurgeOutcome, PushError,
    RestoreOutcome, Sha256, Title, UploadOutcome, Visibility,
};
use crate::test_doubles::{FRESH_ID, KINDS, NOW, RecordingStore, Script, blobs, held, user};
use crate::users::{
    AccountError, AvatarError, AvatarOutcome, LoginOutcome, LogoutOutcome, Modified, OpenedAvatar,
    RegisterOutcome, ReplaceOutcome, RevokeOutcome, SessionError, Token,
};
use crate::{PortError, PortErrorKind};

/// The contract's tables and, below 100, the general codes that its readings add: number, HTTP
/// status, done, message. Written out once more so that a slip in the table cannot hide.
const CONTRACT: [(u16, u16, bool, &str); 31] = [
    (0, 200, true, "成功"),
    (1, 403, false, "格式错误"),
    (2, 404, false, "没找到该资源"),
    (3, 403, false, "token过期"),
    (4, 403, false, "没有token"),
    (5, 500, false, "服务器内部错误"),
    (6, 413, false, "内容过大"),
    (7, 429, false, "请求过于频繁"),
    (8, 503, false, "服务繁忙"),
    (9, 507, false, "存储空间不足"),
    (10, 405, false, "请求方法不允许"),
    (100, 201, true, "注册成功"),
    (101, 403, false, "该手机号已被注册(跳转登录?)"),
    (102, 200, true, "该手机号未被注册"),
    (110, 200, true, "登录成功"),
    (111, 404, false, "没找到此用户"),
    (112, 403, false, "密码错误"),
    (120, 201, true, "上传成功"),
    (121, 200, true, "获取头像成功"),
    (130, 201, true, "上传成功"),
    (131, 201, true, "创建成功"),
    (140, 200, true, "获取成功"),
    (141, 200, true, "修改成功"),
    (142, 200, true, "删除成功"),
    (143, 403, false, "没有修改"),
    (150, 200, true, "修改成功"),
    (151, 403, false, "没有任何改变"),
    (160, 200, true, "收藏成功"),
    (161, 403, false, "已经收藏过了"),
    (162, 200, true, "取消收藏成功"),
    (163, 403, false, "它不是你的收藏"),
];

fn receipt() -> FileReceipt {
    FileReceipt {
        id: FileId::from_uuid(FRESH_ID),
        sha256: Sha256::from_bytes([0; 32]),
        md5: Md5::from_bytes([0; 16]),
        size: 1,
        visibility: Visibility::Private,
        created_at: NOW,
    }
}

fn download() -> Download {
    let script = Script::default();
    let store = RecordingStore::holding(&script, b"x");
    Download::open(&store, Arc::new(blobs(&script)), held(b"x")).unwrap()
}

fn damaged() -> DownloadError {
    DownloadError::Damaged {
        key: BlobKey::parse("held").unwrap(),
        reason: "it is missing",
    }
}

#[test]
fn the_table_is_the_contracts_to_the_letter() {
    let table: Vec<_> = Code::ALL
        .iter()
        .map(|code| (code.number(), code.status(), code.done(), code.message()))
        .collect();
    assert_eq!(table, CONTRACT);
}

#[test]
fn every_code_says_when_it_is_answered() {
    for code in Code::ALL {
        assert!(!code.when().is_empty(), "{code:?}");
    }
}

#[test]
fn every_outcome_of_an_account_has_its_code() {
    let token = Token::new("token");
    let logged_in = |first_time| LoginOutcome::LoggedIn {
        token: token.clone(),
        first_time,
    };
    let found: [(&dyn Coded, Code); 17] = [
        (&RegisterOutcome::Registered(user()), Code::Registered),
        (&RegisterOutcome::PhoneTaken, Code::PhoneTaken),
        (&logged_in(true), Code::LoggedIn),
        (&logged_in(false), Code::LoggedIn),
        (&LoginOutcome::UnknownPhone, Code::UnknownUser),
        (&LoginOutcome::WrongPassword, Code::WrongPassword),
        (&Modified::Changed, Code::Modified),
        (&Modified::Unchanged, Code::Unmodified),
        (&Modified::SessionEnded, Code::TokenExpired),
        (&Modified::WrongOldPassword, Code::WrongPassword),
        (&Modified::OldPasswordMissing, Code::BadFormat),
        (&LogoutOutcome::LoggedOut, Code::Done),
        (&LogoutOutcome::SessionEnded, Code::TokenExpired),
        (&RevokeOutcome::Revoked, Code::Done),
        (&RevokeOutcome::NotFound, Code::NotFound),
        (&RevokeOutcome::SessionEnded, Code::TokenExpired),
        (&AccountError::Vanished(user()), Code::ServerError),
    ];
    for (value, code) in found {
        assert_eq!(value.code(), code);
    }
}

#[test]
fn every_outcome_of_content_has_its_code() {
    let opened = OpenedFile {
        title: Title::parse("a").unwrap(),
        label: None,
        created_at: NOW,
        shared: None,
        content: download(),
    };
    let found: [(&dyn Coded, Code); 32] = [
        (&AvatarOutcome::Set, Code::AvatarSet),
        (&AvatarOutcome::Empty, Code::BadFormat),
        (&ReplaceOutcome::First, Code::AvatarSet),
        (&ReplaceOutcome::Replaced, Code::AvatarSet),
        (&ReplaceOutcome::Moved, Code::BadFormat),
        (&ReplaceOutcome::Empty, Code::BadFormat),
        (
            &OpenedAvatar::Opened(Box::new(download())),
            Code::AvatarFound,
        ),
        (&OpenedAvatar::NotSet, Code::NotFound),
        (&UploadOutcome::Stored(receipt()), Code::FileStored),
        (&UploadOutcome::Linked(receipt()), Code::FileStored),
        (&UploadOutcome::Empty, Code::BadFormat),
        (&UploadOutcome::DigestMismatch, Code::BadFormat),
        (&UploadOutcome::OverQuota, Code::StorageFull),
        (&ClaimOutcome::Linked(receipt()), Code::FileLinked),
        (&ClaimOutcome::NotHeld, Code::NotFound),
        (&ClaimOutcome::OverQuota, Code::StorageFull),
        (&OpenOutcome::Opened(Box::new(opened)), Code::FileFound),
        (&OpenOutcome::NotFound, Code::NotFound),
        (&DeleteOutcome::Deleted, Code::FileDeleted),
        (&DeleteOutcome::NotFound, Code::NotFound),
        (&EditOutcome::Moved, Code::BadFormat),
        (&EditOutcome::NotPublishable, Code::BadFormat),
        (&RestoreOutcome::Restored, Code::Done),
        (&RestoreOutcome::NotFound, Code::NotFound),
        (&PurgeOutcome::Purged, Code::Done),
        (&PurgeOutcome::NotFound, Code::NotFound),
        (&CancelOutcome::Cancelled, Code::FavouriteCancelled),
        (&CancelOutcome::NotFavourite, Code::FavouriteUnknown),
        (&damaged(), Code::ServerError),
        (&FileError::Content(damaged()), Code::ServerError),
        (&AvatarError::Content(damaged()), Code::ServerError),
        (&PushError::TooLarge { limit: 1 }, Code::TooLarge),
    ];
    for (value, code) in found {
        assert_eq!(value.code(), code);
    }
}

#[test]
fn a_failure_of_a_port_keeps_its_code_through_every_error() {
    fn all(kind: PortErrorKind) -> [Box<dyn Coded>; 9] {
        let port = || PortError::new(kind, "why");
        [
            Box::new(port()),
            Box::new(DownloadError::Port(port())),
            Box::new(PushError::Port(port())),
            Box::new(FileError::Port(port())),
            Box::new(FileError::Content(DownloadError::Port(port()))),
            Box::new(AvatarError::Port(port())),
            Box::new(AvatarError::Content(DownloadError::Port(port()))),
            Box::new(SessionError::Port(port())),
            Box::new(AccountError::Port(port())),
        ]
    }
    for (kind, code) in KINDS {
        for error in all(kind) {
            assert_eq!(error.code(), code);
        }
    }
}

/// The text of `docs/RESPONSE-CODES.md`.
fn document() -> String {
    let mut text = String::from(
        "# Response codes\n\
        \n\
        Every answer under `/app` is a JSON object with `done`, `code` and `msg`. A code has one text and one HTTP \
        status, and none of the three ever changes. This page is written by `cargo xtask gen-docs` from the table in \
        [`crates/domain/src/codes.rs`](../crates/domain/src/codes.rs); a test fails when the two differ, so change \
        the table and not this page.\n\
        \n\
        | code | msg | HTTP | done | when |\n\
        |---|---|---|---|---|\n",
    );
    for code in Code::ALL {
        writeln!(
            text,
            "| {} | {} | {} | {} | {} |",
            code.number(),
            code.message(),
            code.status(),
            code.done(),
            code.when()
        )
        .unwrap();
    }
    text
}

#[test]
#[expect(
    clippy::disallowed_methods,
    reason = "the command that rewrites the document speaks to its test through the environment"
)]
fn response_codes_document_is_current() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/RESPONSE-CODES.md");
    if std::env::var("KMS_BLESS").as_deref() == Ok("1") {
        std::fs::write(path, document()).unwrap();
    }
    let found = std::fs::read_to_string(path).unwrap_or_default();
    assert!(
        found == document(),
        "docs/RESPONSE-CODES.md is not what the table says; `cargo xtask gen-docs` rewrites it"
    );
}

#[test]
fn no_text_of_the_table_breaks_the_documents_table() {
    for code in Code::ALL {
        for text in [code.message(), code.when()] {
            assert!(!text.contains(['|', '\n']), "{text}");
        }
    }
}
