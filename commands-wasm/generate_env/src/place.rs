//! Where the text comes from and goes to.

use std::fs;
use std::io::{ErrorKind, Read as _, Write as _};

use compose::dotenv::SAMPLES;
use host_sdk::{Error, Result};

/// No `.env` is so long; it is read whole.
const BYTES_BOUND: u64 = 1 << 20;

pub(crate) struct Template {
    pub(crate) path: String,
    pub(crate) text: String,
}

impl Template {
    pub(crate) fn read(wanted: Option<&str>, command: &str) -> Result<Self> {
        if let Some(path) = wanted {
            let text = read(path)?.ok_or_else(|| Error::usage(format!("there is no template `{path}`")))?;
            return Ok(Self { path: path.to_owned(), text });
        }
        // Each that is opened and was not granted would be told by the host, also where there is none.
        let is_there = |path: &str| fs::metadata(path).is_ok_and(|found| found.is_file());
        if let Some(path) = SAMPLES.into_iter().find(|path| is_there(path))
            && let Some(text) = read(path)?
        {
            return Ok(Self { path: path.to_owned(), text });
        }
        let error = Error::usage("there is no template");
        let error = error.hint(format!("put one into {}, or name it with `--template FILE`", SAMPLES.join(", ")));
        Err(error.hint(format!("it is seen where host.toml grants it: `files.\"FILE\" = \"read\"` under `[commands.{command}]`")))
    }
}

/// The file that would be replaced, if there is one.
pub(crate) fn read_existing(path: &str) -> Result<Option<String>> {
    match fs::symlink_metadata(path) {
        Ok(found) if found.file_type().is_symlink() => {
            Err(Error::usage(format!("`{path}` is a link, which would be replaced by a file")).hint("name the file itself with `--out`"))
        }
        _ => read(path),
    }
}

/// Written aside and moved, so that it is there whole or not at all.
pub(crate) fn write(path: &str, text: &str) -> Result<()> {
    let aside = format!("{path}.new");
    match fs::remove_file(&aside) {
        Ok(()) => {}
        Err(error) if error.kind() == ErrorKind::NotFound => {}
        Err(error) => return Err(Error::from(error).context(format!("failed to remove the `{aside}` of an earlier run"))),
    }
    let mut file = fs::File::create_new(&aside).map_err(|error| Error::from(error).context(format!("failed to write `{aside}`")))?;
    let done = file.write_all(text.as_bytes()).and_then(|()| file.sync_all()).and_then(|()| fs::rename(&aside, path));
    done.map_err(|error| {
        // What is left of it would only be in the way; why it was not written matters more.
        let _ = fs::remove_file(&aside);
        Error::from(error).context(format!("failed to write `{path}`"))
    })
}

fn read(path: &str) -> Result<Option<String>> {
    let failed = |error: std::io::Error| Error::from(error).context(format!("failed to read `{path}`"));
    let mut bytes = Vec::new();
    let read = fs::File::open(path).and_then(|file| file.take(BYTES_BOUND + 1).read_to_end(&mut bytes));
    match read {
        Ok(_) if bytes.len() as u64 > BYTES_BOUND => Err(Error::usage(format!("`{path}` is larger than 1 MiB, which no `.env` is"))),
        Ok(_) => String::from_utf8(bytes).map(Some).map_err(|_| Error::usage(format!("`{path}` is not UTF-8"))),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
        Err(error) => Err(failed(error)),
    }
}
