//! Randomness: for names that nobody may guess or meet twice, and for waits that should differ.

/// Waits and names alike need it from the first call on; a system without it runs no server either.
const THERE: &str = "the operating system gives random bytes";

/// A number from 0 up to but not including 1.
pub(crate) fn fraction() -> f64 {
    // 53 bits are what a double holds.
    (getrandom::u64().expect(THERE) >> 11) as f64 / (1_u64 << 53) as f64
}

/// 128 random bits in hexadecimal: no two sends or tokens ever share one.
pub(crate) fn unique() -> String {
    let mut bytes = [0; 16];
    getrandom::fill(&mut bytes).expect(THERE);
    format!("{:032x}", u128::from_ne_bytes(bytes))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fractions_stay_below_one_and_names_differ() {
        assert!((0..1000).all(|_| (0.0..1.0).contains(&fraction())));
        let (one, other) = (unique(), unique());
        assert_eq!((one.len(), other.len()), (32, 32));
        assert_ne!(one, other);
    }
}
