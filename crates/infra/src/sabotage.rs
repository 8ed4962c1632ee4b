//! Leaving syncs out on purpose, so that the rigs which look for lost bytes can be seen to find some.
//!
//! Only the feature `sabotage` compiles this, which a release build refuses. Without it every question is
//! answered no at compile time.

/// What can be left out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Skipped {
    /// The sync of the bytes of files that are no records of packs.
    Blobs,
    /// The sync of the names of files.
    Names,
    /// The sync of records.
    Packs,
    /// The sync of each commit: `synchronous = NORMAL`.
    Commits,
    /// What notes say, at a start.
    Notes,
}

#[cfg(not(feature = "sabotage"))]
pub(crate) const fn skips(_: Skipped) -> bool {
    false
}

#[cfg(feature = "sabotage")]
mod dooms;

#[cfg(feature = "sabotage")]
pub use dooms::DoomsLater;
#[cfg(feature = "sabotage")]
pub use on::announce;
#[cfg(feature = "sabotage")]
pub(crate) use on::skips;

#[cfg(feature = "sabotage")]
mod on {
    use super::Skipped;

    #[cfg(not(debug_assertions))]
    compile_error!("the feature `sabotage` loses data; it is for test builds only");

    const VARIABLE: &str = "SABOTAGE";

    #[expect(clippy::disallowed_methods, reason = "no setting anybody should know")]
    fn chosen() -> Option<String> {
        std::env::var(VARIABLE).ok()
    }

    pub(crate) fn skips(what: Skipped) -> bool {
        let name = match what {
            Skipped::Blobs => "blobs",
            Skipped::Names => "names",
            Skipped::Packs => "packs",
            Skipped::Commits => "commits",
            Skipped::Notes => "notes",
        };
        chosen().is_some_and(|chosen| chosen == name)
    }

    pub(super) fn dooms_later() -> bool {
        chosen().is_some_and(|chosen| chosen == "dooms")
    }

    /// Says in the log what this build is.
    pub fn announce() {
        let skipped = chosen().unwrap_or_else(|| "nothing so far".to_owned());
        tracing::error!(
            %skipped,
            "THIS BUILD LOSES DATA ON PURPOSE (feature `sabotage`): syncs are left out; never use it"
        );
    }
}
