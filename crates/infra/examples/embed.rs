//! The store without HTTP: opens a data folder, registers somebody, stores a file and reads it back.
//!
//! `cargo run -p kms-infra --example embed [FOLDER]`; without a folder it works in one that it makes and removes.
#![allow(clippy::print_stdout, reason = "an example talks to a terminal")]

use std::error::Error;
use std::path::Path;

use kms_domain::audit::Origin;
use kms_domain::files::{OpenOutcome, StoreFile, Title, UploadOutcome};
use kms_domain::users::{
    Actor, DisplayName, LoginOutcome, Password, PasswordPolicy, Phone, RegisterUser,
};
use kms_infra::{Installation, Rules, UseCases};

fn main() -> Result<(), Box<dyn Error>> {
    if let Some(folder) = std::env::args_os().nth(1) {
        return show(Path::new(&folder));
    }
    let folder = tempfile::tempdir()?;
    show(folder.path())
}

fn show(folder: &Path) -> Result<(), Box<dyn Error>> {
    println!("{}", embed(folder)?);
    Ok(())
}

/// Gives back what was read.
pub(crate) fn embed(folder: &Path) -> Result<String, Box<dyn Error>> {
    let installation = Installation::open(folder)?;
    let cases = installation.use_cases(&Rules::default());
    let ada = sign_in(&cases, "13800138000", "secret-1")?;

    // Bytes are pushed in pieces, so a file of any size takes no memory.
    let mut upload = cases.files.begin_upload()?;
    for piece in ["Hello, ", "store."] {
        upload = upload.push(piece.as_bytes())?;
    }
    let described = StoreFile {
        title: Title::parse("hello.txt")?,
        visibility: None,
        md5: None,
        sha256: None,
    };
    let stored = cases.files.store(&ada, upload.finish(), described)?;
    let (UploadOutcome::Stored(receipt) | UploadOutcome::Linked(receipt)) = stored else {
        return Err("the file was refused".into());
    };

    // They are pulled out in pieces as well, each checked before it is handed over.
    let OpenOutcome::Opened(mut file) = cases.files.open(&ada, receipt.id)? else {
        return Err("the file is not there".into());
    };
    let (mut text, mut buffer) = (Vec::new(), [0; 4096]);
    loop {
        let read = file.content.read(&mut buffer)?;
        let Some(piece) = buffer.get(..read).filter(|piece| !piece.is_empty()) else {
            break;
        };
        text.extend_from_slice(piece);
    }
    Ok(format!(
        "{}: {}",
        file.title.as_str(),
        String::from_utf8(text)?
    ))
}

/// An [`Actor`] comes of a session only: there is no other way to act for somebody.
pub(crate) fn sign_in(
    cases: &UseCases,
    phone: &str,
    password: &str,
) -> Result<Actor, Box<dyn Error>> {
    let phone = Phone::parse(phone)?;
    // Somebody whom an earlier run has registered is as good.
    cases.accounts.register(RegisterUser {
        phone: phone.clone(),
        name: DisplayName::parse("Ada")?,
        email: None,
        password: PasswordPolicy::new(6).parse(password)?,
        birth: None,
    })?;
    let password = Password::parse(password)?;
    let login = cases
        .sessions
        .login(&phone, &password, &Origin::default())?;
    let LoginOutcome::LoggedIn { token, .. } = login else {
        return Err("the password is another one".into());
    };
    let actor = cases.sessions.authenticate(&token)?;
    actor.ok_or_else(|| "the session has ended".into())
}
