//! A host: a network namespace with a card of its own, its end of the switch, and a socket to probe with.

use std::fs::{self, File};
use std::io;
use std::net::{Ipv4Addr, UdpSocket};
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use nix::sched::{CloneFlags, unshare};
use systems::NodeId;

use super::address::{HostIndex, NETMASK};
use super::doctor::{Missing, Part};
use super::error::LabError;
use super::netdevice::{Interface, set_queue_length};
use super::tun::{INTERFACE, Tun};

/// As on any Ethernet; segmentation offload makes up for what it costs.
const MTU_BYTES: i32 = 1500;

/// With less, a burst without offload overflows the device: loss that nobody ordered.
const QUEUE_PACKETS: u32 = 10_000;

/// The discard service's port, where probes go: no server of ours or others is expected there.
pub(super) const PROBE_PORT: u16 = 9;

/// Tried in this order; the machine's own default may be anything.
const CONGESTION_CONTROLS: [&str; 2] = ["cubic", "reno"];

/// One host of the lab.
#[derive(Debug)]
pub(super) struct Host {
    pub(super) name: NodeId,
    pub(super) address: Ipv4Addr,
    /// Its network namespace, to be entered by `setns`.
    pub(super) network: Arc<File>,
    pub(super) tun: Arc<Tun>,
    /// Bound to its address and the discard port.
    pub(super) probe: UdpSocket,
}

/// Makes a host for each of `nodes`, each in a network namespace of its own, and one for the clients in the network namespace of the
/// calling thread. The clients' is the last.
pub(super) fn make_hosts(
    nodes: &[NodeId],
    clients: NodeId,
    tcp_rto_max: Option<Duration>,
) -> Result<Vec<Host>, LabError> {
    let settings = Settings { tcp_rto_max };
    thread::scope(|scope| {
        let in_own_networks = || {
            let indexed = nodes.iter().enumerate();
            indexed
                .map(|(index, node)| settings.own_network(*node, HostIndex(index)))
                .collect()
        };
        // A thread's namespace is its own affair, so a thread that ends takes the moving about with it.
        let nodes_hosts = scope.spawn(in_own_networks);
        let clients_host = settings.furnish(clients, HostIndex(nodes.len()));
        let hosts: Result<Vec<Host>, LabError> = nodes_hosts.join().expect("making hosts does not panic");
        let mut hosts = hosts?;
        hosts.push(clients_host?);
        Ok(hosts)
    })
}

/// What is the same in all hosts.
struct Settings {
    tcp_rto_max: Option<Duration>,
}

impl Settings {
    /// Makes a host in a new network namespace, which the calling thread moves to.
    fn own_network(&self, name: NodeId, index: HostIndex) -> Result<Host, LabError> {
        unshare(CloneFlags::CLONE_NEWNET).map_err(|error| Missing::of(Part::Namespaces, &error.into()))?;
        self.furnish(name, index)
    }

    /// Makes a host of the network namespace the calling thread is in.
    fn furnish(&self, name: NodeId, index: HostIndex) -> Result<Host, LabError> {
        let network =
            File::open("/proc/thread-self/ns/net").map_err(LabError::os("open a network namespace"))?;
        self.write_sysctls();
        let tun = Tun::create()?;
        let address = index.address();
        let probe = connect(address).map_err(LabError::os("set up a network interface"))?;
        Ok(Host {
            name,
            address,
            network: Arc::new(network),
            tun: Arc::new(tun),
            probe,
        })
    }

    /// Settings that make hosts alike on all machines. A kernel that lacks one has it as it has it.
    fn write_sysctls(&self) {
        // No router solicitations and the like on a network that carries IPv4 only.
        let _ = write_sysctl("ipv6/conf/default/disable_ipv6", "1");
        // Servers run without privileges and may still have the port they are used to.
        let _ = write_sysctl("ipv4/ip_unprivileged_port_start", "0");
        let _ = CONGESTION_CONTROLS
            .iter()
            .find(|name| write_sysctl("ipv4/tcp_congestion_control", name).is_ok());
        if let Some(longest) = self.tcp_rto_max {
            let _ = write_sysctl("ipv4/tcp_rto_max_ms", &longest.as_millis().to_string());
        }
    }
}

fn write_sysctl(name: &str, value: &str) -> io::Result<()> {
    fs::write(format!("/proc/sys/net/{name}"), value)
}

/// Brings up the interfaces of the calling thread's network namespace and binds the socket to probe with.
fn connect(address: Ipv4Addr) -> io::Result<UdpSocket> {
    let any = UdpSocket::bind((Ipv4Addr::UNSPECIFIED, 0))?;
    Interface::named("lo", &any).bring_up()?;
    let card = Interface::named(INTERFACE, &any);
    card.set_mtu(MTU_BYTES)?;
    set_queue_length(INTERFACE, QUEUE_PACKETS)?;
    card.set_address(address, NETMASK)?;
    card.bring_up()?;
    let probe = UdpSocket::bind((address, PROBE_PORT))?;
    probe.set_nonblocking(true)?;
    Ok(probe)
}
