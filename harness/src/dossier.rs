//! What is left in the folder of a run for those who doubt its verdict, or want to understand it: derived from its record and its
//! results, and never read again by a run.

use std::fs::File;
use std::io::{self, BufWriter};

use histories::format::certificate;

use crate::judge;
use crate::results::Results;
use crate::store::RunFolder;
use crate::workload::Workload;

/// Writes the history in Jepsen's form, and the certificates if there are any.
///
/// # Errors
/// When the journal cannot be read, or a file cannot be written.
pub fn write(folder: &RunFolder, results: &Results) -> io::Result<()> {
    judge::export(&folder.journal(), &folder.edn())?;
    write_certificates(folder, results)
}

fn write_certificates(folder: &RunFolder, results: &Results) -> io::Result<()> {
    let Some(workload) = Workload::named(&results.workload).filter(|_| !results.certificates.is_empty())
    else {
        return Ok(());
    };
    let out = BufWriter::new(File::create(folder.certificate())?);
    certificate::write(out, workload.model(), results.ops.invoked, &results.certificates)
}
