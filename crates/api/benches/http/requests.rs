//! The requests of the cases.

use crate::kms::{Kms, account};
use crate::server::{ask, post};

/// Whose logins end one another, so that they do not end the session of the other requests.
const LOGIN_PHONE: &str = "13800138001";

pub(crate) fn info(kms: &Kms) -> Vec<u8> {
    let body = format!(r#"{{"token":"{}"}}"#, kms.token());
    post(kms.address(), "/app/user/info", &body)
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

/// Of an account of its own, which is registered first.
pub(crate) fn login(kms: &Kms) -> Vec<u8> {
    let account = account(LOGIN_PHONE);
    ask(kms.address(), "/app/register", &account);
    post(kms.address(), "/app/login", &account)
}
