//! Zip archives whose files are stored as they are, written from front to back (APPNOTE 6.3).
//!
//! All sizes are known before the first byte, so the length of the archive is too, and an entry is of the
//! 64-bit form exactly if it has to be. Checksums are known only behind the bytes, where a descriptor tells them.

mod names;

use kms_domain::{Timestamp, Utc};

pub(crate) use names::Names;

/// What does not fit into a field of 32 bits is written as this, and stands in a 64-bit field.
const ELSEWHERE: u32 = u32::MAX;
/// The first number that does not fit; the last of 32 bits means that it stands elsewhere.
const TOO_LARGE: u64 = 0xffff_ffff;
const LOCAL: u32 = 0x0403_4b50;
const DESCRIPTOR: u32 = 0x0807_4b50;
const CENTRAL: u32 = 0x0201_4b50;
const END_64: u32 = 0x0606_4b50;
const LOCATOR_64: u32 = 0x0706_4b50;
const END: u32 = 0x0605_4b50;
/// Names are UTF-8 (bit 11), and a descriptor follows the bytes (bit 3).
const FLAGS: u16 = 0x0808;
/// Versions of the format that a reader must know: 2.0, and 4.5 for 64-bit fields.
const PLAIN: u16 = 20;
const LARGE: u16 = 45;
/// Written by 4.5 on Unix, whose files have a mode.
const MADE_BY: u16 = 0x0300 | LARGE;
/// An ordinary file that its owner may write and everybody may read, as Unix has it.
const MODE: u32 = 0o100_644 << 16;
/// The extra field with the numbers that do not fit.
const EXTRA_64: u16 = 1;

/// A file of an archive.
#[derive(Clone, Debug)]
pub(crate) struct Entry {
    /// At most 65,535 bytes.
    pub(crate) name: String,
    pub(crate) size: u64,
    pub(crate) time: Timestamp,
}

/// An archive that can be written: where everything in it will be.
#[derive(Debug)]
pub(crate) struct Plan {
    entries: Vec<Entry>,
    offsets: Vec<u64>,
    central_at: u64,
    central_size: u64,
    length: u64,
}

impl Entry {
    const fn is_large(&self) -> bool {
        self.size >= TOO_LARGE
    }

    /// Bytes in front of the content and behind it.
    fn around(&self) -> u64 {
        let fixed = if self.is_large() {
            30 + 20 + 24
        } else {
            30 + 16
        };
        length(&self.name).saturating_add(fixed)
    }

    /// The numbers of the central record that do not fit.
    fn elsewhere(&self, offset: u64) -> Vec<u64> {
        let mut numbers = Vec::new();
        if self.is_large() {
            numbers.extend([self.size, self.size]);
        }
        if offset >= TOO_LARGE {
            numbers.push(offset);
        }
        numbers
    }
}

impl Plan {
    /// An archive of these files in this order. `None`: it is too long to be counted, or a name is.
    pub(crate) fn new(entries: Vec<Entry>) -> Option<Self> {
        let mut offsets = Vec::with_capacity(entries.len());
        let mut at = 0_u64;
        for entry in &entries {
            u16::try_from(entry.name.len()).ok()?;
            offsets.push(at);
            at = at.checked_add(entry.around())?.checked_add(entry.size)?;
        }
        let mut plan = Self {
            entries,
            offsets,
            central_at: at,
            central_size: 0,
            length: 0,
        };
        for (entry, offset) in plan.entries.iter().zip(&plan.offsets) {
            let numbers = u64::try_from(entry.elsewhere(*offset).len()).ok()?;
            let extra = if numbers == 0 { 0 } else { 4 + 8 * numbers };
            let record = length(&entry.name).checked_add(46 + extra)?;
            plan.central_size = plan.central_size.checked_add(record)?;
        }
        let end = u64::try_from(plan.end().len()).ok()?;
        plan.length = at.checked_add(plan.central_size)?.checked_add(end)?;
        Some(plan)
    }

    /// Bytes of the whole archive.
    pub(crate) const fn length(&self) -> u64 {
        self.length
    }

    /// How many files there are.
    pub(crate) fn count(&self) -> usize {
        self.entries.len()
    }

    /// Bytes of a file.
    pub(crate) fn size(&self, at: usize) -> Option<u64> {
        self.entries.get(at).map(|entry| entry.size)
    }

    /// What stands in front of a file's bytes.
    pub(crate) fn local(&self, at: usize) -> Vec<u8> {
        let Some(entry) = self.entries.get(at) else {
            return Vec::new();
        };
        let mut out = Out::default();
        out.u32(LOCAL);
        out.common(entry, entry.is_large());
        // The checksum, and both sizes.
        out.u32(0);
        let sizes = if entry.is_large() { ELSEWHERE } else { 0 };
        out.u32(sizes);
        out.u32(sizes);
        out.length16(entry.name.len());
        out.u16(if entry.is_large() { 20 } else { 0 });
        out.text(&entry.name);
        if entry.is_large() {
            // Tells a reader that the descriptor has 64-bit sizes.
            out.extra(&[0, 0]);
        }
        out.0
    }

    /// What stands behind a file's bytes, which have this checksum.
    pub(crate) fn descriptor(&self, at: usize, crc: u32) -> Vec<u8> {
        let mut out = Out::default();
        out.u32(DESCRIPTOR);
        out.u32(crc);
        if let Some(entry) = self.entries.get(at) {
            for _ in 0..2 {
                if entry.is_large() {
                    out.u64(entry.size);
                } else {
                    out.u32(or_elsewhere(entry.size));
                }
            }
        }
        out.0
    }

    /// What the directory at the end says about a file whose bytes have this checksum.
    pub(crate) fn central(&self, at: usize, crc: u32) -> Vec<u8> {
        let (Some(entry), Some(offset)) = (self.entries.get(at), self.offsets.get(at)) else {
            return Vec::new();
        };
        let numbers = entry.elsewhere(*offset);
        let mut out = Out::default();
        out.u32(CENTRAL);
        out.u16(MADE_BY);
        out.common(entry, !numbers.is_empty());
        out.u32(crc);
        out.u32(or_elsewhere(entry.size));
        out.u32(or_elsewhere(entry.size));
        out.length16(entry.name.len());
        out.length16(if numbers.is_empty() {
            0
        } else {
            4 + 8 * numbers.len()
        });
        // No comment, the first disk, and no attributes within.
        out.u16(0);
        out.u16(0);
        out.u16(0);
        out.u32(MODE);
        out.u32(or_elsewhere(*offset));
        out.text(&entry.name);
        if !numbers.is_empty() {
            out.extra(&numbers);
        }
        out.0
    }

    /// What stands at the very end.
    pub(crate) fn end(&self) -> Vec<u8> {
        let count = u64::try_from(self.entries.len()).unwrap_or(u64::MAX);
        let few = u16::try_from(count).ok().filter(|few| *few < u16::MAX);
        let mut out = Out::default();
        if few.is_none() || self.central_at >= TOO_LARGE || self.central_size >= TOO_LARGE {
            out.u32(END_64);
            // Bytes of this record behind this number.
            out.u64(44);
            out.u16(MADE_BY);
            out.u16(LARGE);
            out.u32(0);
            out.u32(0);
            out.u64(count);
            out.u64(count);
            out.u64(self.central_size);
            out.u64(self.central_at);
            out.u32(LOCATOR_64);
            out.u32(0);
            out.u64(self.central_at.saturating_add(self.central_size));
            out.u32(1);
        }
        out.u32(END);
        out.u16(0);
        out.u16(0);
        out.u16(few.unwrap_or(u16::MAX));
        out.u16(few.unwrap_or(u16::MAX));
        out.u32(or_elsewhere(self.central_size));
        out.u32(or_elsewhere(self.central_at));
        out.u16(0);
        out.0
    }
}

/// Bytes in the order of the format: the lowest first.
#[derive(Default)]
struct Out(Vec<u8>);

impl Out {
    fn u16(&mut self, number: u16) {
        self.0.extend_from_slice(&number.to_le_bytes());
    }

    fn u32(&mut self, number: u32) {
        self.0.extend_from_slice(&number.to_le_bytes());
    }

    fn u64(&mut self, number: u64) {
        self.0.extend_from_slice(&number.to_le_bytes());
    }

    /// The length of something that is known to fit.
    fn length16(&mut self, length: usize) {
        self.u16(u16::try_from(length).unwrap_or(u16::MAX));
    }

    fn text(&mut self, text: &str) {
        self.0.extend_from_slice(text.as_bytes());
    }

    /// What both records of a file say alike: how they are to be read, which depends on whether they have
    /// numbers of 64 bits, and its time.
    fn common(&mut self, entry: &Entry, is_large: bool) {
        self.u16(if is_large { LARGE } else { PLAIN });
        self.u16(FLAGS);
        // Stored.
        self.u16(0);
        let (time, date) = dos_time(entry.time);
        self.u16(time);
        self.u16(date);
    }

    fn extra(&mut self, numbers: &[u64]) {
        self.u16(EXTRA_64);
        self.length16(8 * numbers.len());
        for number in numbers {
            self.u64(*number);
        }
    }
}

fn or_elsewhere(number: u64) -> u32 {
    u32::try_from(number).unwrap_or(ELSEWHERE)
}

fn length(text: &str) -> u64 {
    u64::try_from(text.len()).unwrap_or(u64::MAX)
}

/// A time and a date as DOS has them, in UTC and to two seconds, from 1980 to 2107.
fn dos_time(time: Timestamp) -> (u16, u16) {
    let utc = Utc::from(time);
    let fields = if utc.year < 1980 {
        [0, 1, 1, 0, 0, 0]
    } else if utc.year > 2107 {
        [127, 12, 31, 23, 59, 58]
    } else {
        [
            utc.year - 1980,
            utc.month,
            utc.day,
            utc.hour,
            utc.minute,
            utc.second,
        ]
    };
    let [year, month, day, hour, minute, second] =
        fields.map(|field| u16::try_from(field).unwrap_or(0));
    (
        (hour << 11) | (minute << 5) | (second / 2),
        (year << 9) | (month << 5) | day,
    )
}

#[cfg(test)]
mod tests;
