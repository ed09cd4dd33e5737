//! Peers that come to our port and do not shake hands: browsers, scanners, health checks. They come in thousands, so each
//! is logged once in a while, with how often it has come since.

use crate::server::peer::host_of;
use rpc_core::Instant;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

/// One line for a peer in this time.
const PERIOD: Duration = Duration::from_secs(600);

/// Peers that are told apart. All others together count as one.
const PEERS: usize = 64;

/// What has become of strangers lately, in bounded memory.
#[derive(Default)]
pub(crate) struct Strangers(Mutex<Vec<Seen>>);

struct Seen {
    /// Empty for those that found no room here.
    peer: String,
    logged: Instant,
    /// Times since then.
    more: u64,
}

impl Strangers {
    #[cfg(test)]
    pub(super) fn locked(&self) -> impl Sized + '_ {
        self.0.lock()
    }

    /// A connection of `peer` has ended in its handshake. Some: it is to be logged, and so often it has come unlogged since
    /// the last time.
    pub(crate) fn seen(&self, now: Instant, peer: &str) -> Option<u64> {
        let mut peer = host_of(peer);
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if !all.iter().any(|seen| seen.peer == peer) && all.len() >= PEERS {
            all.retain(|seen| now - seen.logged < PERIOD);
            if all.len() >= PEERS {
                peer.clear();
            }
        }
        match all.iter_mut().find(|seen| seen.peer == peer) {
            Some(seen) if now - seen.logged < PERIOD => {
                seen.more += 1;
                None
            }
            Some(seen) => {
                seen.logged = now;
                Some(std::mem::take(&mut seen.more))
            }
            None => {
                all.push(Seen { peer, logged: now, more: 0 });
                Some(0)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const START: Instant = Instant(1);

    #[test]
    fn a_peer_is_logged_once_in_a_period_whatever_its_port() {
        let strangers = Strangers::default();
        assert_eq!(strangers.seen(START, "10.0.0.7:1"), Some(0));
        for port in 2..1000 {
            assert_eq!(strangers.seen(START, &format!("10.0.0.7:{port}")), None);
        }
        assert_eq!(strangers.seen(START, "10.0.0.8:1"), Some(0));
        assert_eq!(strangers.seen(START + PERIOD, "10.0.0.7:1000"), Some(998));
    }

    #[test]
    fn the_addresses_of_one_ipv6_network_count_as_one_peer() {
        let strangers = Strangers::default();
        assert_eq!(strangers.seen(START, "[2001:db8::1]:1"), Some(0));
        assert_eq!(strangers.seen(START, "[2001:db8::ffff:2]:1"), None);
        assert_eq!(strangers.seen(START, "[2001:db8:0:1::1]:1"), Some(0));
    }

    #[test]
    fn peers_beyond_the_table_count_as_one_and_old_ones_make_room() {
        let strangers = Strangers::default();
        let peer = |n: u32| format!("{}:1", std::net::Ipv4Addr::from_bits(n));
        let logged = |now, range: std::ops::Range<u32>| {
            range.filter(|n| strangers.seen(now, &peer(*n)).is_some()).count()
        };
        assert_eq!(logged(START, 0..100_000), PEERS + 1);
        assert!(strangers.0.lock().unwrap().len() <= PEERS + 1);
        assert_eq!(logged(START + PERIOD, 200_000..200_010), 10);
    }
}
