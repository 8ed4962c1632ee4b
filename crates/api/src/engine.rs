//! The engine of base64: vector instructions where there are some, several times as fast.

use base64::engine::GeneralPurposeConfig;

#[cfg(any(target_arch = "x86_64", target_arch = "aarch64"))]
pub(crate) type Engine = base64::engine::Simd;
#[cfg(not(any(target_arch = "x86_64", target_arch = "aarch64")))]
pub(crate) type Engine = base64::engine::GeneralPurpose;

/// An engine of the alphabet that ends in `+` and `/`.
pub(crate) fn standard(config: GeneralPurposeConfig) -> Engine {
    #[cfg(any(target_arch = "x86_64", target_arch = "aarch64"))]
    return Engine::standard(config);
    #[cfg(not(any(target_arch = "x86_64", target_arch = "aarch64")))]
    return Engine::new(&base64::alphabet::STANDARD, config);
}

/// An engine of the alphabet that ends in `-` and `_`.
pub(crate) fn url_safe(config: GeneralPurposeConfig) -> Engine {
    #[cfg(any(target_arch = "x86_64", target_arch = "aarch64"))]
    return Engine::url_safe(config);
    #[cfg(not(any(target_arch = "x86_64", target_arch = "aarch64")))]
    return Engine::new(&base64::alphabet::URL_SAFE, config);
}
