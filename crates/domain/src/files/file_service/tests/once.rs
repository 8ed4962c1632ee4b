//! Uploads under conditions, between whose judgements others go on.

use super::*;
use crate::PortError;
use crate::files::{AttachedOnce, KeptUpload, NewBlob, NewFile, Once, OnceRepository, UploadKey};
use crate::users::UserId;

/// A repository in which somebody stores an upload under the key behind so many looks for it.
struct Late {
    script: Script,
    looks: usize,
    kept: KeptUpload,
    held: bool,
}

impl OnceRepository for Late {
    fn find_key(
        &self,
        owner: UserId,
        key: &UploadKey,
        _: Timestamp,
    ) -> Result<Option<KeptUpload>, PortError> {
        assert_eq!((owner, key.as_str()), (user(), "key"));
        let looks = self.script.count("once.find_key");
        self.script.call("once.find_key")?;
        Ok((looks >= self.looks).then_some(self.kept))
    }

    fn holds(&self, _: UserId, _: &Sha256) -> Result<bool, PortError> {
        self.script.call("once.holds")?;
        Ok(self.held)
    }

    fn find_md5(&self, _: UserId, _: &Sha256, _: bool) -> Result<Option<Md5>, PortError> {
        panic!("nobody claims")
    }

    fn attach_once(&self, _: &NewFile, _: &NewBlob, _: &Once) -> Result<AttachedOnce, PortError> {
        panic!("nothing is stored")
    }

    fn remove_expired(&self, expired: Timestamp, limit: usize) -> Result<usize, PortError> {
        assert_eq!(expired, NOW.minus_millis(1));
        self.script.call("once.remove_expired")?;
        Ok(limit.min(self.looks))
    }
}

fn request() -> StoreFile {
    StoreFile {
        title: title(),
        visibility: None,
        md5: None,
        sha256: None,
    }
}

fn service_with(script: &Script, looks: usize, held: bool, used: Used) -> OnceService {
    let files = FileService {
        usage: Arc::new(holding(script, used)),
        ..service(
            script,
            MockFileRepository::new(),
            RecordingStore::empty(script),
        )
    };
    let kept = KeptUpload {
        request: request().digest(),
        receipt: receipt(),
    };
    OnceService {
        once: Arc::new(Late {
            script: script.clone(),
            looks,
            kept,
            held,
        }),
        files,
        keys: KeyPolicy {
            millis: 1,
            per_account: 1,
        },
    }
}

/// What becomes of [`CONTENT`] under the key, when that is found after so many looks.
fn store(script: &Script, looks: usize, held: bool, used: Used) -> Result<OnceOutcome, FileError> {
    let once = service_with(script, looks, held, used);
    let conditions = StoreOnce {
        key: UploadKey::parse("key").ok(),
        unless_held: held,
    };
    let upload = once.files.begin_upload()?.push(CONTENT).unwrap().finish();
    once.store(&actor(), upload, request(), conditions)
}

/// For as long as there are whole batches.
#[test]
fn keys_that_count_no_more_go_in_batches() {
    for (expired, more) in [(0, false), (255, false), (256, true), (257, true)] {
        let once = service_with(&Script::default(), expired, false, Used::default());
        assert_eq!(once.forget_expired().unwrap(), more);
    }
    for (kind, code) in KINDS {
        let script = Script::failing_on("once.remove_expired", kind);
        let once = service_with(&script, 1, false, Used::default());
        assert_eq!(once.forget_expired().unwrap_err().code(), code);
    }
}

/// It was its own first try that took the room, or made it one that is held.
#[test]
fn an_upload_that_another_one_under_its_key_gets_in_the_way_of_is_answered_as_that() {
    let over_quota = OnceOutcome::Uploaded(UploadOutcome::OverQuota);
    for (looks, held, used, outcome) in [
        (0, true, FULL, OnceOutcome::Repeated(receipt())),
        (1, true, Used::default(), OnceOutcome::Repeated(receipt())),
        (1, false, FULL, OnceOutcome::Repeated(receipt())),
        (2, true, Used::default(), OnceOutcome::Held),
        (2, false, FULL, over_quota),
    ] {
        let script = Script::default();
        let found = store(&script, looks, held, used).unwrap();
        assert_eq!(found, outcome, "{looks} {held}");
        assert_eq!(script.count("stage.publish"), 0);
    }
}
