//! Ordinary file functions, on whatever paths a test names.

use std::fs::{self, OpenOptions};
use std::io::Write;

use crate::{Outcome, lines};

pub(crate) fn act(action: &str, paths: &[&str]) -> Outcome {
    attempt(action, paths).map_err(|error| format!("{action} {}: {} ({})", paths.join(" "), error, error.kind()))
}

fn attempt(action: &str, paths: &[&str]) -> std::io::Result<()> {
    match (action, paths) {
        ("read", [path]) => std::io::stdout().write_all(&fs::read(path)?),
        ("write", [path]) => fs::write(path, "written by a guest\n"),
        ("write", [path, text]) => fs::write(path, text),
        ("append", [path]) => OpenOptions::new().append(true).open(path)?.write_all(b"appended by a guest\n"),
        ("truncate", [path]) => OpenOptions::new().write(true).truncate(true).open(path).map(drop),
        // A handle that only reads, and the functions that change a file through it.
        ("read-then-truncate", [path]) => fs::File::open(path)?.set_len(0),
        ("create", [path]) => OpenOptions::new().write(true).create_new(true).open(path).map(drop),
        ("touch", [path]) => OpenOptions::new().write(true).open(path)?.set_modified(std::time::UNIX_EPOCH),
        ("list", [path]) => list(path),
        ("stat", [path]) => {
            let metadata = fs::symlink_metadata(path)?;
            said(format!("{} {}", if metadata.is_dir() { "folder" } else { "file" }, metadata.len()))
        }
        ("make-folder", [path]) => fs::create_dir(path),
        ("remove", [path]) => fs::remove_file(path),
        ("remove-folder", [path]) => fs::remove_dir(path),
        ("rename", [from, to]) => fs::rename(from, to),
        ("copy", [from, to]) => fs::copy(from, to).map(drop),
        ("link", [from, to]) => fs::hard_link(from, to),
        ("symlink", [target, path]) => symlink(target, path),
        ("read-link", [path]) => said(fs::read_link(path)?.display().to_string()),
        // Fills what may be written, until something refuses.
        ("fill", [path]) => fill(path),
        _ => Err(std::io::Error::other("no such behaviour")),
    }
}

fn list(path: &str) -> std::io::Result<()> {
    let entries: std::io::Result<Vec<_>> = fs::read_dir(path)?.collect();
    let mut names: Vec<String> = entries?.iter().map(|entry| entry.file_name().to_string_lossy().into_owned()).collect();
    names.sort_unstable();
    lines(names.iter()).map_err(std::io::Error::other)
}

fn said(text: String) -> std::io::Result<()> {
    lines(std::iter::once(text)).map_err(std::io::Error::other)
}

fn fill(path: &str) -> std::io::Result<()> {
    let mut file = fs::File::create(path)?;
    let piece = vec![b'x'; 1 << 20];
    loop {
        file.write_all(&piece)?;
    }
}

/// The standard library of WASI has none that is stable.
#[cfg(target_family = "wasm")]
fn symlink(target: &str, path: &str) -> std::io::Result<()> {
    #[expect(unsafe_code, reason = "C's own function")]
    mod c {
        use std::ffi::{CString, c_char, c_int};

        unsafe extern "C" {
            fn symlink(target: *const c_char, path: *const c_char) -> c_int;
        }

        pub(super) fn link(target: &CString, path: &CString) -> bool {
            // SAFETY: both are strings that end with a zero and live as long as the call.
            unsafe { symlink(target.as_ptr(), path.as_ptr()) == 0 }
        }
    }
    let (target, path) = (std::ffi::CString::new(target)?, std::ffi::CString::new(path)?);
    if c::link(&target, &path) { Ok(()) } else { Err(std::io::Error::last_os_error()) }
}

#[cfg(not(target_family = "wasm"))]
fn symlink(_target: &str, _path: &str) -> std::io::Result<()> {
    Err(std::io::Error::other("only inside the host"))
}
