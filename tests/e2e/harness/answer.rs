//! An answer, and what every answer must be.

use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::Value;

/// The contract's table, and that of its readings: code, HTTP status, `done`, `msg`.
pub(crate) const TABLE: &[(u64, u16, bool, &str)] = &[
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

/// An answer that has passed the checks which hold for all of them.
#[derive(Clone)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    /// Names in lower case.
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: Vec<u8>,
    pub(crate) json: Value,
}

impl Answer {
    /// Checks headers, envelope and table.
    #[track_caller]
    pub(crate) fn new(status: u16, headers: Vec<(String, String)>, body: Vec<u8>) -> Self {
        let mut answer = Self {
            status,
            headers,
            body,
            json: Value::Null,
        };
        answer.check_headers();
        answer.json = match serde_json::from_slice(&answer.body) {
            Ok(json) => json,
            Err(error) => panic!("the body is no JSON ({error}): {answer:?}"),
        };
        let row = TABLE.iter().find(|row| row.0 == answer.code());
        let Some((_, status, done, msg)) = row else {
            panic!("a code of no table: {answer:?}");
        };
        assert_eq!(answer.status, *status, "the HTTP status of {answer:?}");
        assert_eq!(answer.json["done"], *done, "done of {answer:?}");
        assert_eq!(answer.json["msg"], *msg, "msg of {answer:?}");
        if matches!(answer.code(), 7 | 8) {
            let seconds = answer.header("retry-after").map(str::parse::<u32>);
            assert!(matches!(seconds, Some(Ok(_))), "no Retry-After: {answer:?}");
        }
        answer
    }

    /// The headers that all answers have, those without a body included.
    #[track_caller]
    fn check_headers(&self) {
        for (name, expected) in [
            ("content-type", "application/json; charset=utf-8"),
            ("x-content-type-options", "nosniff"),
            ("cache-control", "no-store"),
            (
                "content-security-policy",
                "default-src 'none'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'",
            ),
            ("referrer-policy", "no-referrer"),
        ] {
            assert_eq!(self.header(name), Some(expected), "{name} of {self:?}");
        }
        assert!(
            self.header("x-request-id").is_some_and(|id| !id.is_empty()),
            "no request id: {self:?}"
        );
        for (name, value) in &self.headers {
            assert!(
                name != "server" || !value.contains(|c: char| c.is_ascii_digit()),
                "a version in Server: {self:?}"
            );
            assert!(
                !name.starts_with("access-control-"),
                "CORS unasked: {self:?}"
            );
        }
    }

    /// An answer to HEAD, which has headers alone.
    #[track_caller]
    pub(crate) fn without_body(status: u16, headers: Vec<(String, String)>) -> Self {
        let answer = Self {
            status,
            headers,
            body: Vec::new(),
            json: Value::Null,
        };
        answer.check_headers();
        answer
    }

    #[track_caller]
    pub(crate) fn code(&self) -> u64 {
        match self.json["code"].as_u64() {
            Some(code) => code,
            None => panic!("no code: {self:?}"),
        }
    }

    /// Fails unless the answer has this code; the rest of the envelope was checked already.
    #[track_caller]
    pub(crate) fn expect_code(self, code: u64) -> Self {
        assert_eq!(self.code(), code, "{self:?}");
        self
    }

    /// As [`Self::expect_code`], and nothing but the envelope.
    #[track_caller]
    pub(crate) fn expect_bare(self, code: u64) -> Self {
        let answer = self.expect_code(code);
        let mut fields: Vec<_> = answer.json.as_object().unwrap().keys().collect();
        fields.sort();
        assert_eq!(fields, ["code", "done", "msg"], "{answer:?}");
        answer
    }

    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        let mut found = self.headers.iter().filter(|(key, _)| key == name);
        let first = found.next().map(|(_, value)| value.as_str());
        assert!(found.next().is_none(), "{name} twice: {self:?}");
        first
    }

    /// Whether the server says that this connection takes no further request.
    pub(crate) fn closes(&self) -> bool {
        let connection = self.header("connection").unwrap_or_default();
        connection.eq_ignore_ascii_case("close")
    }

    /// The text of a field.
    #[track_caller]
    pub(crate) fn text(&self, field: &str) -> &str {
        match self.json[field].as_str() {
            Some(text) => text,
            None => panic!("no text {field}: {self:?}"),
        }
    }

    /// The bytes in `data`: the standard alphabet, padded, on one line.
    #[track_caller]
    pub(crate) fn data(&self) -> Vec<u8> {
        STANDARD.decode(self.text("data")).unwrap()
    }

    /// The `fid`: a hyphenated UUID in lower case.
    #[track_caller]
    pub(crate) fn fid(&self) -> String {
        let fid = self.text("fid");
        let parts: Vec<_> = fid.split('-').map(str::len).collect();
        assert_eq!(parts, [8, 4, 4, 4, 12], "{fid}");
        let legal = |c| matches!(c, '0'..='9' | 'a'..='f' | '-');
        assert!(fid.chars().all(legal), "{fid}");
        fid.to_owned()
    }
}

impl fmt::Debug for Answer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let begin = &self.body[..self.body.len().min(500)];
        write!(
            f,
            "{} {:?} {}",
            self.status,
            self.headers,
            String::from_utf8_lossy(begin)
        )
    }
}
