//! A project without `.env` gets it from its sample.

use std::fs;
use std::io::{ErrorKind, Write as _};

use compose::dotenv::SAMPLES;
use host_sdk::{Error, Result};

const DOTENV: &str = ".env";
/// Written aside and moved, so that it is there whole or not at all.
const ASIDE: &str = ".env.new";
/// No sample is so long.
const BYTES_BOUND: usize = 1 << 20;

/// What is to be done about `.env`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Sample {
    /// It is there, or nothing could be made of it.
    Nothing,
    /// This sample would become it.
    Of(&'static str),
}

impl Sample {
    pub fn find() -> Self {
        // What may not even be looked at is left to the host, which reads it itself.
        if !matches!(fs::symlink_metadata(DOTENV), Err(error) if error.kind() == ErrorKind::NotFound) {
            return Self::Nothing;
        }
        SAMPLES.into_iter().find(|path| fs::metadata(path).is_ok_and(|found| found.is_file())).map_or(Self::Nothing, Self::Of)
    }

    /// # Errors
    /// When it may not be written: exit code 4, with how to do it by hand.
    pub fn write(path: &str) -> Result<()> {
        let text = fs::read(path).map_err(|error| Error::from(error).context(format!("failed to read `{path}`")))?;
        if text.len() > BYTES_BOUND {
            return Err(Error::usage(format!("`{path}` is larger than 1 MiB, which no `.env` is")));
        }
        drop(fs::remove_file(ASIDE));
        let written = fs::File::create_new(ASIDE).and_then(|mut file| {
            file.write_all(&text)?;
            file.sync_all()?;
            fs::rename(ASIDE, DOTENV)
        });
        written.map_err(|error| {
            // What is left of it would only be in the way.
            drop(fs::remove_file(ASIDE));
            Error::from(error)
                .context(format!("failed to write `{DOTENV}` from `{path}`"))
                .hint(format!("cp {path} {DOTENV}"))
                .hint("or let this command do it: `files.\".env\" = \"write\"` and `files.\".env.new\" = \"write\"` in host.toml")
        })
    }
}
