//! The words of a volume's option `o`, which the kernel's file systems read: one whose meaning is not known here could
//! mount something else, or write where only reading is granted.

use super::Invalid;

/// Those that stand alone.
const FLAGS: [&str; 62] = [
    "bind",
    "rbind",
    "ro",
    "rw",
    "exec",
    "noexec",
    "suid",
    "nosuid",
    "dev",
    "nodev",
    "atime",
    "noatime",
    "diratime",
    "nodiratime",
    "relatime",
    "norelatime",
    "strictatime",
    "sync",
    "async",
    "dirsync",
    "private",
    "rprivate",
    "slave",
    "rslave",
    // NFS.
    "soft",
    "hard",
    "softerr",
    "lock",
    "nolock",
    "intr",
    "nointr",
    "tcp",
    "udp",
    "ac",
    "noac",
    "cto",
    "nocto",
    "acl",
    "noacl",
    "rdirplus",
    "nordirplus",
    "sharecache",
    "nosharecache",
    "resvport",
    "noresvport",
    "fg",
    "bg",
    "fsc",
    "nofsc",
    // CIFS.
    "guest",
    "noperm",
    "nobrl",
    "nounix",
    "mfsymlinks",
    "serverino",
    "noserverino",
    "forceuid",
    "forcegid",
    "seal",
    "sfu",
    "nocase",
    "mapposix",
];
/// Those with `=` and a value.
const VALUES: [&str; 45] = [
    "size",
    "mode",
    "uid",
    "gid",
    "nr_inodes",
    "nr_blocks",
    // NFS.
    "addr",
    "mountaddr",
    "nfsvers",
    "vers",
    "minorversion",
    "proto",
    "mountproto",
    "port",
    "mountport",
    "mountvers",
    "timeo",
    "retrans",
    "retry",
    "rsize",
    "wsize",
    "sec",
    "acregmin",
    "acregmax",
    "acdirmin",
    "acdirmax",
    "actimeo",
    "namlen",
    "lookupcache",
    "local_lock",
    "nconnect",
    // CIFS.
    "ip",
    "username",
    "user",
    "password",
    "pass",
    "domain",
    "dom",
    "workgroup",
    "file_mode",
    "dir_mode",
    "iocharset",
    "cache",
    "cruid",
    "netbiosname",
];

/// As the kernel reads it: `ro`, or `addr` and `10.0.0.1`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Word<'o> {
    pub name: &'o str,
    pub value: Option<&'o str>,
}

impl Word<'_> {
    pub(super) fn is_known(&self) -> bool {
        match self.value {
            None => FLAGS.contains(&self.name),
            Some(_) => VALUES.contains(&self.name),
        }
    }
}

/// # Errors
/// What the engine and we could read differently: blanks, empty words, and one that is said twice or taken back.
pub(super) fn words(text: &str) -> Result<Vec<Word<'_>>, Invalid> {
    let mut found: Vec<Word<'_>> = Vec::new();
    for part in text.split(',').filter(|_| !text.is_empty()) {
        let (name, value) = part.split_once('=').map_or((part, None), |(name, value)| (name, Some(value)));
        if name.is_empty() || part.chars().any(|c| c.is_whitespace() || c.is_control()) {
            return Err(format!("`o` has a word `{}`: words are parted by `,` alone", part.escape_debug()));
        }
        let other = match name {
            "ro" => "rw",
            "rw" => "ro",
            name => name,
        };
        if found.iter().any(|word| word.name == name || word.name == other) {
            return Err(format!("`o` says `{}` twice, or takes it back", name.escape_debug()));
        }
        found.push(Word { name, value });
    }
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_read_as_the_kernel_does() {
        let word = |name, value| Word { name, value };
        assert_eq!(words(""), Ok(vec![]));
        assert_eq!(words("bind,ro"), Ok(vec![word("bind", None), word("ro", None)]));
        assert_eq!(words("addr=10.0.0.1,rw"), Ok(vec![word("addr", Some("10.0.0.1")), word("rw", None)]));
        for text in ["bind, ro", "bind,,ro", "bind,ro,rw", "rw,ro", "addr=a,addr=b", "bind,", "=x", "ro\n", "bind\u{a0}"] {
            assert!(words(text).is_err(), "{text}");
        }
    }

    #[test]
    fn words_that_could_mean_more_are_not_known() {
        let known = |text: &str| words(text).unwrap().iter().all(Word::is_known);
        assert!(known("bind,ro,nosuid") && known("size=100m,uid=1000") && known("addr=nas,nfsvers=4,nolock,soft"));
        for text in ["sep=;", "BIND", "lowerdir=/", "remount", "ro=1", "addr", "shared", "prefixpath=/x", "credentials=/etc/x"] {
            assert!(!known(text), "{text}");
        }
    }
}
