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

/// A component inside a component, this deep.
pub(crate) fn nested(depth: usize) -> Vec<u8> {
    (0..depth).fold(EMPTY_COMPONENT.to_owned(), |inner, _| section(EMPTY_COMPONENT, 4, &inner))
}

/// A component with a manifest in a custom section at its end.
pub(crate) fn with_manifest(component: &[u8], manifest: &str) -> Vec<u8> {
    let name = b"host:command";
    let content = [&number(name.len()), name.as_slice(), manifest.as_bytes()].concat();
    section(component, 0, &content)
}

fn section(before: &[u8], kind: u8, content: &[u8]) -> Vec<u8> {
    [before, &[kind], &number(content.len()), content].concat()
}

/// As WebAssembly writes unsigned numbers: seven bits a byte, the lowest first.
fn number(value: usize) -> Vec<u8> {
    let low = u8::try_from(value & 0x7f).expect("seven bits");
    if value < 0x80 { vec![low] } else { [vec![low | 0x80], number(value >> 7)].concat() }
}
