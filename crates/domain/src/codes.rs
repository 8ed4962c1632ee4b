//! The one table of response codes: what the wire says for every outcome and every error.
//!
//! Numbers, texts and statuses are the contract's to the letter and never change. Every outcome
//! and error of a use case maps to exactly one [`Code`] in `codes/mapping.rs`, in a `match` without a
//! wildcard. `docs/RESPONSE-CODES.md` is generated from this table.

mod mapping;

/// One row of the table.
#[derive(Clone, Copy, Debug)]
struct Row {
    number: u16,
    status: u16,
    done: bool,
    message: &'static str,
    when: &'static str,
}

macro_rules! codes {
    ($($variant:ident = $number:literal, $status:literal, $done:literal, $message:literal, $when:literal;)+) => {
        /// A response code of the contract.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum Code {
            $(#[doc = concat!($number, ": ", $when)] $variant,)+
        }

        impl Code {
            /// Every code, in the order of their numbers.
            pub const ALL: &'static [Self] = &[$(Self::$variant,)+];

            const fn row(self) -> Row {
                match self {
                    $(Self::$variant => Row {
                        number: $number,
                        status: $status,
                        done: $done,
                        message: $message,
                        when: $when,
                    },)+
                }
            }
        }
    };
}

codes! {
    Done = 0, 200, true, "成功", "an answer for which the contract names no code: info, lists and deletions";
    BadFormat = 1, 403, false, "格式错误", "a missing, wrong or oversized field, or a body that cannot be read";
    NotFound = 2, 404, false, "没找到该资源", "no such resource for this user, or no such route";
    TokenExpired = 3, 403, false, "token过期", "the token is unknown, revoked or past its time";
    TokenMissing = 4, 403, false, "没有token", "no token, or an empty one";
    ServerError = 5, 500, false, "服务器内部错误", "a fault of the server; the log has the details under the request id";
    TooLarge = 6, 413, false, "内容过大", "the body or the file is above the configured limit";
    Throttled = 7, 429, false, "请求过于频繁", "too many requests; Retry-After says when to come back";
    Busy = 8, 503, false, "服务繁忙", "overloaded or shutting down; Retry-After says when to come back";
    StorageFull = 9, 507, false, "存储空间不足", "the account's quota or the disk is full";
    MethodNotAllowed = 10, 405, false, "请求方法不允许", "the wrong method on a known route; Allow names the right one";
    Registered = 100, 201, true, "注册成功", "the account is there";
    PhoneTaken = 101, 403, false, "该手机号已被注册(跳转登录?)", "another account has this phone";
    PhoneFree = 102, 200, true, "该手机号未被注册", "no account has this phone";
    LoggedIn = 110, 200, true, "登录成功", "a session is open";
    UnknownUser = 111, 404, false, "没找到此用户", "no account has this phone";
    WrongPassword = 112, 403, false, "密码错误", "the account has another password";
    AvatarSet = 120, 201, true, "上传成功", "the avatar is set";
    AvatarFound = 121, 200, true, "获取头像成功", "the avatar";
    FileStored = 130, 201, true, "上传成功", "the file is stored";
    FileLinked = 131, 201, true, "创建成功", "instant upload: the server has these bytes already";
    FileFound = 140, 200, true, "获取成功", "the file";
    FileModified = 141, 200, true, "修改成功", "at least one field of the entry has another value now";
    FileDeleted = 142, 200, true, "删除成功", "the entry is in the trash, or gone";
    FileUnmodified = 143, 403, false, "没有修改", "nothing was asked for that the entry has not already";
    Modified = 150, 200, true, "修改成功", "at least one field has another value now";
    Unmodified = 151, 403, false, "没有任何改变", "nothing was asked for that is not so already";
    FavouriteAdded = 160, 200, true, "收藏成功", "the favourite is there";
    FavouriteKnown = 161, 403, false, "已经收藏过了", "this file is a favourite already";
    FavouriteCancelled = 162, 200, true, "取消收藏成功", "it is a favourite no more";
    FavouriteUnknown = 163, 403, false, "它不是你的收藏", "this user has no such favourite";
}

impl Code {
    /// The number on the wire.
    #[must_use]
    pub const fn number(self) -> u16 {
        self.row().number
    }

    /// The HTTP status.
    #[must_use]
    pub const fn status(self) -> u16 {
        self.row().status
    }

    /// Whether what was asked for was done.
    #[must_use]
    pub const fn done(self) -> bool {
        self.row().done
    }

    /// The contract's text, to the letter.
    #[must_use]
    pub const fn message(self) -> &'static str {
        self.row().message
    }

    /// When it is answered, for the documentation.
    #[must_use]
    pub const fn when(self) -> &'static str {
        self.row().when
    }
}

/// What has a response code.
pub trait Coded {
    /// The one code for this value.
    fn code(&self) -> Code;
}

// Two rows with one number would make an answer ambiguous for ever: refused when compiled. The
// rows must ascend, which proves it in one pass.
const _: () = {
    let mut rest = Code::ALL;
    while let [first, tail @ ..] = rest {
        if let [second, ..] = tail {
            assert!(first.number() < second.number());
        }
        rest = tail;
    }
};

#[cfg(test)]
mod tests;
