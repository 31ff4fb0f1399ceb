//! Who has which address: host `k` of a lab, counted from 0, is 10.0.x.y with x.y the 16-bit number k + 1.

use std::net::Ipv4Addr;

/// The most hosts of one lab, the clients' included. The table of links grows with its square.
pub const HOSTS_MAX: usize = 128;

/// All hosts are neighbours in this network.
pub(super) const NETMASK: Ipv4Addr = Ipv4Addr::new(255, 255, 0, 0);

/// The place of a host in its lab, counted from 0; the clients' host is the last.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct HostIndex(pub(super) usize);

impl HostIndex {
    /// The host's address.
    pub(super) fn address(self) -> Ipv4Addr {
        let number = u16::try_from(self.0 + 1).expect("a lab has at most HOSTS_MAX hosts");
        let [high, low] = number.to_be_bytes();
        Ipv4Addr::new(10, 0, high, low)
    }

    /// The host at `address`, which may belong to none: packets name what they like.
    pub(super) fn at(address: Ipv4Addr, hosts: usize) -> Option<Self> {
        let [10, 0, high, low] = address.octets() else {
            return None;
        };
        let index = usize::from(u16::from_be_bytes([high, low])).checked_sub(1)?;
        (index < hosts).then_some(Self(index))
    }
}

#[cfg(test)]
mod tests {
    use std::net::Ipv4Addr;

    use super::{HOSTS_MAX, HostIndex};

    #[test]
    fn every_host_is_found_at_its_address() {
        for index in (0..HOSTS_MAX).map(HostIndex) {
            assert_eq!(HostIndex::at(index.address(), HOSTS_MAX), Some(index));
        }
    }

    #[test]
    fn an_address_of_nobody_is_nobodys() {
        for octets in [
            [10, 0, 0, 0],
            [10, 0, 0, 4],
            [10, 0, 255, 255],
            [10, 1, 0, 1],
            [127, 0, 0, 1],
        ] {
            assert_eq!(HostIndex::at(Ipv4Addr::from(octets), 3), None, "{octets:?}");
        }
    }
}
