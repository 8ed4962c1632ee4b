//! The requests of the cases.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use crate::kms::{self, Kms, account};
use crate::server::{ask, post};

/// Whose logins end one another, so that they do not end the session of the other requests.
const LOGIN_PHONE: &str = "13800138001";
/// Whose list stays as it is, while others get longer.
const LIST_PHONE: &str = "13800138002";

pub(crate) const OWN_LIST: &str = "/app/user/getownfilelist";

/// The body of a request that needs nothing but a session.
pub(crate) fn token_alone(token: &str) -> String {
    format!(r#"{{"token":"{token}"}}"#)
}

pub(crate) fn info(kms: &Kms) -> Vec<u8> {
    post(kms.address(), kms::INFO, &token_alone(kms.token()))
}

/// Uploads a file first, so that there is something to find.
pub(crate) fn instant_upload(kms: &Kms) -> Vec<u8> {
    let token = kms.token();
    let upload = format!(r#"{{"token":"{token}","name":"a.txt","data":"YmVuY2g="}}"#);
    ask(kms.address(), "/app/user/upload", &upload);
    let md5 = format!("{:x}", md5::compute("bench"));
    let body = format!(r#"{{"token":"{token}","name":"a.txt","md5":"{md5}"}}"#);
    post(kms.address(), "/app/user/upload", &body)
}

/// Of an account of its own, which gets `rows` entries first.
pub(crate) fn own_list(kms: &Kms, rows: usize) -> Vec<u8> {
    let token = kms::sign_in(kms.address(), LIST_PHONE);
    for row in 0..rows {
        let data = STANDARD.encode(format!("row {row}"));
        let body = format!(r#"{{"token":"{token}","name":"file {row}.txt","data":"{data}"}}"#);
        ask(kms.address(), "/app/user/upload", &body);
    }
    post(kms.address(), OWN_LIST, &token_alone(&token))
}

/// Uploads the file first.
pub(crate) fn get_file(kms: &Kms) -> Vec<u8> {
    let token = kms.token();
    let content: Vec<u8> = (0..10 * 1024).map(|at| (at % 251) as u8).collect();
    let data = STANDARD.encode(content);
    let upload = format!(r#"{{"token":"{token}","name":"b.bin","data":"{data}"}}"#);
    let stored = ask(kms.address(), "/app/user/upload", &upload);
    let fid = stored["fid"].as_str().unwrap();
    let body = format!(r#"{{"token":"{token}","fid":"{fid}"}}"#);
    post(kms.address(), "/app/user/getfile", &body)
}

/// Of an account of its own, which is registered first.
pub(crate) fn login(kms: &Kms) -> Vec<u8> {
    let account = account(LOGIN_PHONE);
    ask(kms.address(), "/app/register", &account);
    post(kms.address(), "/app/login", &account)
}
