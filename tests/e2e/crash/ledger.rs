//! What somebody has sent, and what of it was acknowledged.

use std::sync::atomic::{AtomicU64, Ordering};

use super::dice::Dice;
use crate::harness::{Client, Person, User, bytes, md5_hex};

const KIB: u64 = 1024;
/// What fits a pack: 64 KiB less the head of a record.
const PACKED: u64 = 64 * KIB - 64;
/// From here on a file is written past the page cache.
const DIRECT: u64 = 256 * KIB;
/// Contents that everybody knows, so that they are sent again and again.
const COMMON: u64 = 12;

/// Tells apart what has to be new in the whole process.
static NEXT: AtomicU64 = AtomicU64::new(1_000);

/// Bytes that can be made again from two numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Content {
    seed: u64,
    size: usize,
}

/// How a content is stored.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Size {
    /// As a record of a pack.
    Small,
    /// As a file that is synced in a group.
    Medium,
    /// As a file that is written past the page cache, with checksums beside it.
    Large,
}

impl Content {
    /// Bytes that nobody has sent before.
    pub(crate) fn fresh(size: Size, dice: &mut Dice) -> Self {
        let size = match size {
            Size::Small if dice.once_in(8) => PACKED,
            Size::Small => 1 + dice.below(PACKED),
            Size::Medium => PACKED + 1 + dice.below(DIRECT - PACKED),
            Size::Large => DIRECT + 1 + dice.below(900 * KIB),
        };
        Self {
            seed: NEXT.fetch_add(1, Ordering::Relaxed),
            size: size as usize,
        }
    }

    /// One of those that everybody knows.
    pub(crate) fn common(dice: &mut Dice) -> Self {
        let seed = dice.below(COMMON);
        let size = match seed % 4 {
            0 => 300 * KIB,
            1 => 100 * KIB,
            _ => 9 * KIB + seed,
        };
        Self {
            seed,
            size: size as usize,
        }
    }

    pub(crate) fn bytes(self) -> Vec<u8> {
        bytes(self.seed, self.size)
    }

    pub(crate) fn md5(self) -> String {
        md5_hex(&self.bytes())
    }
}

/// An entry that was acknowledged.
#[derive(Clone, Debug)]
pub(crate) struct Filed {
    pub(crate) fid: String,
    pub(crate) title: String,
    pub(crate) content: Content,
}

/// Sent, and not acknowledged: it may have happened as a whole, or not at all.
#[derive(Clone, Debug)]
pub(crate) enum Doubt {
    Registration,
    File {
        title: String,
        content: Content,
    },
    Avatar(Content),
    Name(String),
    /// The entry with this fid was to be deleted.
    Deletion(String),
}

/// Somebody, and all that the server owes them.
#[derive(Clone, Debug)]
pub(crate) struct Member {
    pub(crate) client: Client,
    pub(crate) person: Person,
    pub(crate) is_registered: bool,
    /// Of the last login that was acknowledged. Older sessions may have had to go for it.
    pub(crate) token: Option<String>,
    /// Of logins before that, as far as nothing has ended them.
    pub(crate) older: Vec<String>,
    /// Of sessions whose end was acknowledged.
    pub(crate) ended: Vec<String>,
    pub(crate) files: Vec<Filed>,
    /// How many of the files, the oldest ones, were found after a restart already.
    pub(crate) found: usize,
    pub(crate) avatar: Option<Content>,
    pub(crate) doubts: Vec<Doubt>,
    /// Something was sent since the last check.
    pub(crate) was_busy: bool,
}

impl Member {
    /// Somebody who has yet to register.
    pub(crate) fn new(client: Client) -> Self {
        Self {
            client,
            person: Person::new(),
            is_registered: false,
            token: None,
            older: Vec::new(),
            ended: Vec::new(),
            files: Vec::new(),
            found: 0,
            avatar: None,
            doubts: Vec::new(),
            was_busy: false,
        }
    }

    /// Signed in, as far as they know.
    pub(crate) fn user(&self) -> User {
        let token = self.token.as_deref().unwrap_or("none yet");
        User::new(self.client.clone(), self.person.clone(), token)
    }

    /// Takes an entry off the list, because it is gone.
    pub(crate) fn strike(&mut self, fid: &str) {
        let at = self.files.iter().position(|filed| filed.fid == fid);
        let at = at.expect("it is on the list");
        self.files.remove(at);
        self.found -= usize::from(at < self.found);
    }

    /// A title that no other entry has.
    pub(crate) fn new_title() -> String {
        format!("file {}", NEXT.fetch_add(1, Ordering::Relaxed))
    }
}
