//! Where a request comes from: the peer, or what trusted proxies say about it.
//!
//! This is the only place that looks at a peer's address or at `X-Forwarded-For`.

use std::net::IpAddr;
use std::str::FromStr;

use actix_web::HttpRequest;
use actix_web::http::header::{HeaderName, X_FORWARDED_FOR};
use kms_domain::throttle::Network;

/// The one header that is believed. `Forwarded` is not read as well: a proxy that sets one of two leaves
/// the other to whoever sends the request.
const HEADER: HeaderName = X_FORWARDED_FOR;

/// The proxies whose word about their peers counts.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TrustedProxies(Vec<Cidr>);

/// A block of addresses.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Cidr {
    address: IpAddr,
    bits: u8,
}

/// Why a text is no list of blocks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ProxiesError {
    /// A part is neither an address nor a block.
    #[error("each is an IP address, or one with a prefix length behind a slash")]
    NoBlock,
    /// A block's address has bits beyond its prefix.
    #[error("an address before a slash ends in zeros, as in 10.0.0.0/8")]
    HostBits,
}

impl TrustedProxies {
    /// Where the request with this head comes from. The header is read from its end, where the nearest
    /// proxy has written, as long as the address that wrote is trusted. What is no address ends the
    /// reading: the client is then the last one that was known.
    #[must_use]
    pub fn network_of(&self, head: &HttpRequest) -> Network {
        let peer = head.peer_addr().map(|address| address.ip());
        // Every connection is TCP and has a peer.
        let peer = peer.unwrap_or(IpAddr::from([0, 0, 0, 0]));
        if self.0.is_empty() {
            return network(peer);
        }
        let lines: Vec<&[u8]> = head
            .headers()
            .get_all(HEADER)
            .map(actix_web::http::header::HeaderValue::as_bytes)
            .collect();
        network(self.client(peer, &lines))
    }

    /// The client behind `peer`, according to the lines of the header in their order.
    fn client(&self, peer: IpAddr, lines: &[&[u8]]) -> IpAddr {
        let mut client = peer.to_canonical();
        let hops = lines
            .iter()
            .rev()
            .flat_map(|line| line.rsplit(|byte| *byte == b','));
        for hop in hops {
            if !self.trust(client) {
                break;
            }
            match address(hop) {
                Some(before) => client = before,
                None => break,
            }
        }
        client
    }

    fn trust(&self, address: IpAddr) -> bool {
        self.0.iter().any(|block| block.contains(address))
    }

    /// The blocks as they are written.
    #[must_use]
    pub fn text(&self) -> String {
        let blocks: Vec<String> = self.0.iter().map(Cidr::text).collect();
        blocks.join(",")
    }
}

impl FromStr for TrustedProxies {
    type Err = ProxiesError;

    /// Reads addresses and blocks with commas between them; nothing at all is an empty list.
    fn from_str(text: &str) -> Result<Self, ProxiesError> {
        if text.trim().is_empty() {
            return Ok(Self::default());
        }
        let blocks: Result<_, _> = text
            .split(',')
            .map(|part| Cidr::parse(part.trim()))
            .collect();
        Ok(Self(blocks?))
    }
}

impl Cidr {
    fn parse(text: &str) -> Result<Self, ProxiesError> {
        let (address, bits) = match text.split_once('/') {
            Some((address, bits)) => (address, Some(bits)),
            None => (text, None),
        };
        let address: IpAddr = address.parse().map_err(|_| ProxiesError::NoBlock)?;
        let most = length(address);
        let bits = match bits {
            None => most,
            Some(bits) => {
                let digits = bits.bytes().all(|byte| byte.is_ascii_digit());
                let bits = bits.parse().map_err(|_| ProxiesError::NoBlock)?;
                if !digits || bits > most {
                    return Err(ProxiesError::NoBlock);
                }
                bits
            }
        };
        // A peer is always seen in its shortest form, so a block must not hide behind the longer one.
        let block = match address.to_canonical() {
            IpAddr::V4(short) if address.is_ipv6() && bits >= 96 => Self {
                address: short.into(),
                bits: bits - 96,
            },
            _ => Self { address, bits },
        };
        if leading(block.address, block.bits) == whole(block.address) {
            Ok(block)
        } else {
            Err(ProxiesError::HostBits)
        }
    }

    fn contains(&self, address: IpAddr) -> bool {
        address.is_ipv4() == self.address.is_ipv4()
            && leading(address, self.bits) == whole(self.address)
    }

    fn text(&self) -> String {
        if self.bits == length(self.address) {
            self.address.to_string()
        } else {
            format!("{}/{}", self.address, self.bits)
        }
    }
}

/// The bits of an address from the left of 128.
fn whole(address: IpAddr) -> u128 {
    match address {
        IpAddr::V4(address) => u128::from(address.to_bits()) << 96,
        IpAddr::V6(address) => address.to_bits(),
    }
}

/// The first bits of an address, and zeros.
fn leading(address: IpAddr, bits: u8) -> u128 {
    let rest = 128_u32.saturating_sub(u32::from(bits));
    whole(address) & u128::MAX.checked_shl(rest).unwrap_or(0)
}

const fn length(address: IpAddr) -> u8 {
    match address {
        IpAddr::V4(_) => 32,
        IpAddr::V6(_) => 128,
    }
}

/// An address as proxies write it: some add the port.
fn address(text: &[u8]) -> Option<IpAddr> {
    let text = std::str::from_utf8(text).ok()?.trim_matches([' ', '\t']);
    let bracketed = text
        .strip_prefix('[')
        .and_then(|rest| rest.strip_suffix(']'));
    let address = match bracketed {
        Some(inner) => IpAddr::V6(inner.parse().ok()?),
        None => match text.parse() {
            Ok(address) => address,
            Err(_) => text.parse::<std::net::SocketAddr>().ok()?.ip(),
        },
    };
    Some(address.to_canonical())
}

fn network(address: IpAddr) -> Network {
    match address {
        IpAddr::V4(address) => Network::of_v4(address),
        IpAddr::V6(address) => Network::of_v6(address),
    }
}

#[cfg(test)]
mod tests;
