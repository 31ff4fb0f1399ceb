//! What the switch must know of a packet: where it goes.
//!
//! A frame is what one read of a TUN device gives: a virtio-net header, then an IP packet. With segmentation offload the packet
//! may be up to 64 KiB long and its checksum left for hardware to fill in; written to another TUN together with its header, the
//! receiving kernel understands it as it is.

use std::net::Ipv4Addr;

/// The virtio-net header before each packet.
pub(super) const VNET_HEADER_BYTES: usize = 10;

/// The longest frame a TUN gives.
pub(super) const FRAME_BYTES_MAX: usize = VNET_HEADER_BYTES + 65_535;

const IPV4_HEADER_BYTES: usize = 20;
const IPV4_DESTINATION: std::ops::Range<usize> = 16..20;

/// The address a frame is for; `None` when it holds no whole IPv4 header.
pub(super) fn destination(frame: &[u8]) -> Option<Ipv4Addr> {
    let packet = frame.get(VNET_HEADER_BYTES..)?;
    if packet.len() < IPV4_HEADER_BYTES || packet[0] >> 4 != 4 {
        return None;
    }
    let octets: [u8; 4] = packet[IPV4_DESTINATION].try_into().ok()?;
    Some(Ipv4Addr::from(octets))
}

#[cfg(test)]
mod tests {
    use std::net::Ipv4Addr;

    use super::{VNET_HEADER_BYTES, destination};

    fn frame(version: u8, length: usize) -> Vec<u8> {
        let mut frame = vec![0; VNET_HEADER_BYTES + length];
        if let Some(first) = frame.get_mut(VNET_HEADER_BYTES) {
            *first = version << 4 | 5;
        }
        if length >= 20 {
            frame[VNET_HEADER_BYTES + 16..VNET_HEADER_BYTES + 20].copy_from_slice(&[10, 0, 0, 7]);
        }
        frame
    }

    #[test]
    fn the_destination_is_read_from_the_ipv4_header() {
        assert_eq!(destination(&frame(4, 20)), Some(Ipv4Addr::new(10, 0, 0, 7)));
        assert_eq!(destination(&frame(4, 1500)), Some(Ipv4Addr::new(10, 0, 0, 7)));
    }

    #[test]
    fn what_is_no_ipv4_packet_goes_nowhere() {
        assert_eq!(destination(&frame(6, 40)), None);
        for length in 0..20 {
            assert_eq!(destination(&frame(4, length)), None, "{length} bytes");
        }
        assert_eq!(destination(&[0; 3]), None);
    }
}
