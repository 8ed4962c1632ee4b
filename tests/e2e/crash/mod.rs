//! What a crash leaves: nothing acknowledged is ever lost, and nothing else is half there.
//!
//! The oracle is outside of the server. Each [`Member`](ledger::Member) writes down what it has sent and
//! what was acknowledged, [`load`] makes members do things, and [`check`] compares the server with
//! what they know. The rigs differ in how the server ends: [`kills`] kills the process at moments of
//! chance, [`syscalls`] at every single system call that writes, [`starts`] at those of a
//! start, [`restores`] at those of a restore, [`loaded`] has calls fail under load, [`power`] takes the disk away.

mod check;
mod dice;
mod kills;
mod ledger;
mod load;
mod loaded;
mod power;
mod restores;
mod starts;
mod strace;
mod syscalls;
mod volume;

/// A number that whoever starts the tests may choose.
pub(crate) fn chosen(variable: &str, otherwise: u64) -> u64 {
    match std::env::var_os(variable) {
        Some(text) => match text.to_str().map(str::parse) {
            Some(Ok(number)) => number,
            _ => panic!("{variable} is no number: {text:?}"),
        },
        None => otherwise,
    }
}

/// What all of these servers are set to: the cheapest passwords, and no bound on what one client asks.
pub(crate) const SETTINGS: &[(&str, &str)] = &[("KMS_BCRYPT_COST", "10"), ("KMS_WORKERS", "2")];
