/// An integer as a float: exact up to 2^53, which no counter and no date here exceeds.
pub(super) fn of_u64(value: u64) -> f64 {
    let high = u32::try_from(value >> 32).unwrap_or(u32::MAX);
    let low = u32::try_from(value & 0xffff_ffff).unwrap_or(u32::MAX);
    f64::from(high) * 4_294_967_296.0 + f64::from(low)
}

/// The same for what may be negative.
pub(super) fn of_i64(value: i64) -> f64 {
    let size = of_u64(value.unsigned_abs());
    if value < 0 { -size } else { size }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn integers_keep_their_value() {
        for value in [0, 1, -1, 1 << 31, 1 << 32, (1 << 53) - 1, -(1 << 53) + 1] {
            assert_eq!(of_i64(value), value as f64);
        }
        assert_eq!(of_i64(i64::MIN), i64::MIN as f64);
        assert_eq!(of_u64(u64::MAX), u64::MAX as f64);
    }
}
