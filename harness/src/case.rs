//! A case: a test and the faults it is tried under; all it takes to hold the same trial again.

use std::io;

use nemesis::Schedule;

use crate::adapter;
use crate::store::RunFolder;
use crate::test::Test;

/// What a trial is held of.
#[derive(Debug, Clone, PartialEq)]
pub struct Case {
    /// Everything but the faults.
    pub test: Test,
    /// The faults.
    pub schedule: Schedule,
}

impl Case {
    /// The case of the run in `folder`.
    ///
    /// # Errors
    /// When the folder does not hold one, or its system is not known here.
    pub fn read(folder: &RunFolder) -> io::Result<Self> {
        let test = folder.read_test()?;
        let system = adapter::system(&test.system)
            .ok_or_else(|| io::Error::other(format!("there is no system {:?}", test.system)))?;
        let name = folder.schedule().display().to_string();
        let text = std::fs::read_to_string(folder.schedule())?;
        let schedule = Schedule::parse(&name, &text, &system.cast(test.nodes, test.reserve))
            .map_err(io::Error::other)?;
        Ok(Self { test, schedule })
    }

    /// Writes it to `folder`.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn write(&self, folder: &RunFolder) -> io::Result<()> {
        folder.write_test(&self.test)?;
        std::fs::write(folder.schedule(), self.schedule.to_string())
    }
}
