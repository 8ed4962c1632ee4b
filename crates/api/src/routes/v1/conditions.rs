//! What an upload makes depend on what its account has: `Idempotency-Key` and `If-None-Match`.

use actix_web::http::header::{HeaderMap, HeaderName};
use kms_domain::codes::Code;
use kms_domain::files::{KeyStanding, Sha256, StoreFile, StoreOnce, UploadKey};
use kms_domain::users::Actor;
use sfv::{Item, Parser};

use super::conditional::Unless;
use super::problem::Unmet;
use crate::app::{App, Services};
use crate::call::{Call, identify};
use crate::error::ApiError;
use crate::in_flight::KeyInUse;
use crate::offload::Lane;
use crate::quota::Room;

const IDEMPOTENCY_KEY: HeaderName = HeaderName::from_static("idempotency-key");
/// Most contents that an upload may name as those that it must not be a second entry over; each is a look
/// at the database.
const MOST_CONTENTS: usize = 32;

/// The conditions of an upload.
#[derive(Debug)]
pub(super) struct UploadConditions {
    key: Option<UploadKey>,
    unless: Unless,
}

/// A sender whose conditions hold as far as that can be told before the bytes are here.
pub(super) struct Admitted {
    pub(super) room: Room,
    _key: Option<KeyInUse>,
}

impl UploadConditions {
    /// Those of a request. Code 1: one of them cannot be read.
    pub(super) fn of(headers: &HeaderMap) -> Result<Self, ApiError> {
        let unless = Unless::of(headers)
            .ok_or_else(|| ApiError::bad_format("`If-None-Match` is no list of tags"))?;
        if unless.contents.len() > MOST_CONTENTS {
            return Err(ApiError::bad_format(
                "`If-None-Match` names too many contents",
            ));
        }
        Ok(Self {
            key: key(headers)?,
            unless,
        })
    }

    /// Whether there are none.
    pub(super) fn are_none(&self) -> bool {
        self.key.is_none() && !self.unless.any && self.unless.contents.is_empty()
    }

    /// Judges what can be judged of the conditions of a sender who is known and has `room`. `request`: what
    /// the upload says, if it has said it already. All is judged again when the bytes are here.
    pub(super) async fn admit(
        &self,
        call: &Call,
        room: Room,
        request: Option<StoreFile>,
    ) -> Result<Admitted, ApiError> {
        if self.are_none() {
            return Ok(Admitted { room, _key: None });
        }
        let (judged, key) = (call.bearer_token()?, self.key.clone());
        let contents = self.unless.contents.clone();
        let app = call.app.clone();
        let admit = move |services: &Services| {
            let (actor, _) = identify(services, &judged)?;
            let key_in_use = take(&app, &actor, key.as_ref())?;
            let room = judge(services, &actor, key.as_ref(), request.as_ref(), &contents)?;
            Ok((room, key_in_use))
        };
        let lane = if self.unless.contents.is_empty() {
            Lane::ShortRead
        } else {
            // Several looks are too long for the worker.
            Lane::Storage
        };
        let (room, key) = call.app.run(lane, admit).await?;
        Ok(Admitted { room, _key: key })
    }

    /// What they are for content with this digest.
    pub(super) fn for_content(self, sha256: Sha256) -> StoreOnce {
        StoreOnce {
            key: self.key,
            unless_held: self.unless.any || self.unless.contents.contains(&sha256),
        }
    }
}

/// Takes the key into use, if there is one.
fn take(app: &App, actor: &Actor, key: Option<&UploadKey>) -> Result<Option<KeyInUse>, ApiError> {
    let Some(key) = key else {
        return Ok(None);
    };
    match app.in_flight.begin(actor.user(), key) {
        Some(in_use) => Ok(Some(in_use)),
        None => Err(ApiError::because(Code::Busy, Unmet::KeyInUse)),
    }
}

/// The room for the upload, if its conditions hold so far. A repetition takes no room, so it needs none; what is
/// larger than the first upload is none.
fn judge(
    services: &Services,
    actor: &Actor,
    key: Option<&UploadKey>,
    request: Option<&StoreFile>,
    contents: &[Sha256],
) -> Result<Room, ApiError> {
    let standing = match key {
        Some(key) => services.once.standing(actor, key, request)?,
        None => KeyStanding::New,
    };
    match standing {
        KeyStanding::Known { size } => Ok(Room::again(actor, size, |_| reused())),
        KeyStanding::Reused => Err(reused()),
        KeyStanding::New if services.once.holds_any(actor, contents)? => {
            Err(ApiError::because(Code::BadFormat, Unmet::Held))
        }
        KeyStanding::New => Room::of(services, actor),
    }
}

fn reused() -> ApiError {
    ApiError::because(Code::BadFormat, Unmet::KeyReused)
}

/// The key of a request: a string as structured fields have it, or for clients that know nothing of
/// them the same without quotes.
fn key(headers: &HeaderMap) -> Result<Option<UploadKey>, ApiError> {
    let mut lines = headers.get_all(IDEMPOTENCY_KEY);
    let Some(line) = lines.next() else {
        return Ok(None);
    };
    let malformed = || ApiError::bad_format("`Idempotency-Key` is no key");
    if lines.next().is_some() {
        return Err(malformed());
    }
    let text = line.to_str().map_err(|_| malformed())?;
    let key = if text.starts_with('"') {
        let item: Item = Parser::new(text).parse().map_err(|_| malformed())?;
        let string = item.bare_item.as_string().ok_or_else(malformed)?;
        UploadKey::parse(string.as_str())
    } else if text.contains(['"', ',', ';', ' ', '\t']) {
        return Err(malformed());
    } else {
        UploadKey::parse(text)
    };
    key.map(Some).map_err(ApiError::bad_format)
}

#[cfg(test)]
mod tests {
    use actix_web::http::header::{HeaderValue, IF_NONE_MATCH};

    use super::*;

    fn read(value: &str) -> Option<String> {
        let mut headers = HeaderMap::new();
        headers.insert(IDEMPOTENCY_KEY, HeaderValue::from_str(value).unwrap());
        let key = UploadConditions::of(&headers).ok()?.key?;
        Some(key.as_str().to_owned())
    }

    #[test]
    fn a_key_is_a_string_with_its_quotes_or_without() {
        for (value, key) in [
            ("\"8e03978e\"", "8e03978e"),
            ("8e03978e", "8e03978e"),
            ("\"a b, c;d\"", "a b, c;d"),
            (r#""a\"b\\""#, r#"a"b\"#),
            ("\"key\";param=1", "key"),
            ("a=b", "a=b"),
        ] {
            assert_eq!(read(value).as_deref(), Some(key), "{value}");
        }
        let long = format!("\"{}\"", "x".repeat(256));
        for value in [
            "",
            "\"\"",
            "\"a",
            "a\"",
            "a b",
            "a,b",
            "\"a\" \"b\"",
            "\"é\"",
            &long,
        ] {
            assert_eq!(read(value), None, "{value}");
        }
    }

    #[test]
    fn a_second_key_and_too_many_contents_are_refused() {
        let mut headers = HeaderMap::new();
        for _ in 0..2 {
            headers.append(IDEMPOTENCY_KEY, HeaderValue::from_static("a"));
        }
        assert!(UploadConditions::of(&headers).is_err());
        for (n, is_good) in [(MOST_CONTENTS, true), (MOST_CONTENTS + 1, false)] {
            let mut headers = HeaderMap::new();
            for at in 0..n {
                let tag = HeaderValue::try_from(format!("\"{at:064x}\"")).unwrap();
                headers.append(IF_NONE_MATCH, tag);
            }
            assert_eq!(UploadConditions::of(&headers).is_ok(), is_good);
        }
    }
}
