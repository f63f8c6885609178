//! Where a path of this machine really leads.

use std::io::ErrorKind;
use std::path::{Path, PathBuf};

/// Follows all links. What is not there yet leads to where it would be made; what cannot be looked at leads nowhere, and
/// neither does what the engine cannot be told: it takes UTF-8, and the nearest to other bytes is another path.
pub(super) fn real(path: &Path) -> Result<PathBuf, String> {
    let mut missing = Vec::new();
    let mut there = path;
    loop {
        match std::fs::canonicalize(there) {
            Ok(mut real) => {
                real.extend(missing.iter().rev());
                let told = real.into_os_string().into_string();
                return told.map(PathBuf::from).map_err(|_| "it leads to a path whose name is not UTF-8".to_owned());
            }
            // A link to nothing is there itself: the engine would follow it once there is something.
            Err(error) if error.kind() == ErrorKind::NotFound && std::fs::symlink_metadata(there).is_err() => {}
            Err(error) => return Err(format!("it cannot be followed: {}", error.kind())),
        }
        let (Some(name), Some(parent)) = (there.file_name(), there.parent()) else {
            return Err("it leads through folders that are not there".to_owned());
        };
        missing.push(name.to_owned());
        there = parent;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn links_are_followed_and_what_is_missing_keeps_its_name() {
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path().canonicalize().unwrap();
        std::fs::create_dir(root.join("data")).unwrap();
        let link = |to: &str, name: &str| std::os::unix::fs::symlink(to, root.join(name)).unwrap();
        link("data", "link");
        link("/etc", "out");
        link("nowhere", "dangling");
        link("loop", "loop");
        assert_eq!(real(&root.join("link")), Ok(root.join("data")));
        assert_eq!(real(&root.join("link/new/deeper")), Ok(root.join("data/new/deeper")));
        assert_eq!(real(&root.join("out/../x")), Ok(PathBuf::from("/x")));
        for broken in ["dangling", "dangling/x", "loop/x", "missing/../x"] {
            assert!(real(&root.join(broken)).is_err(), "{broken}");
        }
    }
}
