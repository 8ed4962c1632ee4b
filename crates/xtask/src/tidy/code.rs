//! Rust source with everything blanked that is not code, so that a rule about code never trips over prose.

/// The same text, line for line, with comments and the contents of strings and characters replaced by blanks.
pub(super) fn without_prose(source: &str) -> String {
    let mut scanner = Scanner {
        rest: source,
        out: String::with_capacity(source.len()),
        after_word: false,
    };
    while scanner.step() {}
    scanner.out
}

/// Blanks every item under `#[cfg(test)]`, or everything under `#![cfg(test)]`; expects text without prose.
pub(super) fn without_tests(code: &str) -> String {
    if code.contains("#![cfg(test)]") {
        return blank(code);
    }
    let mut out = String::with_capacity(code.len());
    let mut rest = code;
    while let Some((before, from)) = rest
        .find("#[cfg(test)]")
        .and_then(|at| rest.split_at_checked(at))
    {
        let (item, after) = from
            .split_at_checked(end_of_item(from))
            .unwrap_or((from, ""));
        out.push_str(before);
        out.push_str(&blank(item));
        rest = after;
    }
    out.push_str(rest);
    out
}

/// Whether the whole file is compiled for tests or benchmarks only, by where it lies.
pub(super) fn is_test_path(path: &str) -> bool {
    path.ends_with("/tests.rs")
        || path.ends_with("_tests.rs")
        || path
            .split('/')
            .any(|part| part == "tests" || part == "benches")
}

/// Identifiers with the number of their line.
pub(super) fn identifiers(code: &str) -> impl Iterator<Item = (usize, &str)> {
    (1..).zip(code.lines()).flat_map(|(number, line)| {
        line.split(|c: char| !is_word(c))
            .filter(|word| !word.is_empty())
            .map(move |word| (number, word))
    })
}

/// Modules of std that are named, as a path `std::fs` or in a group `use std::{fs, io}`, with the number of their line.
pub(super) fn std_modules(code: &str) -> Vec<(usize, String)> {
    let mut found = Vec::new();
    for (at, matched) in code.match_indices("std::") {
        let before = code.get(..at).unwrap_or_default();
        if before.ends_with(is_word) {
            continue;
        }
        let line = before.matches('\n').count() + 1;
        let after = code.get(at + matched.len()..).unwrap_or_default();
        match after.trim_start().strip_prefix('{') {
            Some(group) => found.extend(first_level_names(group).map(|name| (line, name))),
            None => found.push((line, after.chars().take_while(|c| is_word(*c)).collect())),
        }
    }
    found
}

/// The first word of each member of a use group whose opening brace is already behind us.
fn first_level_names(group: &str) -> impl Iterator<Item = String> {
    let mut depth = 1_usize;
    let flat: String = group
        .chars()
        .take_while(|c| {
            match c {
                '{' => depth += 1,
                '}' => depth -= 1,
                _ => {}
            }
            depth > 0
        })
        .collect();
    let mut inner = 0_usize;
    let mut names = vec![String::new()];
    for c in flat.chars() {
        match c {
            '{' => inner += 1,
            '}' => inner = inner.saturating_sub(1),
            ',' if inner == 0 => names.push(String::new()),
            _ if inner == 0 => {
                if let Some(last) = names.last_mut() {
                    last.push(c);
                }
            }
            _ => {}
        }
    }
    names
        .into_iter()
        .map(|member| member.trim().chars().take_while(|c| is_word(*c)).collect())
}

/// The length of an attribute and the item behind it: to the first `;`, or to the brace that closes the first one.
fn end_of_item(text: &str) -> usize {
    let mut depth = 0_usize;
    for (at, c) in text.char_indices() {
        match c {
            '{' => depth += 1,
            '}' if depth <= 1 => return at + 1,
            '}' => depth -= 1,
            ';' if depth == 0 => return at + 1,
            _ => {}
        }
    }
    text.len()
}

fn blank(text: &str) -> String {
    text.chars()
        .map(|c| if c == '\n' { '\n' } else { ' ' })
        .collect()
}

fn is_word(c: char) -> bool {
    c.is_alphanumeric() || c == '_'
}

struct Scanner<'a> {
    rest: &'a str,
    out: String,
    /// Whether the character before is part of a word: `r"` in `for"` opens no raw string.
    after_word: bool,
}

impl Scanner<'_> {
    /// Moves over one token of prose, or one character of code; false at the end.
    fn step(&mut self) -> bool {
        let Some(first) = self.rest.chars().next() else {
            return false;
        };
        if self.rest.starts_with("//") {
            self.blank_first(self.rest.find('\n').unwrap_or(self.rest.len()));
        } else if self.rest.starts_with("/*") {
            self.blank_first(block_comment(self.rest));
        } else if let Some(length) = raw_string(self.rest).filter(|_| !self.after_word) {
            self.blank_first(length);
        } else if first == '"' {
            self.blank_first(quoted(self.rest, '"'));
        } else if let Some(length) = character(self.rest) {
            self.blank_first(length);
        } else {
            self.out.push(first);
            self.after_word = is_word(first);
            self.rest = self.rest.get(first.len_utf8()..).unwrap_or_default();
        }
        true
    }

    fn blank_first(&mut self, length: usize) {
        let (prose, rest) = self
            .rest
            .split_at_checked(length)
            .unwrap_or((self.rest, ""));
        self.out.push_str(&blank(prose));
        self.after_word = false;
        self.rest = rest;
    }
}

/// Block comments nest.
fn block_comment(text: &str) -> usize {
    let mut depth = 0_usize;
    let mut skip = false;
    for (at, c) in text.char_indices() {
        if std::mem::take(&mut skip) {
            continue;
        }
        let here = text.get(at..).unwrap_or_default();
        if here.starts_with("/*") {
            depth += 1;
            skip = true;
        } else if here.starts_with("*/") {
            depth = depth.saturating_sub(1);
            skip = true;
            if depth == 0 {
                return at + 2;
            }
        } else if depth == 0 {
            return at + c.len_utf8();
        }
    }
    text.len()
}

/// `r"…"`, `r#"…"#`, and the same with `b` or `c` before it.
fn raw_string(text: &str) -> Option<usize> {
    let from_r = text.strip_prefix(['b', 'c']).unwrap_or(text);
    let from_hashes = from_r.strip_prefix('r')?;
    let body = from_hashes.trim_start_matches('#');
    let hashes = from_hashes.len() - body.len();
    let inside = body.strip_prefix('"')?;
    let end = format!("\"{}", "#".repeat(hashes));
    let length = inside.find(&end).map_or(inside.len(), |at| at + end.len());
    Some(text.len() - inside.len() + length)
}

/// The length up to and with the closing quote; a backslash takes the next character with it.
fn quoted(text: &str, quote: char) -> usize {
    let mut escaped = false;
    for (at, c) in text.char_indices().skip(1) {
        if std::mem::take(&mut escaped) {
            continue;
        }
        if c == '\\' {
            escaped = true;
        } else if c == quote {
            return at + c.len_utf8();
        }
    }
    text.len()
}

/// A character literal; a quote that opens a lifetime or a label is none.
fn character(text: &str) -> Option<usize> {
    let inside = text.strip_prefix('\'')?;
    let mut chars = inside.chars();
    let first = chars.next()?;
    if first == '\\' {
        return Some(quoted(text, '\''));
    }
    (chars.next() == Some('\'')).then(|| 2 + first.len_utf8())
}

#[cfg(test)]
mod tests;
