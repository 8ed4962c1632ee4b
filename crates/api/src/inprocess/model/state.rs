//! Accounts, sessions and entries, as plainly as they can be.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};

use super::world::{SESSION_MILLIS, SESSIONS};

#[derive(Clone, Debug)]
pub(crate) struct Account {
    pub(crate) phone: String,
    pub(crate) name: String,
    pub(crate) email: String,
    pub(crate) birth: Option<i64>,
    pub(crate) password: String,
    pub(crate) has_been_here: bool,
    pub(crate) avatar: Option<Vec<u8>>,
}

#[derive(Clone, Debug)]
pub(crate) struct Session {
    pub(crate) account: usize,
    pub(crate) created: i64,
}

#[derive(Clone, Debug)]
pub(crate) struct Entry {
    pub(crate) owner: usize,
    pub(crate) title: String,
    pub(crate) content: Vec<u8>,
    pub(crate) public: bool,
    /// The clock at that time, and which entry it was.
    pub(crate) stored: (i64, usize),
}

#[derive(Debug, Default)]
pub(crate) struct Model {
    pub(crate) accounts: Vec<Account>,
    /// By token, those that can still be good.
    pub(crate) sessions: BTreeMap<String, Session>,
    /// By fid.
    pub(crate) files: BTreeMap<String, Entry>,
    /// Every token and fid that there ever was.
    pub(crate) tokens: Vec<String>,
    pub(crate) fids: Vec<String>,
    pub(crate) now: i64,
}

impl Model {
    pub(crate) fn by_phone(&self, phone: &str) -> Option<usize> {
        self.accounts
            .iter()
            .position(|account| account.phone == phone)
    }

    /// Whose token this is, if it is good at this moment.
    pub(crate) fn account_of(&self, token: &str) -> Option<usize> {
        let session = self.sessions.get(token)?;
        (session.created > self.now - SESSION_MILLIS).then_some(session.account)
    }

    /// Good tokens of an account.
    pub(crate) fn open(&self, account: usize) -> Vec<String> {
        let tokens = self.sessions.keys();
        tokens
            .filter(|token| self.account_of(token) == Some(account))
            .cloned()
            .collect()
    }

    pub(crate) fn open_session(&mut self, account: usize, token: &str) {
        let (now, oldest) = (self.now, self.now - SESSION_MILLIS);
        self.sessions
            .retain(|_, session| session.account != account || session.created > oldest);
        while self.open(account).len() >= SESSIONS {
            let first = self
                .sessions
                .iter()
                .filter(|(_, session)| session.account == account)
                .min_by_key(|(_, session)| session.created)
                .map(|(token, _)| token.clone());
            self.sessions.remove(&first.unwrap_or_default());
        }
        let session = Session {
            account,
            created: now,
        };
        self.sessions.insert(token.to_owned(), session);
        self.tokens.push(token.to_owned());
    }

    /// Ends all sessions of an account but this one.
    pub(crate) fn end_others(&mut self, account: usize, token: &str) {
        self.sessions
            .retain(|other, session| session.account != account || other == token);
    }

    pub(crate) fn store(&mut self, fid: &str, mut entry: Entry) {
        entry.stored = (self.now, self.fids.len());
        assert!(!self.fids.contains(&fid.to_owned()), "a fid came again");
        self.fids.push(fid.to_owned());
        self.files.insert(fid.to_owned(), entry);
    }

    /// What this account may read under a fid.
    pub(crate) fn readable(&self, account: usize, fid: &str) -> Option<&Entry> {
        let entry = self.files.get(fid)?;
        (entry.owner == account || entry.public).then_some(entry)
    }

    /// Whether these bytes can be had for their digest alone.
    pub(crate) fn can_claim(&self, account: usize, content: &[u8]) -> bool {
        self.files
            .values()
            .any(|entry| entry.content == content && (entry.owner == account || entry.public))
    }

    fn newest(&self, filter: impl Fn(&Entry) -> bool) -> Vec<(&String, &Entry)> {
        let mut found: Vec<_> = self.files.iter().filter(|(_, e)| filter(e)).collect();
        found.sort_by_key(|(_, entry)| Reverse(entry.stored));
        found
    }

    /// The own list, newest first.
    pub(crate) fn own(&self, account: usize) -> Vec<(&String, &Entry)> {
        self.newest(|entry| entry.owner == account)
    }

    /// The newest public entry over each content that the account has not got.
    pub(crate) fn recommended(&self, account: usize) -> Vec<(&String, &Entry)> {
        let own = self.own(account);
        let mut seen: BTreeSet<_> = own.iter().map(|(_, entry)| &entry.content).collect();
        let public = self.newest(|entry| entry.public && entry.owner != account);
        let new = public.into_iter();
        new.filter(|(_, entry)| seen.insert(&entry.content))
            .collect()
    }
}
