//! Conditional requests (RFC 9110, section 13).

use std::time::{Duration, SystemTime};

use actix_web::http::header::{
    HeaderMap, HeaderName, HeaderValue, HttpDate, IF_MATCH, IF_MODIFIED_SINCE, IF_NONE_MATCH,
    IF_RANGE, IF_UNMODIFIED_SINCE,
};
use kms_domain::Timestamp;
use kms_domain::files::Sha256;

/// 9999-12-31 23:59:59, the last second that an HTTP date can name.
const LAST_SECOND: u64 = 253_402_300_799;

/// What a request makes its answer depend on, as it was sent.
#[derive(Debug, Default)]
pub(super) struct Conditions {
    if_match: Vec<HeaderValue>,
    if_unmodified_since: Option<HttpDate>,
    if_none_match: Vec<HeaderValue>,
    if_modified_since: Option<HttpDate>,
    if_range: Vec<HeaderValue>,
}

/// What an answer is compared by: bytes under a fid never change, so both are strong.
#[derive(Debug)]
pub(super) struct Validators {
    /// The content's SHA-256 between quotes.
    pub(super) etag: String,
    /// The second in which the entry was stored, where that is known. A date is no condition where it is
    /// not (sections 13.1.3 and 13.1.4).
    pub(super) modified: Option<HttpDate>,
}

/// What `If-None-Match` says to a request that adds something: that it is not to be there already.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Unless {
    /// Whatever is added.
    pub(super) any: bool,
    /// One of these contents. Tags that no content has say nothing.
    pub(super) contents: Vec<Sha256>,
}

impl Unless {
    /// The field of a request. `None`: it is no list of tags. Nobody can tell what was not to be added then.
    pub(super) fn of(headers: &HeaderMap) -> Option<Self> {
        let lines: Vec<_> = headers.get_all(IF_NONE_MATCH).collect();
        if let [only] = lines.as_slice()
            && only.as_bytes() == b"*"
        {
            return Some(Self {
                any: true,
                contents: Vec::new(),
            });
        }
        let tags: Option<Vec<_>> = lines.iter().map(|line| tags(line.as_bytes())).collect();
        let digest = |tag: &Tag<'_>| {
            let text = std::str::from_utf8(tag.opaque).ok()?.trim_matches('"');
            Sha256::parse(text).ok()
        };
        Some(Self {
            any: false,
            contents: tags?.iter().flatten().filter_map(digest).collect(),
        })
    }
}

/// What the conditions of a request come to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    /// Answer as if there were none.
    Proceed,
    /// The client has it: 304.
    NotModified,
    /// Not what the client means: 412.
    Failed,
}

impl Conditions {
    /// Those of a request.
    pub(super) fn of(headers: &HeaderMap) -> Self {
        let lines = |name: HeaderName| headers.get_all(name).cloned().collect::<Vec<_>>();
        // A date that cannot be read, or is there twice, is to be ignored.
        let date = |name| match lines(name).as_slice() {
            [only] => date(only),
            _ => None,
        };
        Self {
            if_match: lines(IF_MATCH),
            if_unmodified_since: date(IF_UNMODIFIED_SINCE),
            if_none_match: lines(IF_NONE_MATCH),
            if_modified_since: date(IF_MODIFIED_SINCE),
            if_range: lines(IF_RANGE),
        }
    }

    /// Judges them for GET and HEAD, in the order of section 13.2.2. Dates count only where there
    /// is no list of tags.
    pub(super) fn judge(&self, own: &Validators) -> Verdict {
        let is_meant = if self.if_match.is_empty() {
            self.if_unmodified_since
                .is_none_or(|date| own.modified.is_none_or(|modified| modified <= date))
        } else {
            is_listed(&self.if_match, &own.etag, Comparison::Strong)
        };
        if !is_meant {
            return Verdict::Failed;
        }
        let is_held = if self.if_none_match.is_empty() {
            self.if_modified_since
                .is_some_and(|date| own.modified.is_some_and(|modified| modified <= date))
        } else {
            is_listed(&self.if_none_match, &own.etag, Comparison::Weak)
        };
        if is_held {
            Verdict::NotModified
        } else {
            Verdict::Proceed
        }
    }

    /// Whether there are any that a method which changes something has to judge.
    pub(super) fn bind_changes(&self) -> bool {
        !self.if_match.is_empty() || !self.if_none_match.is_empty()
    }

    /// Judges them for a method that changes what is there, the content with this digest or nothing, in
    /// the same order. There is no date to go by.
    pub(super) fn allow_change(&self, before: Option<Sha256>) -> bool {
        let own = before.map(|sha256| Validators::new(sha256, None).etag);
        self.allow(own.as_deref())
    }

    /// The same where what is there has this tag.
    pub(super) fn allow_change_of(&self, own: &str) -> bool {
        self.allow(Some(own))
    }

    fn allow(&self, own: Option<&str>) -> bool {
        let is_listed = |lines: &[HeaderValue], comparison| {
            own.is_some_and(|own| is_listed(lines, own, comparison))
        };
        let is_meant = self.if_match.is_empty() || is_listed(&self.if_match, Comparison::Strong);
        let is_held =
            !self.if_none_match.is_empty() && is_listed(&self.if_none_match, Comparison::Weak);
        is_meant && !is_held
    }

    /// Whether a range may be answered with a part: not when `If-Range` names other bytes than
    /// these, or nothing that can be understood.
    pub(super) fn allow_part(&self, own: &Validators) -> bool {
        match self.if_range.as_slice() {
            [] => true,
            [only] => match tags(only.as_bytes()).as_deref() {
                Some([tag]) => tag.is(&own.etag, Comparison::Strong),
                _ => own.modified.is_some() && date(only) == own.modified,
            },
            _ => false,
        }
    }
}

impl Validators {
    pub(super) fn new(sha256: Sha256, stored: Option<Timestamp>) -> Self {
        Self {
            etag: format!("\"{sha256}\""),
            modified: stored.map(http_date),
        }
    }
}

/// A clock before 1970 or behind the year 9999 has no HTTP date; any one will do then.
fn http_date(time: Timestamp) -> HttpDate {
    let seconds = u64::try_from(time.as_millis().div_euclid(1000)).unwrap_or(0);
    let since_1970 = Duration::from_secs(seconds.min(LAST_SECOND));
    let date = SystemTime::UNIX_EPOCH.checked_add(since_1970);
    date.unwrap_or(SystemTime::UNIX_EPOCH).into()
}

/// How tags are compared (section 8.8.3.2).
#[derive(Clone, Copy)]
enum Comparison {
    /// A weak tag is like no other.
    Strong,
    /// Whether a tag is weak makes no difference.
    Weak,
}

#[derive(Debug, PartialEq, Eq)]
struct Tag<'a> {
    weak: bool,
    /// With its quotes.
    opaque: &'a [u8],
}

impl Tag<'_> {
    /// Whether it is `own`, which is strong.
    fn is(&self, own: &str, comparison: Comparison) -> bool {
        let strong_enough = match comparison {
            Comparison::Strong => !self.weak,
            Comparison::Weak => true,
        };
        strong_enough && self.opaque == own.as_bytes()
    }
}

/// Whether a list of tags, perhaps over several lines, holds `own`, or is `*`. One that is no list
/// holds nothing.
fn is_listed(lines: &[HeaderValue], own: &str, comparison: Comparison) -> bool {
    if let [only] = lines
        && only.as_bytes() == b"*"
    {
        return true;
    }
    let tags: Option<Vec<_>> = lines.iter().map(|line| tags(line.as_bytes())).collect();
    tags.unwrap_or_default()
        .iter()
        .flatten()
        .any(|tag| tag.is(own, comparison))
}

/// The tags of one line. Empty elements are no tags and no mistakes (section 5.6.1.2).
fn tags(line: &[u8]) -> Option<Vec<Tag<'_>>> {
    let mut tags = Vec::new();
    let mut rest = line;
    let mut after_comma = true;
    while let Some((first, after)) = rest.split_first() {
        match first {
            b' ' | b'\t' => rest = after,
            b',' => {
                after_comma = true;
                rest = after;
            }
            _ if after_comma => {
                let (tag, after) = first_tag(rest)?;
                tags.push(tag);
                after_comma = false;
                rest = after;
            }
            _ => return None,
        }
    }
    Some(tags)
}

/// The same for who compares it with a plainer reader: whether each tag is weak, and what is between its quotes.
#[cfg(any(test, feature = "fuzzing"))]
pub(super) fn listed(line: &[u8]) -> Option<Vec<(bool, Vec<u8>)>> {
    let plain = |tag: &Tag<'_>| {
        let inner = tag.opaque.strip_prefix(b"\"")?.strip_suffix(b"\"")?;
        Some((tag.weak, inner.to_vec()))
    };
    tags(line)?.iter().map(plain).collect()
}

fn first_tag(text: &[u8]) -> Option<(Tag<'_>, &[u8])> {
    let (weak, quoted) = match text.strip_prefix(b"W/") {
        Some(quoted) => (true, quoted),
        None => (false, text),
    };
    let inner = quoted.strip_prefix(b"\"")?;
    let length = inner.iter().position(|byte| *byte == b'"')?;
    let legal = |byte: &u8| matches!(byte, 0x21 | 0x23..=0x7e | 0x80..);
    if !inner.iter().take(length).all(legal) {
        return None;
    }
    let (opaque, rest) = quoted.split_at_checked(length.checked_add(2)?)?;
    Some((Tag { weak, opaque }, rest))
}

fn date(value: &HeaderValue) -> Option<HttpDate> {
    value.to_str().ok()?.parse().ok()
}

#[cfg(test)]
mod tests;
