//! Images built without a network: busybox alone, and what a test adds to it.

use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::Path;
use std::process::Command;

use super::super::fresh_folder;
use super::super::others::cache;
use super::{Docker, told};

/// Every other image is made from this one.
const BUSYBOX: &str = "busybox";

/// The default command: rests, and ends at once when it is asked to, which a shell as first process would not.
const REST: &str = "#!/bin/sh
trap 'exit 0' TERM INT
sleep 1000000 &
wait
";

/// Stands for `python manage.py`: what comes first in its arguments chooses what it does.
const MANAGE: &str = r#"#!/bin/sh
case "$1" in
  copy) cat ;;
  exit) exit "$2" ;;
  say) shift; echo "$*" >&2 ;;
  # lines COUNT RATE: numbered lines, as many a second.
  lines)
    i=0
    while [ "$i" -lt "$2" ]; do
      end=$((i + $3 / 100))
      [ "$end" -gt "$2" ] && end=$2
      while [ "$i" -lt "$end" ]; do i=$((i + 1)); echo "line $i"; done
      usleep 10000
    done
    ;;
  # Tells each signal; ends at the third.
  signals)
    told=0
    tell() { echo "got $1"; told=$((told + 1)); [ "$told" -lt 3 ] || exit 33; }
    for name in HUP INT QUIT USR1 TERM; do trap "tell $name" "$name"; done
    trap 'echo "size $(stty size)"' WINCH
    echo ready
    while :; do sleep 0.05; done
    ;;
  terminal) if tty; then stty size; else exit 1; fi ;;
  ask) printf 'your name? '; read -r name; echo "hello $name" ;;
  whoami) id -un ;;
  variable) eval "echo \"\$$2\"" ;;
  *) for word; do printf '%s\n' "$word"; done ;;
esac
"#;

impl Docker {
    /// `busybox`, with all its programs in `/bin`, a user `app` (1000) and [`REST`] as its command.
    #[track_caller]
    pub(crate) fn busybox(&self) -> &'static str {
        self.build(BUSYBOX, "FROM scratch\nCOPY . /\nCMD [\"rest\"]\n", root_folder)
    }

    /// An image of these lines (`USER app`, `HEALTHCHECK ...`, `ENTRYPOINT ...`) on top of [`Self::busybox`], built once.
    #[track_caller]
    pub(crate) fn image(&self, name: &'static str, lines: &str) -> &'static str {
        self.busybox();
        self.build(name, &format!("FROM {BUSYBOX}\n{lines}\n"), |_| ())
    }

    /// An image whose `/app/manage.py` plays Django's, run as `manage.py`, `python manage.py` or `python3 manage.py`:
    /// prints its arguments one a line, or does what the first one says: see [`MANAGE`].
    #[track_caller]
    pub(crate) fn manage_image(&self) -> &'static str {
        self.busybox();
        self.build("backend", &format!("FROM {BUSYBOX}\nCOPY . /\nWORKDIR /app\n"), |folder| {
            program(&folder.join("app/manage.py"), MANAGE);
            program(&folder.join("bin/python"), "#!/bin/sh\nexec sh \"$@\"\n");
            symlink("python", folder.join("bin/python3")).expect("a link");
        })
    }

    /// The real Traefik, by the name that `start_reverse_proxy` asks for.
    #[track_caller]
    pub(crate) fn traefik_image(&self) -> &'static str {
        self.build("traefik:v3.7.15", "FROM scratch\nCOPY . /\nENTRYPOINT [\"traefik\"]\n", |folder| {
            let bin = folder.join("usr/local/bin");
            fs::create_dir_all(&bin).expect("a folder");
            fs::copy(cache().join("venv/bin/traefik"), bin.join("traefik")).expect("Traefik is installed by `make test`");
        })
    }

    #[track_caller]
    fn build(&self, name: &'static str, lines: &str, fill: impl FnOnce(&Path)) -> &'static str {
        // Locked while it builds: the second test waits for the first.
        let mut images = self.images.lock().unwrap_or_else(|broken| broken.into_inner());
        if let Some(built) = images.get(name) {
            assert_eq!(built, lines, "two images are called {name}");
            return name;
        }
        let folder = fresh_folder("image");
        let context = folder.join("context");
        fs::create_dir(&context).expect("a folder");
        fill(&context);
        fs::write(folder.join("Dockerfile"), lines).expect("a file");
        told(self.client("docker").args(["build", "-q", "-t", name, "-f"]).arg(folder.join("Dockerfile")).arg(&context));
        fs::remove_dir_all(&folder).expect("the folder can be removed");
        images.insert(name.to_owned(), lines.to_owned());
        name
    }
}

fn root_folder(folder: &Path) {
    let bin = folder.join("bin");
    for name in ["bin", "etc", "tmp", "root"] {
        fs::create_dir(folder.join(name)).expect("a folder");
    }
    fs::set_permissions(folder.join("tmp"), fs::Permissions::from_mode(0o1777)).expect("permissions");
    fs::copy("/bin/busybox", bin.join("busybox")).expect("busybox-static is installed by `make test`");
    for name in told(Command::new("/bin/busybox").arg("--list")).lines().filter(|name| *name != "busybox") {
        symlink("busybox", bin.join(name)).expect("a link");
    }
    program(&bin.join("rest"), REST);
    fs::write(folder.join("etc/passwd"), "root:x:0:0:root:/root:/bin/sh\napp:x:1000:1000:app:/tmp:/bin/sh\n").expect("a file");
    fs::write(folder.join("etc/group"), "root:x:0:\napp:x:1000:\n").expect("a file");
}

fn program(path: &Path, text: &str) {
    fs::create_dir_all(path.parent().expect("a folder")).expect("a folder");
    fs::write(path, text).expect("a file");
    fs::set_permissions(path, fs::Permissions::from_mode(0o755)).expect("permissions");
}
