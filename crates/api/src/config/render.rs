//! The configuration and its documentation as text.

use super::source::Origins;
use super::{Config, Setting, table};

/// The settings in force as TOML, each under its documentation and with its origin as a comment.
pub(super) fn toml(config: &Config, origins: &Origins) -> String {
    let mut out = String::new();
    let rows = Setting::all().iter().zip(table::texts(config));
    for_each_under_heading(
        &mut out,
        rows,
        |(setting, _)| setting.group,
        |out, (setting, text)| {
            document(out, setting);
            push(
                out,
                &assignment(setting, &text, &origins.of(setting.key).to_string()),
            );
        },
    );
    out
}

/// One line of TOML. A secret is left out of it: the line is then a comment.
pub(super) fn assignment(setting: &Setting, text: &str, origin: &str) -> String {
    if setting.secret {
        return format!("# {} is not shown  # {origin}", setting.key);
    }
    format!("{} = {}  # {origin}", setting.key, setting.toml(text))
}

/// The text of `.env.example`: every variable with its documentation and its default, commented out
/// so that a copy of the file pins nothing.
#[must_use]
pub fn env_example() -> String {
    let mut out = String::from(
        "# Settings of kms-server as environment variables. Each has a default that works: remove the #\n\
         # in front of a variable to set it. Whoever starts the server has to load this file (a shell,\n\
         # a service manager, a container runtime); the server itself does not. A flag counts more than\n\
         # a variable, and a variable more than the file kms.toml; `kms-server config` prints what is\n\
         # in force. An empty variable counts as not set.\n\
         \n\
         # The file to read settings from. Without it, kms.toml in the working directory is read if\n\
         # it exists.\n\
         #KMS_CONFIG=kms.toml\n\n",
    );
    let rows = Setting::all().iter();
    for_each_under_heading(
        &mut out,
        rows,
        |setting| setting.group,
        |out, setting| {
            document(out, setting);
            push(out, &format!("# Expected: {}.", setting.expected));
            push(out, &format!("#{}={}", setting.env, setting.default));
        },
    );
    out
}

/// Writes the rows with a heading before each group and an empty line between two rows.
fn for_each_under_heading<R>(
    out: &mut String,
    rows: impl Iterator<Item = R>,
    group: impl Fn(&R) -> &'static str,
    write: impl Fn(&mut String, R),
) {
    let mut current = "";
    for row in rows {
        if !current.is_empty() {
            out.push('\n');
        }
        if group(&row) != current {
            current = group(&row);
            push(out, &format!("## {current}"));
            out.push('\n');
        }
        write(out, row);
    }
}

fn document(out: &mut String, setting: &Setting) {
    setting
        .doc
        .iter()
        .for_each(|line| push(out, &format!("# {line}")));
}

fn push(out: &mut String, line: &str) {
    out.push_str(line);
    out.push('\n');
}
