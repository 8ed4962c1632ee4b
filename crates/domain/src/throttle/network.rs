use core::net::{Ipv4Addr, Ipv6Addr};
use std::fmt;

use crate::audit;

/// Where a request comes from, as far as throttles tell clients apart: an IPv4 address, or the /64 of an
/// IPv6 address, which one household or machine has for itself and can choose addresses in.
///
/// What is shown and stored is [wider](audit::Network), so that it does not name a person.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Network(Kind);

#[derive(Clone, Copy, PartialEq, Eq, Hash)]
enum Kind {
    V4(Ipv4Addr),
    /// The first four groups.
    V6([u16; 4]),
}

impl Network {
    /// The network of an IPv4 address.
    #[must_use]
    pub const fn of_v4(address: Ipv4Addr) -> Self {
        Self(Kind::V4(address))
    }

    /// The network of an IPv6 address. One that stands for an IPv4 address is that.
    #[must_use]
    pub const fn of_v6(address: Ipv6Addr) -> Self {
        match address.to_ipv4_mapped() {
            Some(address) => Self::of_v4(address),
            None => {
                let [a, b, c, d, ..] = address.segments();
                Self(Kind::V6([a, b, c, d]))
            }
        }
    }

    /// The wider network that is shown and stored in its place.
    #[must_use]
    pub const fn widened(self) -> audit::Network {
        match self.0 {
            Kind::V4(address) => audit::Network::of_v4(address),
            Kind::V6([a, b, c, d]) => audit::Network::of_v6(Ipv6Addr::new(a, b, c, d, 0, 0, 0, 0)),
        }
    }
}

impl fmt::Display for Network {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.widened().fmt(f)
    }
}

/// As it is shown, so that no log holds more by accident.
impl fmt::Debug for Network {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Network({self})")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn v6(text: &str) -> Network {
        Network::of_v6(text.parse().unwrap())
    }

    fn v4(text: &str) -> Network {
        Network::of_v4(text.parse().unwrap())
    }

    #[test]
    fn an_ipv4_address_is_a_network_and_ipv6_addresses_share_theirs() {
        assert_ne!(v4("192.0.2.1"), v4("192.0.2.2"));
        assert_eq!(v6("2001:db8:1:2::1"), v6("2001:db8:1:2:ffff::2"));
        assert_ne!(v6("2001:db8:1:2::1"), v6("2001:db8:1:3::1"));
    }

    #[test]
    fn an_ipv4_address_is_the_same_in_the_form_of_ipv6() {
        assert_eq!(v6("::ffff:192.0.2.1"), v4("192.0.2.1"));
        assert_ne!(v6("::1"), v4("0.0.0.1"));
    }

    #[test]
    fn what_is_shown_is_wider() {
        for (network, shown) in [
            (v4("192.0.2.77"), "192.0.2.0/24"),
            (v4("127.0.0.1"), "127.0.0.0/24"),
            (v6("2001:db8:1:2::1"), "2001:db8:1::/48"),
            (v6("::1"), "::/48"),
        ] {
            assert_eq!(network.to_string(), shown);
            assert_eq!(format!("{network:?}"), format!("Network({shown})"));
        }
    }
}
