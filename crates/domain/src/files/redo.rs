//! Notes of what is to be done with bytes, which become durable along with them.
//!
//! Bytes of a file are made durable, and then the row of its entry: two syncs one after the other,
//! which is most of what a small upload waits for. A store that keeps a note of the entry beside the
//! bytes makes both durable at once. The row is written at once as well, so that everybody sees it, but
//! need not be durable by itself: what a power cut takes of it is done again from the notes at the next
//! start. How far the notes have been carried out is kept with the rows.

use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};

use uuid::Uuid;

use super::{FileId, Md5, NewFile, Quota, Title, TitleError, Visibility};
use crate::users::UserId;
use crate::{PortErrorKind, Timestamp};

/// A place among the notes of a store: all up to there have been carried out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RedoMark {
    /// Which of the store's rows of notes, each of which is carried out in its order.
    pub log: String,
    /// A place in it. Those of later notes are greater.
    pub position: u64,
}

/// Where a note was written that is about to be durable.
#[derive(Clone, Debug)]
pub struct Noted {
    /// Up to where notes are to be carried out, this one included.
    pub mark: RedoMark,
    /// Whoever stores the entry may begin before, and must not end before it has waited for this.
    pub settling: Settling,
}

/// What will be known of a write: whether it is durable. Clones are told the same.
#[derive(Clone, Debug)]
pub struct Settling(Arc<Settled>);

/// Who will say it. Dropped without a word, it says that the write has failed.
#[derive(Debug)]
pub struct Settle(Arc<Settled>);

#[derive(Debug, Default)]
struct Settled {
    outcome: Mutex<Option<Result<(), PortErrorKind>>>,
    told: Condvar,
}

impl Settled {
    fn lock(&self) -> MutexGuard<'_, Option<Result<(), PortErrorKind>>> {
        self.outcome.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Settling {
    /// One that is to be told, and who is to tell it.
    #[must_use]
    pub fn new() -> (Settle, Self) {
        let settled = Arc::<Settled>::default();
        (Settle(Arc::clone(&settled)), Self(settled))
    }

    /// Of what is durable already.
    #[must_use]
    pub fn done() -> Self {
        let (settle, settling) = Self::new();
        settle.tell(Ok(()));
        settling
    }

    /// Blocks until it is known.
    ///
    /// # Errors
    /// The kind of failure: nothing that rests on the write may be acknowledged.
    pub fn wait(&self) -> Result<(), PortErrorKind> {
        let mut outcome = self.0.lock();
        loop {
            match *outcome {
                Some(outcome) => return outcome,
                None => {
                    let told = self.0.told.wait(outcome);
                    outcome = told.unwrap_or_else(PoisonError::into_inner);
                }
            }
        }
    }
}

impl Settle {
    /// Says it.
    pub fn tell(self, outcome: Result<(), PortErrorKind>) {
        *self.0.lock() = Some(outcome);
    }
}

impl Drop for Settle {
    fn drop(&mut self) {
        self.0.lock().get_or_insert(Err(PortErrorKind::Internal));
        self.0.told.notify_all();
    }
}

/// The entry that is to be made over the bytes beside which this is kept.
#[derive(Clone, Debug)]
pub struct RedoNote {
    /// The entry. Its quota is not noted: it was within the limits when the note was carried out first.
    pub file: NewFile,
    /// When the bytes were stored.
    pub stored_at: Timestamp,
}

/// Why a note cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum RedoNoteError {
    /// A release made it that writes others.
    #[error("it has form {0}, which only another release can read")]
    Form(u8),
    /// It ends too early, or holds what no entry has.
    #[error("it does not read like a note")]
    Garbled,
    /// Its title is none.
    #[error("it has no title")]
    Title(#[from] TitleError),
}

/// The first byte of a note.
const FORM: u8 = 1;

impl RedoNote {
    /// Its bytes: at most 100 and those of the title.
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        let file = &self.file;
        let title = file.title.as_str();
        let mut bytes = Vec::with_capacity(title.len().saturating_add(100));
        bytes.push(FORM);
        bytes.extend_from_slice(file.id.as_uuid().as_bytes());
        bytes.extend_from_slice(file.owner.as_uuid().as_bytes());
        bytes.extend_from_slice(file.md5.as_bytes());
        bytes.push(u8::from(file.visibility.is_public()));
        for time in [file.created_at, self.stored_at] {
            bytes.extend_from_slice(&time.as_millis().to_le_bytes());
        }
        bytes.extend_from_slice(title.as_bytes());
        bytes
    }

    /// Reads what [`to_bytes`](Self::to_bytes) has written.
    ///
    /// # Errors
    /// [`RedoNoteError`].
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, RedoNoteError> {
        let mut rest = bytes;
        match take(&mut rest)? {
            [FORM] => {}
            [form] => return Err(RedoNoteError::Form(form)),
        }
        let id = FileId::from_uuid(Uuid::from_bytes(take(&mut rest)?));
        let owner = UserId::from_uuid(Uuid::from_bytes(take(&mut rest)?));
        let md5 = Md5::from_bytes(take(&mut rest)?);
        let visibility = Visibility::from_public(flag(&mut rest)?);
        let created_at = Timestamp::from_millis(i64::from_le_bytes(take(&mut rest)?));
        let stored_at = Timestamp::from_millis(i64::from_le_bytes(take(&mut rest)?));
        let title = std::str::from_utf8(rest).map_err(|_| RedoNoteError::Garbled)?;
        Ok(Self {
            file: NewFile {
                id,
                owner,
                title: Title::parse(title)?,
                md5,
                visibility,
                created_at,
                quota: Quota::NONE,
            },
            stored_at,
        })
    }
}

fn take<const N: usize>(rest: &mut &[u8]) -> Result<[u8; N], RedoNoteError> {
    let (taken, behind) = rest.split_first_chunk().ok_or(RedoNoteError::Garbled)?;
    *rest = behind;
    Ok(*taken)
}

fn flag(rest: &mut &[u8]) -> Result<bool, RedoNoteError> {
    match take(rest)? {
        [0] => Ok(false),
        [1] => Ok(true),
        _ => Err(RedoNoteError::Garbled),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn note(title: &str, public: bool) -> RedoNote {
        RedoNote {
            file: NewFile {
                id: FileId::from_uuid(Uuid::from_u128(1)),
                owner: UserId::from_uuid(Uuid::from_u128(2)),
                title: Title::parse(title).unwrap(),
                md5: Md5::from_bytes([3; 16]),
                visibility: Visibility::from_public(public),
                created_at: Timestamp::from_millis(-4),
                quota: Quota::NONE,
            },
            stored_at: Timestamp::from_millis(i64::MAX),
        }
    }

    #[test]
    fn everybody_who_waits_is_told_the_same_also_when_nobody_says_it() {
        for outcome in [Ok(()), Err(PortErrorKind::StorageFull)] {
            let (settle, settling) = Settling::new();
            let early = std::thread::spawn({
                let settling = settling.clone();
                move || settling.wait()
            });
            settle.tell(outcome);
            assert_eq!(early.join().unwrap(), outcome);
            assert_eq!(settling.wait(), outcome);
        }
        let (settle, settling) = Settling::new();
        drop(settle);
        assert_eq!(settling.wait(), Err(PortErrorKind::Internal));
        assert_eq!(Settling::done().wait(), Ok(()));
    }

    #[test]
    fn what_was_noted_is_read_again() {
        let long = "界".repeat(Title::MAX_CHARS);
        for (title, public) in [("a", true), (&long, false)] {
            let note = note(title, public);
            let bytes = note.to_bytes();
            assert!(bytes.len() <= 100 + title.len());
            let read = RedoNote::from_bytes(&bytes).unwrap();
            assert_eq!(format!("{read:?}"), format!("{note:?}"));
        }
    }

    #[test]
    fn what_is_no_note_is_told() {
        let bytes = note("t", true).to_bytes();
        for end in 0..bytes.len() {
            assert!(RedoNote::from_bytes(&bytes[..end]).is_err(), "{end}");
        }
        let changed = |at: usize, to: u8| {
            let mut bytes = bytes.clone();
            bytes[at] = to;
            RedoNote::from_bytes(&bytes)
        };
        assert!(matches!(changed(0, 2), Err(RedoNoteError::Form(2))));
        assert!(matches!(changed(49, 2), Err(RedoNoteError::Garbled)));
        assert!(matches!(
            changed(bytes.len() - 1, 0xff),
            Err(RedoNoteError::Garbled)
        ));
        assert!(matches!(
            changed(bytes.len() - 1, b'\n'),
            Err(RedoNoteError::Title(_))
        ));
    }
}
