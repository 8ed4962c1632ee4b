use kms_domain::PortError;

/// `N` bytes from the operating system's cryptographic source.
#[expect(
    clippy::disallowed_methods,
    reason = "the one place that ids, tokens and store keys get their randomness from"
)]
pub(crate) fn random_bytes<const N: usize>() -> Result<[u8; N], PortError> {
    let mut bytes = [0; N];
    getrandom::fill(&mut bytes).map_err(PortError::internal)?;
    Ok(bytes)
}
