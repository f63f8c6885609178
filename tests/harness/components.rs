//! Where the built components lie, and the smallest files that are almost components.

use std::path::{Path, PathBuf};

/// A core module without anything in it.
pub(crate) const CORE_MODULE: &[u8] = b"\0asm\x01\0\0\0";
/// A component without anything in it: it exports nothing, so that it cannot be run.
pub(crate) const EMPTY_COMPONENT: &[u8] = b"\0asm\x0d\0\x01\0";

/// The folder of the standard commands: `HOST_COMMANDS`, else where `make commands` puts them.
pub(crate) fn standard_folder() -> PathBuf {
    match std::env::var_os("HOST_COMMANDS") {
        Some(folder) => PathBuf::from(folder),
        None => Path::new(env!("CARGO_MANIFEST_DIR")).join("commands-wasm/target/components"),
    }
}

/// A standard command's file.
#[track_caller]
pub(crate) fn standard(name: &str) -> PathBuf {
    built(standard_folder().join(format!("{name}.wasm")))
}

/// The file of one of the components in `tests/guests`.
#[track_caller]
pub(crate) fn guest(name: &str) -> PathBuf {
    built(standard_folder().with_file_name("test-guests").join(format!("{name}.wasm")))
}

#[track_caller]
fn built(path: PathBuf) -> PathBuf {
    assert!(path.is_file(), "`{}` is missing: build it with `commands-wasm/build.sh tests`", path.display());
    path
}
