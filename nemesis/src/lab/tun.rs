//! A TUN device: the network card of one host, whose other end the switch holds.

use std::fs::{File, OpenOptions};
use std::io::{self, Read, Write};
use std::os::fd::{AsFd, AsRawFd, BorrowedFd};
use std::os::unix::fs::OpenOptionsExt;

use super::doctor::{Missing, Part};
use super::error::LabError;
use super::netdevice::request_for;
use super::packet::VNET_HEADER_BYTES;

/// Where a TUN comes from.
pub(super) const TUN_DEVICE: &str = "/dev/net/tun";

/// What the card is called in each host.
pub(super) const INTERFACE: &str = "eth0";

/// What the sending kernel may leave to the card.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Offload {
    /// Checksums, and the cutting of up to 64 KiB into segments: fast, and one packet is not what a wire would call one.
    Segmentation,
    /// Nothing: each packet is what a wire would carry.
    Nothing,
}

/// The switch's end of a card. The card itself lives as long as its network namespace, and is attached to again when there is one.
#[derive(Debug)]
pub(super) struct Tun(File);

impl Tun {
    /// Makes a card in the network namespace of the calling thread, or takes the one that an earlier lab has left there.
    pub(super) fn create() -> Result<Self, LabError> {
        let open = OpenOptions::new()
            .read(true)
            .write(true)
            .custom_flags(libc::O_NONBLOCK)
            .open(TUN_DEVICE);
        let tun = Self(open.map_err(|error| Missing::of(Part::Tun, &error))?);
        tun.attach().map_err(|error| Missing::of(Part::Tun, &error))?;
        tun.set_offload(Offload::Segmentation)
            .map_err(LabError::os("set the offload of a TUN device"))?;
        Ok(tun)
    }

    fn attach(&self) -> io::Result<()> {
        let mut request = request_for(INTERFACE);
        let flags = libc::IFF_TUN | libc::IFF_NO_PI | libc::IFF_VNET_HDR;
        request.ifr_ifru.ifru_flags = flags.try_into().expect("the flags of a TUN fit in 16 bits");
        let header_bytes = libc::c_int::try_from(VNET_HEADER_BYTES).expect("ten is a small number");
        // SAFETY: the descriptor is open, and the kernel reads and writes no more than the `ifreq` it is given.
        check(unsafe { libc::ioctl(self.0.as_raw_fd(), libc::TUNSETIFF, &raw mut request) })?;
        // SAFETY: the descriptor is open, and the kernel reads one int.
        check(unsafe { libc::ioctl(self.0.as_raw_fd(), libc::TUNSETVNETHDRSZ, &raw const header_bytes) })?;
        self.leave_to_its_namespace()
    }

    /// Lets the card live until its network namespace ends and not only until the switch's end is closed: to take away one card
    /// after the other takes tens of milliseconds each, to take away whole namespaces does not keep anybody waiting.
    fn leave_to_its_namespace(&self) -> io::Result<()> {
        const PERSISTENT: libc::c_ulong = 1;
        // SAFETY: the descriptor is open, and the argument of this request is a number, not a pointer.
        check(unsafe { libc::ioctl(self.0.as_raw_fd(), libc::TUNSETPERSIST, PERSISTENT) })
    }

    /// Says what the host's kernel may leave undone; holds for the packets it sends from now on.
    pub(super) fn set_offload(&self, offload: Offload) -> io::Result<()> {
        let segmentation = libc::TUN_F_CSUM | libc::TUN_F_TSO4 | libc::TUN_F_TSO6;
        match offload {
            Offload::Nothing => self.offload(0),
            // UDP segments came with Linux 6.2; older kernels refuse the whole set.
            Offload::Segmentation => self
                .offload(segmentation | libc::TUN_F_USO4 | libc::TUN_F_USO6)
                .or_else(|_| self.offload(segmentation)),
        }
    }

    fn offload(&self, features: libc::c_uint) -> io::Result<()> {
        // SAFETY: the descriptor is open, and the argument of this request is a number, not a pointer.
        check(unsafe {
            libc::ioctl(
                self.0.as_raw_fd(),
                libc::TUNSETOFFLOAD,
                libc::c_ulong::from(features),
            )
        })
    }

    /// Takes the next frame the host has sent; `WouldBlock` when there is none.
    pub(super) fn receive(&self, frame: &mut [u8]) -> io::Result<usize> {
        (&self.0).read(frame)
    }

    /// Hands a frame to the host's kernel, which works on it before this returns.
    pub(super) fn send(&self, frame: &[u8]) -> io::Result<usize> {
        (&self.0).write(frame)
    }
}

impl AsFd for Tun {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.0.as_fd()
    }
}

/// What a C function's result means.
pub(super) fn check(result: libc::c_int) -> io::Result<()> {
    if result < 0 {
        Err(io::Error::last_os_error())
    } else {
        Ok(())
    }
}
