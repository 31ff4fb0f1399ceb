//! The settings of a network interface, mostly by the old `ioctl`s: they need no library and take microseconds.

use std::io;
use std::net::{Ipv4Addr, UdpSocket};
use std::os::fd::AsRawFd;

use nix::sys::socket;

use super::tun::check;

/// An interface of the network namespace a socket is of.
pub(super) struct Interface<'a> {
    socket: &'a UdpSocket,
    name: &'a str,
}

impl<'a> Interface<'a> {
    /// The interface called `name`, seen through `socket`.
    pub(super) fn named(name: &'a str, socket: &'a UdpSocket) -> Self {
        Self { socket, name }
    }

    pub(super) fn set_address(&self, address: Ipv4Addr, netmask: Ipv4Addr) -> io::Result<()> {
        let mut request = request_for(self.name);
        request.ifr_ifru.ifru_addr = sockaddr_of(address);
        self.apply(libc::SIOCSIFADDR, &request)?;
        request.ifr_ifru.ifru_netmask = sockaddr_of(netmask);
        self.apply(libc::SIOCSIFNETMASK, &request)
    }

    /// The most bytes of IP in a packet on the wire.
    pub(super) fn set_mtu(&self, bytes: i32) -> io::Result<()> {
        let mut request = request_for(self.name);
        request.ifr_ifru.ifru_mtu = bytes;
        self.apply(libc::SIOCSIFMTU, &request)
    }

    pub(super) fn bring_up(&self) -> io::Result<()> {
        let mut request = request_for(self.name);
        let flags = libc::IFF_UP | libc::IFF_RUNNING;
        request.ifr_ifru.ifru_flags = flags.try_into().expect("these flags fit in 16 bits");
        self.apply(libc::SIOCSIFFLAGS, &request)
    }

    fn apply(&self, what: libc::c_ulong, request: &libc::ifreq) -> io::Result<()> {
        // SAFETY: the socket is open and the kernel reads one `ifreq` for each of these requests.
        check(unsafe { libc::ioctl(self.socket.as_raw_fd(), what, std::ptr::from_ref(request)) })
    }
}

/// Says how many packets may wait to be taken from an interface of the calling thread's network namespace.
///
/// By netlink, because the `ioctl` for it asks for privileges over the whole machine.
pub(super) fn set_queue_length(interface: &str, packets: u32) -> io::Result<()> {
    let family = socket::AddressFamily::Netlink;
    let kind = socket::SockType::Raw;
    let route = socket::SockProtocol::NetlinkRoute;
    let netlink = socket::socket(family, kind, socket::SockFlag::SOCK_CLOEXEC, route)?;
    socket::send(
        netlink.as_raw_fd(),
        &queue_length_request(interface, packets),
        socket::MsgFlags::empty(),
    )?;
    let mut answer = [0; NETLINK_ANSWER_BYTES];
    let received = socket::recv(netlink.as_raw_fd(), &mut answer, socket::MsgFlags::empty())?;
    // A header, then the negated error number, 0 for none.
    let error = answer[..received].get(NETLINK_HEADER_BYTES..NETLINK_HEADER_BYTES + 4);
    match error
        .and_then(|bytes| bytes.try_into().ok())
        .map(i32::from_ne_bytes)
    {
        Some(0) => Ok(()),
        Some(negated) => Err(io::Error::from_raw_os_error(-negated)),
        None => Err(io::ErrorKind::InvalidData.into()),
    }
}

const NETLINK_HEADER_BYTES: usize = 16;
const NETLINK_ANSWER_BYTES: usize = 256;

/// `RTM_SETLINK` with two attributes: the interface's name and its new queue length.
fn queue_length_request(interface: &str, packets: u32) -> Vec<u8> {
    const INTERFACE_INFO_BYTES: usize = 16;
    let flags = u16::try_from(libc::NLM_F_REQUEST | libc::NLM_F_ACK).expect("these flags fit in 16 bits");
    let mut request = vec![0; 4];
    request.extend(libc::RTM_SETLINK.to_ne_bytes());
    request.extend(flags.to_ne_bytes());
    // Sequence number and port; then an `ifinfomsg` that leaves the choice to the name.
    request.extend([0; 8]);
    request.extend([0; INTERFACE_INFO_BYTES]);
    append_attribute(
        &mut request,
        libc::IFLA_IFNAME,
        &[interface.as_bytes(), &[0]].concat(),
    );
    append_attribute(&mut request, libc::IFLA_TXQLEN, &packets.to_ne_bytes());
    let length = u32::try_from(request.len()).expect("a request is short");
    request[..4].copy_from_slice(&length.to_ne_bytes());
    request
}

fn append_attribute(request: &mut Vec<u8>, kind: u16, value: &[u8]) {
    const HEADER_BYTES: usize = 4;
    let length = u16::try_from(HEADER_BYTES + value.len()).expect("an attribute is short");
    request.extend(length.to_ne_bytes());
    request.extend(kind.to_ne_bytes());
    request.extend(value);
    request.resize(request.len().next_multiple_of(4), 0);
}

/// A request about the interface called `name`, all else zero.
pub(super) fn request_for(name: &str) -> libc::ifreq {
    // SAFETY: `ifreq` is plain old data, for which all zeroes is a value.
    let mut request: libc::ifreq = unsafe { std::mem::zeroed() };
    assert!(
        name.len() < request.ifr_name.len(),
        "{name:?} is too long for an interface"
    );
    for (slot, byte) in request.ifr_name.iter_mut().zip(name.bytes()) {
        *slot = byte.cast_signed();
    }
    request
}

fn sockaddr_of(address: Ipv4Addr) -> libc::sockaddr {
    let internet = libc::sockaddr_in {
        sin_family: libc::sa_family_t::try_from(libc::AF_INET).expect("AF_INET is 2"),
        sin_port: 0,
        sin_addr: libc::in_addr {
            s_addr: u32::from_ne_bytes(address.octets()),
        },
        sin_zero: [0; 8],
    };
    // SAFETY: both are plain old data of 16 bytes; the family in front says which of the two is meant.
    unsafe { std::mem::transmute::<libc::sockaddr_in, libc::sockaddr>(internet) }
}
