//! Who a peer is, whatever its port.

use std::net::{IpAddr, SocketAddr};

/// Names that are longer are cut: they come from users' own streams.
const NAME_MAX: usize = 64;

/// Whom a peer's address belongs to. Of an IPv6 address the first half: the rest is the peer's to choose.
pub(super) fn host_of(peer: &str) -> String {
    match peer.parse::<SocketAddr>().map(|address| address.ip().to_canonical()) {
        Ok(IpAddr::V4(ip)) => ip.to_string(),
        Ok(IpAddr::V6(ip)) => std::net::Ipv6Addr::from_bits(ip.to_bits() >> 64 << 64).to_string(),
        Err(_) => peer.chars().take(NAME_MAX).collect(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_peer_is_its_address_without_the_port() {
        assert_eq!(host_of("10.0.0.7:1"), "10.0.0.7");
        assert_eq!(host_of("[::ffff:10.0.0.7]:1"), "10.0.0.7");
        assert_eq!(host_of("[2001:db8::1]:1"), host_of("[2001:db8::ffff:2]:9"));
        assert_ne!(host_of("[2001:db8::1]:1"), host_of("[2001:db8:0:1::1]:1"));
        assert_eq!(host_of("unix:/run/hall"), "unix:/run/hall");
        assert_eq!(host_of(&"x".repeat(1 << 20)).len(), NAME_MAX);
    }
}
