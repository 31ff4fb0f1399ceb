//! What to type when the machine refuses a part of the lab: a pure function of the refusal and of what the machine says of itself.

use std::fs;
use std::io;
use std::path::Path;

use nix::unistd::geteuid;

use super::doctor::Part;

/// What decides over remedies.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Machine {
    pub(super) is_root: bool,
    pub(super) is_container: bool,
    /// `kernel.apparmor_restrict_unprivileged_userns`, where there is one.
    pub(super) apparmor_restricts: Option<u64>,
    /// `kernel.unprivileged_userns_clone`, where there is one.
    pub(super) userns_clone: Option<u64>,
    /// `user.max_user_namespaces`.
    pub(super) user_namespaces_max: Option<u64>,
}

impl Machine {
    /// Looks at this machine.
    pub(super) fn look() -> Self {
        Self {
            is_root: geteuid().is_root(),
            is_container: ["/.dockerenv", "/run/.containerenv"]
                .iter()
                .any(|path| Path::new(path).exists()),
            apparmor_restricts: sysctl("kernel/apparmor_restrict_unprivileged_userns"),
            userns_clone: sysctl("kernel/unprivileged_userns_clone"),
            user_namespaces_max: sysctl("user/max_user_namespaces"),
        }
    }
}

fn sysctl(name: &str) -> Option<u64> {
    fs::read_to_string(format!("/proc/sys/{name}"))
        .ok()?
        .trim()
        .parse()
        .ok()
}

const PRIVILEGED_CONTAINER: &str = "start the container with: docker run --privileged";
const WITH_SUDO: &str = "run it with: sudo";

/// What to type so that `part` works.
pub(super) fn remedy(part: Part, error: &io::Error, machine: &Machine) -> String {
    match part {
        Part::Users => users(error, machine),
        Part::Namespaces => namespaces(error, machine),
        Part::Mounts => in_container_or(machine, WITH_SUDO).to_owned(),
        Part::Tun => device("tun", "/dev/net/tun", error, machine),
        Part::Fuse => device("fuse", "/dev/fuse", error, machine),
        Part::Ptrace => {
            in_container_or(machine, "type: sudo sysctl -w kernel.yama.ptrace_scope=1").to_owned()
        }
        Part::Cgroups => {
            in_container_or(machine, "run it with: systemd-run --user --scope -p Delegate=yes").to_owned()
        }
    }
}

fn users(error: &io::Error, machine: &Machine) -> String {
    let is_errno = |errno: i32| error.raw_os_error() == Some(errno);
    if is_errno(libc::ENOSPC) || machine.user_namespaces_max == Some(0) {
        "type: sudo sysctl -w user.max_user_namespaces=15000".to_owned()
    } else if is_errno(libc::EINVAL) || is_errno(libc::ENOSYS) {
        "boot a kernel with CONFIG_USER_NS".to_owned()
    } else if machine.is_container {
        PRIVILEGED_CONTAINER.to_owned()
    } else if machine.is_root {
        "allow CAP_SYS_ADMIN and unshare(2) to whatever started this".to_owned()
    } else if machine.apparmor_restricts == Some(1) {
        "type: sudo sysctl -w kernel.apparmor_restrict_unprivileged_userns=0".to_owned()
    } else if machine.userns_clone == Some(0) {
        "type: sudo sysctl -w kernel.unprivileged_userns_clone=1".to_owned()
    } else {
        WITH_SUDO.to_owned()
    }
}

fn namespaces(error: &io::Error, machine: &Machine) -> String {
    if error.raw_os_error() == Some(libc::ENOSPC) {
        let limits =
            ["pid", "mnt", "net", "uts", "ipc"].map(|kind| format!("user.max_{kind}_namespaces=15000"));
        format!("type: sudo sysctl -w {}", limits.join(" "))
    } else if !machine.is_root && machine.apparmor_restricts == Some(1) {
        "type: sudo sysctl -w kernel.apparmor_restrict_unprivileged_userns=0".to_owned()
    } else {
        in_container_or(machine, WITH_SUDO).to_owned()
    }
}

fn device(module: &str, path: &str, error: &io::Error, machine: &Machine) -> String {
    match error.raw_os_error() {
        // A container's device rules refuse with EPERM; EACCES is about the file's mode.
        Some(libc::EPERM) if machine.is_container => PRIVILEGED_CONTAINER.to_owned(),
        Some(libc::EACCES | libc::EPERM) => format!("type: sudo chmod 0666 {path}"),
        _ if machine.is_container => {
            format!("start the container with: docker run --privileged --device {path}")
        }
        _ => format!("type: sudo modprobe {module}"),
    }
}

fn in_container_or(machine: &Machine, otherwise: &'static str) -> &'static str {
    if machine.is_container {
        PRIVILEGED_CONTAINER
    } else {
        otherwise
    }
}

#[cfg(test)]
mod tests {
    use super::{Machine, Part, io, remedy};

    fn check(part: Part, errno: i32, machine: &Machine, expected: &str) {
        assert_eq!(
            remedy(part, &io::Error::from_raw_os_error(errno), machine),
            expected
        );
    }

    #[test]
    fn each_way_to_refuse_user_namespaces_has_its_own_remedy() {
        let plain = Machine::default();
        check(Part::Users, libc::EPERM, &plain, "run it with: sudo");
        check(
            Part::Users,
            libc::ENOSPC,
            &plain,
            "type: sudo sysctl -w user.max_user_namespaces=15000",
        );
        let ubuntu = Machine {
            apparmor_restricts: Some(1),
            ..plain.clone()
        };
        let sysctl = "type: sudo sysctl -w kernel.apparmor_restrict_unprivileged_userns=0";
        check(Part::Users, libc::EPERM, &ubuntu, sysctl);
        let debian = Machine {
            userns_clone: Some(0),
            ..plain.clone()
        };
        check(
            Part::Users,
            libc::EPERM,
            &debian,
            "type: sudo sysctl -w kernel.unprivileged_userns_clone=1",
        );
        let docker = Machine {
            is_container: true,
            is_root: true,
            ..plain
        };
        check(
            Part::Users,
            libc::EPERM,
            &docker,
            "start the container with: docker run --privileged",
        );
    }

    #[test]
    fn a_device_is_opened_up_or_loaded() {
        let plain = Machine::default();
        check(
            Part::Tun,
            libc::EACCES,
            &plain,
            "type: sudo chmod 0666 /dev/net/tun",
        );
        check(Part::Tun, libc::ENOENT, &plain, "type: sudo modprobe tun");
        check(Part::Fuse, libc::ENOENT, &plain, "type: sudo modprobe fuse");
    }
}
