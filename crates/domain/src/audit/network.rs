use core::net::{Ipv4Addr, Ipv6Addr};
use std::fmt;

/// Where somebody is, as far as it is kept: the first 24 bits of an IPv4 address, the first 48 of
/// an IPv6 one. Enough to tell one's own network from a foreign one, and no record of who was where
/// to the house.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Network(Prefix);

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
enum Prefix {
    V4([u8; 3]),
    V6([u16; 3]),
}

/// Why a text names no [`Network`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a network is an address, or an IPv4 network with /24 or an IPv6 one with /48")]
pub struct NetworkError;

impl Network {
    /// The network of an IPv4 address.
    #[must_use]
    pub const fn of_v4(address: Ipv4Addr) -> Self {
        let [a, b, c, _] = address.octets();
        Self(Prefix::V4([a, b, c]))
    }

    /// The network of an IPv6 address. One that stands for an IPv4 address is in the network of that.
    #[must_use]
    pub const fn of_v6(address: Ipv6Addr) -> Self {
        match address.to_ipv4_mapped() {
            Some(address) => Self::of_v4(address),
            None => {
                let [a, b, c, ..] = address.segments();
                Self(Prefix::V6([a, b, c]))
            }
        }
    }

    /// Reads what `Display` writes; an address alone means its network.
    ///
    /// # Errors
    /// [`NetworkError`] for everything else, a longer or shorter prefix among it.
    pub fn parse(raw: &str) -> Result<Self, NetworkError> {
        let (address, bits) = match raw.split_once('/') {
            Some((address, bits)) => (address, Some(bits)),
            None => (raw, None),
        };
        if let Ok(address) = address.parse() {
            let fits = bits.is_none_or(|bits| bits == "24");
            return fits.then(|| Self::of_v4(address)).ok_or(NetworkError);
        }
        let address = address.parse().map_err(|_| NetworkError)?;
        let fits = bits.is_none_or(|bits| bits == "48");
        fits.then(|| Self::of_v6(address)).ok_or(NetworkError)
    }
}

impl fmt::Display for Network {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            Prefix::V4([a, b, c]) => write!(f, "{}/24", Ipv4Addr::new(a, b, c, 0)),
            Prefix::V6([a, b, c]) => {
                write!(f, "{}/48", Ipv6Addr::new(a, b, c, 0, 0, 0, 0, 0))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_network_is_what_addresses_begin_with() {
        for (address, network) in [
            ("203.0.113.77", "203.0.113.0/24"),
            ("203.0.113.0/24", "203.0.113.0/24"),
            ("2001:db8:1:2:3:4:5:6", "2001:db8:1::/48"),
            ("2001:db8:1::/48", "2001:db8:1::/48"),
            ("::ffff:203.0.113.77", "203.0.113.0/24"),
            ("::1", "::/48"),
        ] {
            assert_eq!(Network::parse(address).unwrap().to_string(), network);
        }
        assert_ne!(Network::parse("10.0.0.1"), Network::parse("10.0.1.1"));
    }

    #[test]
    fn what_is_no_network_of_these_two_sizes_is_refused() {
        for raw in [
            "",
            "home",
            "10.0.0.0/8",
            "10.0.0.0/",
            "2001:db8::/32",
            "2001:db8::/24",
            "10.0.0.0/48",
            "10.0.0",
        ] {
            assert_eq!(Network::parse(raw), Err(NetworkError), "{raw}");
        }
    }
}
