//! The operator's commands about accounts. They work beside a running server: they touch rows
//! only, and SQLite's own locks order the two processes.

mod quota;

use std::io::stdin;

use kms_api::cli::{UserCommand, read_password};
use kms_api::config::Config;
use kms_domain::files::{QuotaService, Used};
use kms_domain::users::{
    AccountService, Birth, DisplayName, Email, Phone, Profile, RegisterOutcome, RegisterUser,
    ResetOutcome, UserId,
};
use kms_domain::with_causes;

use crate::{Failure, wiring};

/// Accounts read in one go while they are listed.
const PAGE: usize = 500;

/// Carries out one command.
pub(crate) fn run(config: &Config, command: UserCommand) -> Result<(), Failure> {
    let (accounts, quotas) = wiring::accounts_beside_a_server(config)?;
    match command {
        UserCommand::Add {
            phone,
            name,
            email,
            birth,
        } => add(
            &accounts,
            RegisterUser {
                phone: Phone::parse(&phone)?,
                name: DisplayName::parse(&name)?,
                email: email.as_deref().map(Email::parse).transpose()?,
                birth: birth.map(Birth::new),
                password: wiring::passwords(config).parse(&read_password(stdin().lock())?)?,
            },
        ),
        UserCommand::Passwd { phone } => {
            let phone = Phone::parse(&phone)?;
            let password = wiring::passwords(config).parse(&read_password(stdin().lock())?)?;
            match accounts.reset_password(&phone, &password)? {
                ResetOutcome::Reset => {
                    println!("The password is set; every session of this account has ended.");
                    Ok(())
                }
                ResetOutcome::UnknownPhone => Err("no account has this phone".into()),
            }
        }
        UserCommand::Quota(command) => quota::run(config, &accounts, &quotas, &command),
        UserCommand::List => {
            note(&accounts, None, "user list");
            list(&accounts, &quotas)
        }
    }
}

fn add(accounts: &AccountService, request: RegisterUser) -> Result<(), Failure> {
    match accounts.register(request)? {
        RegisterOutcome::Registered(user) => {
            note(accounts, Some(user), "user add");
            println!("{user}");
            Ok(())
        }
        RegisterOutcome::PhoneTaken => Err("this phone has an account already".into()),
    }
}

/// Records a command. That it could not be recorded is told, but undoes nothing.
fn note(accounts: &AccountService, user: Option<UserId>, command: &str) {
    if let Err(error) = accounts.audit.admin(user, command) {
        let error = with_causes(&error);
        eprintln!("warning: this could not be recorded in the audit log: {error}");
    }
}

/// One line an account, tab-separated, so that other tools can read it.
fn list(accounts: &AccountService, quotas: &QuotaService) -> Result<(), Failure> {
    println!("userid\tphone\tname\temail\tcreated\tbytes\tfiles");
    let mut after = None;
    loop {
        let page = accounts.list(after, PAGE)?;
        for account in &page {
            let usage = quotas.usage(account.user)?.unwrap_or_default();
            print_account(account, usage.used);
        }
        match page.last() {
            Some(last) if page.len() == PAGE => after = Some(last.user),
            _ => return Ok(()),
        }
    }
}

fn print_account(account: &Profile, used: Used) {
    println!(
        "{}\t{}\t{}\t{}\t{}\t{}\t{}",
        account.user,
        account.phone.as_str(),
        account.name.as_str(),
        account.email.as_ref().map_or("", |email| email.as_str()),
        account.created_at.as_millis(),
        used.bytes,
        used.files
    );
}
