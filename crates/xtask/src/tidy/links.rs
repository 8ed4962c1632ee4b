//! Relative links in Markdown lead to files that are in the repository.

use super::Finding;
use super::tree::Tree;

/// Looks at inline links, images and reference definitions; fenced code and code spans are no links.
pub(super) fn links_lead_somewhere(tree: &Tree) -> Vec<Finding> {
    let mut findings = Vec::new();
    for file in tree.files.iter().filter(|file| file.path.ends_with(".md")) {
        let mut fence = None;
        for (line, text) in file.lines() {
            if let Some(mark) = fence_mark(text) {
                match fence {
                    None => fence = Some(mark),
                    Some(open) if open == mark => fence = None,
                    Some(_) => {}
                }
                continue;
            }
            if fence.is_some() {
                continue;
            }
            for target in targets(&without_code_spans(text)) {
                if resolve(&file.path, &target).is_some_and(|path| !tree.has(&path)) {
                    findings
                        .push(file.finding(line, format!("the link to `{target}` leads nowhere")));
                }
            }
        }
    }
    findings
}

fn fence_mark(line: &str) -> Option<&'static str> {
    let line = line.trim_start();
    ["```", "~~~"]
        .into_iter()
        .find(|mark| line.starts_with(mark))
}

/// Every second piece between backticks is code.
fn without_code_spans(line: &str) -> String {
    line.split('`').step_by(2).collect::<Vec<_>>().join(" ")
}

fn targets(line: &str) -> Vec<String> {
    let mut found: Vec<String> = line
        .split("](")
        .skip(1)
        .filter_map(|rest| rest.split_once(')'))
        .map(|(target, _)| clean(target))
        .collect();
    let definition = line
        .trim_start()
        .strip_prefix('[')
        .and_then(|rest| rest.split_once("]:"));
    if let Some((_, target)) = definition {
        found.push(clean(target));
    }
    found
}

/// Without a title, angle brackets and the anchor.
fn clean(target: &str) -> String {
    let target = target.trim();
    let target = match target
        .strip_prefix('<')
        .and_then(|rest| rest.split_once('>'))
    {
        Some((inside, _)) => inside,
        None => target.split_whitespace().next().unwrap_or_default(),
    };
    let path = target.split(['#', '?']).next().unwrap_or_default();
    path.replace("%20", " ")
}

/// The path from the root that a link in `from` means, or `None` for links that leave the repository or stay in the file.
fn resolve(from: &str, target: &str) -> Option<String> {
    let scheme = target
        .split_once(':')
        .is_some_and(|(scheme, _)| !scheme.contains('/'));
    if target.is_empty() || scheme || target.starts_with("//") {
        return None;
    }
    let mut parts: Vec<&str> = if target.starts_with('/') {
        Vec::new()
    } else {
        from.split('/').collect()
    };
    parts.pop();
    for part in target.split('/') {
        match part {
            "" | "." => {}
            // Above the root nothing is ours, so this can only fail to be found.
            ".." => {
                if parts.pop().is_none() {
                    return Some(target.to_owned());
                }
            }
            name => parts.push(name),
        }
    }
    Some(parts.join("/"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn dead(text: &str) -> Vec<usize> {
        let tree = Tree::of(&[
            ("docs/howto/a.md", text),
            ("docs/b c.md", ""),
            ("README.md", ""),
            ("logo.png", "\u{0}"),
        ]);
        links_lead_somewhere(&tree)
            .into_iter()
            .map(|finding| finding.line)
            .collect()
    }

    #[test]
    fn links_to_files_and_folders_of_the_repository_are_fine() {
        let text = "[a](../../README.md) [b](../b%20c.md#part) [c](<../b c.md>) ![d](../../logo.png \"a title\")\n\
                    [e](a.md) [f](.) [g](/docs/howto/) [h](../..)\n[i]: ../../README.md\n";
        assert_eq!(dead(text), Vec::<usize>::new());
    }

    #[test]
    fn links_that_leave_the_repository_are_not_judged() {
        assert_eq!(
            dead("[a](https://example.invalid/x) [b](mailto:a@example.invalid) [c](#part)\n"),
            Vec::<usize>::new()
        );
    }

    #[test]
    fn dead_links_are_found_with_their_line() {
        assert_eq!(
            dead(
                "fine\n[a](README.md)\n[b](../c.md) and [c](a.md)\n[d]: none.md\n[e](../../../README.md)\n"
            ),
            [2, 3, 4, 5]
        );
    }

    #[test]
    fn code_is_no_link() {
        assert_eq!(
            dead("`[a](none.md)`\n```text\n[b](none.md)\n```\n[c](none.md)\n"),
            [5]
        );
    }
}
