//! How an archive for the engine begins.

use std::io::{self, Write};

/// Git begins its archives with such an entry, and every reader passes over it.
const NAME: &str = "pax_global_header";
const CONTENT: &str = "16 comment=host\n";

/// Begins an archive with an entry that no reader unpacks. Engines look at the first bytes to see whether it is compressed:
/// a name that somebody else chose could have them read something else than was looked at.
pub(super) fn begin<W: Write>(out: W) -> io::Result<tar::Builder<W>> {
    let mut archive = tar::Builder::new(out);
    let mut header = tar::Header::new_ustar();
    header.set_entry_type(tar::EntryType::XGlobalHeader);
    header.set_mode(0o644);
    header.set_size(u64::try_from(CONTENT.len()).unwrap_or_default());
    archive.append_data(&mut header, NAME, CONTENT.as_bytes())?;
    Ok(archive)
}
