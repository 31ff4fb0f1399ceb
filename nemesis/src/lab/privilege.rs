//! The privileges one has over namespaces of one's own, and how they get past `exec`.

use std::io;

use caps::{CapSet, CapsHashSet};

/// Lets the programs that are started from now on have all privileges of the caller; root's have them anyway.
pub(super) fn keep() -> io::Result<()> {
    let mine = caps::read(None, CapSet::Permitted).map_err(io::Error::other)?;
    for set in [CapSet::Inheritable, CapSet::Ambient] {
        caps::set(None, set, &mine).map_err(io::Error::other)?;
    }
    Ok(())
}

/// Lets the programs that are started from now on have none, unless they are root's.
pub(super) fn give_up() -> io::Result<()> {
    for set in [CapSet::Ambient, CapSet::Inheritable] {
        caps::set(None, set, &CapsHashSet::new()).map_err(io::Error::other)?;
    }
    Ok(())
}
