//! Digests of secrets: `up` keeps them in a label to see what changed, and labels are read by many (the engine's users,
//! the proxy, whatever collects metrics). A plain digest of a short secret gives it away to whoever tries all of them;
//! these take a key that lies in a folder of the user's own, and never leaves the host.

use std::io::{self, Read};

use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;

use crate::own_folder::OwnFolder;

const KEY_BYTES: usize = 32;
const FILE_NAME: &str = "digest.key";
/// 128 bits.
const DIGITS: usize = 32;
const ID_DIGITS: usize = 8;

/// `KEY:DIGEST` in hexadecimal digits; the key is made when there is none.
pub(super) fn digest(folder: &OwnFolder, project: &str, name: &str, content: &[u8]) -> io::Result<String> {
    let key = key(folder)?;
    let id = keyed(&key, &[b"id"], ID_DIGITS)?;
    Ok(format!("{id}:{}", keyed(&key, &[b"content", project.as_bytes(), name.as_bytes(), content], DIGITS)?))
}

fn keyed(key: &[u8], parts: &[&[u8]], digits: usize) -> io::Result<String> {
    let mut mac = Hmac::<Sha256>::new_from_slice(key).map_err(io::Error::other)?;
    for part in parts {
        // With its length, so that nothing can be moved from one part to the next.
        mac.update(&(part.len() as u64).to_le_bytes());
        mac.update(part);
    }
    Ok(hex::encode(mac.finalize().into_bytes()).chars().take(digits).collect())
}

fn key(folder: &OwnFolder) -> io::Result<[u8; KEY_BYTES]> {
    match read(folder) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => {}
        read => return read,
    }
    // The first of two that make one is that of both.
    match folder.add(FILE_NAME, &rand::random::<[u8; KEY_BYTES]>()) {
        Err(error) if error.kind() != io::ErrorKind::AlreadyExists => Err(error),
        _ => read(folder),
    }
}

fn read(folder: &OwnFolder) -> io::Result<[u8; KEY_BYTES]> {
    let mut key = Vec::new();
    folder.read(FILE_NAME)?.take(KEY_BYTES as u64 + 1).read_to_end(&mut key)?;
    key.try_into().map_err(|_| io::Error::other("the key of digests is damaged"))
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    #[test]
    fn the_same_secret_has_the_same_digest_as_long_as_the_key_is_there() {
        let folder = tempfile::tempdir().unwrap();
        let own = OwnFolder::new(folder.path(), "docker");
        let folder = folder.path().join("docker");
        let one = digest(&own, "shop", "web token", b"1234").unwrap();
        assert_eq!(digest(&own, "shop", "web token", b"1234").unwrap(), one);
        assert_eq!((one.len(), one.find(':')), (ID_DIGITS + 1 + DIGITS, Some(ID_DIGITS)));
        assert_eq!(fs::metadata(folder.join(FILE_NAME)).unwrap().permissions().mode() & 0o777, 0o600);
        assert_eq!(fs::read_dir(&folder).unwrap().count(), 1);
        for (project, name, content) in [("shop", "web token", "1235"), ("shop", "web other", "1234"), ("shopweb", " token", "1234")] {
            let other = digest(&own, project, name, content.as_bytes()).unwrap();
            assert!(other != one && other.split(':').next() == one.split(':').next(), "{other}");
        }
        fs::remove_file(folder.join(FILE_NAME)).unwrap();
        let anew = digest(&own, "shop", "web token", b"1234").unwrap();
        assert_ne!(anew.split(':').next(), one.split(':').next());
    }

    #[test]
    fn two_that_make_the_key_at_once_have_one() {
        let folder = tempfile::tempdir().unwrap();
        let made = || digest(&OwnFolder::new(folder.path(), ""), "shop", "x", b"y").unwrap();
        let digests: Vec<String> = std::thread::scope(|scope| {
            let threads: Vec<_> = (0..8).map(|_| scope.spawn(made)).collect();
            threads.into_iter().map(|thread| thread.join().unwrap()).collect()
        });
        assert!(digests.iter().all(|digest| *digest == digests[0]), "{digests:?}");
    }

    #[test]
    fn a_damaged_key_is_an_error_and_not_another_digest() {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join(FILE_NAME), "short").unwrap();
        assert!(digest(&OwnFolder::new(folder.path(), ""), "shop", "x", b"y").is_err());
    }
}
