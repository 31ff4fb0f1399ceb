//! The ids inside: everybody is who he is outside, as far as the caller may say so.

use std::fs;
use std::io;

use nix::unistd::{Pid, getegid, geteuid};

/// Maps the ids of the fresh user namespace `process` is in. The caller must be outside of it.
///
/// Root keeps all ids, so that servers may change to a user of their own; anybody else has one, his own. Nobody becomes root by
/// this: there are servers that refuse to be.
pub(super) fn map_ids_of(process: Pid) -> io::Result<()> {
    let file = |name: &str| format!("/proc/{process}/{name}");
    if map_all(&file).is_ok() {
        return Ok(());
    }
    // Whoever may not set groups may not drop any either, or a file closed to a group could be opened.
    fs::write(file("setgroups"), "deny")?;
    fs::write(file("uid_map"), format!("{0} {0} 1", geteuid()))?;
    fs::write(file("gid_map"), format!("{0} {0} 1", getegid()))
}

fn map_all(file: &dyn Fn(&str) -> String) -> io::Result<()> {
    fs::write(
        file("uid_map"),
        identity_of(&fs::read_to_string("/proc/self/uid_map")?),
    )?;
    fs::write(
        file("gid_map"),
        identity_of(&fs::read_to_string("/proc/self/gid_map")?),
    )
}

/// From the map of the caller's own namespace the one that gives a nested namespace the same ids.
fn identity_of(own: &str) -> String {
    let line = |line: &str| {
        let mut fields = line.split_whitespace();
        let (inside, _outside, count) = (fields.next()?, fields.next()?, fields.next()?);
        Some(format!("{inside} {inside} {count}\n"))
    };
    own.lines().filter_map(line).collect()
}

#[cfg(test)]
mod tests {
    use super::identity_of;

    #[test]
    fn everybody_keeps_his_id() {
        let all = "         0          0 4294967295\n";
        assert_eq!(identity_of(all), "0 0 4294967295\n");
        let container = "         0       1000          1\n         1     100000      65536\n";
        assert_eq!(identity_of(container), "0 0 1\n1 1 65536\n");
    }
}
