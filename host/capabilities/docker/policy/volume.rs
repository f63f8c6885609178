//! Volumes that a guest makes. Some are places of the machine, or of another one, and are compared like mounts.

use std::collections::BTreeSet;
use std::path::PathBuf;

use super::lack::Lack;
use super::mount::{Place, World};
use super::words::words;
use super::{Invalid, Permit, labels, name, pairs};
use crate::capabilities::docker::types::Pair;
use crate::capabilities::docker::volume::Spec;

/// What a volume lacks, and its options as they are sent: a path of the project made absolute.
#[derive(Debug)]
pub struct Checked {
    pub lacks: Vec<Lack>,
    pub options: Vec<Pair>,
}

impl Permit {
    pub fn volume(&self, spec: &Spec, world: &World<'_>) -> Result<Checked, Invalid> {
        let Spec { name, key: _, driver, options, labels: given } = spec;
        name::check("volume", name)?;
        labels::check(given)?;
        pairs::each_once("options", options)?;
        if !matches!(driver.as_str(), "" | "local") {
            // What a plugin does with its options is not known.
            let lacks = self.option("driver", "volume-driver", driver).into_iter().collect();
            return Ok(Checked { lacks, options: options.clone() });
        }
        self.local(options, world)
    }

    /// The engine's own driver mounts what `type`, `o` and `device` say, as the program `mount` does.
    fn local(&self, options: &[Pair], world: &World<'_>) -> Result<Checked, Invalid> {
        let value = |wanted: &str| options.iter().find(|option| option.name == wanted).map_or("", |option| option.value.as_str());
        if let Some(strange) = options.iter().find(|option| !matches!(option.name.as_str(), "type" | "o" | "device" | "size")) {
            return Err(format!("the driver `local` knows no option `{}`", strange.name.escape_debug()));
        }
        let (kind, device) = (value("type"), value("device"));
        let words = words(value("o"))?;
        let says = |name: &str| words.iter().any(|word| word.name == name);
        let (read_only, binds) = (says("ro"), says("bind") || says("rbind"));
        let servers: Vec<&str> =
            words.iter().filter(|word| matches!(word.name, "addr" | "ip" | "mountaddr")).filter_map(|word| word.value).collect();
        let mut options = options.to_vec();
        let unknown = words.iter().filter(|word| !word.is_known());
        let mut lacks: Vec<Lack> = unknown.filter_map(|word| self.option("options", "volume-option", word.name)).collect();
        match kind {
            _ if binds => {
                let real = self.place(&mut lacks, device, read_only, world)?;
                for option in options.iter_mut().filter(|option| option.name == "device") {
                    option.value = real.to_string_lossy().into_owned();
                }
            }
            "" if device.is_empty() => {}
            "tmpfs" => {}
            "nfs" | "nfs4" => {
                let (server, export) = device.rsplit_once(':').unwrap_or(("", device));
                let server = only_server(server, &servers)?;
                lacks.extend(self.remote("options", &format!("nfs://{server}/{}", export.trim_start_matches('/')), read_only));
            }
            "cifs" => {
                let (server, share) = device.trim_start_matches('/').split_once('/').unwrap_or((device, ""));
                let server = only_server(server, &servers)?;
                lacks.extend(self.remote("options", &format!("cifs://{server}/{share}"), read_only));
            }
            // A disk of the machine, layers of folders, ...: what they read stands in more places than `device`.
            kind => lacks = self.option("options", "volume-type", if kind.is_empty() { "none" } else { kind }).into_iter().collect(),
        }
        Ok(Checked { lacks, options })
    }

    fn place(&self, lacks: &mut Vec<Lack>, device: &str, read_only: bool, world: &World<'_>) -> Result<PathBuf, Invalid> {
        let place = Place::new(device, world)?;
        lacks.extend(self.bind("options", &place, read_only, world)?);
        Ok(place.real)
    }
}

/// In what a volume differs from what would be made now, with these options: keys of a compose file.
pub fn differences(spec: &Spec, options: &[Pair], driver: &str, made_with: &[Pair], labelled: &[Pair]) -> Vec<String> {
    let driver_of = |name: &str| if name.is_empty() { "local".to_owned() } else { name.to_owned() };
    let mut keys = Vec::new();
    if driver_of(driver) != driver_of(&spec.driver) {
        keys.push("driver".to_owned());
    }
    keys.extend(differing(made_with, options).into_iter().map(|name| format!("driver_opts.{name}")));
    // Those of the engine, of Compose and of ours are in no compose file.
    let said: Vec<Pair> =
        labelled.iter().filter(|label| !["com.docker.", "host."].iter().any(|own| label.name.starts_with(own))).cloned().collect();
    keys.extend(differing(&said, &spec.labels).into_iter().map(|name| format!("labels.{name}")));
    keys
}

fn differing(are: &[Pair], wanted: &[Pair]) -> BTreeSet<String> {
    let is_in = |pair: &&Pair, pairs: &[Pair]| pairs.contains(*pair);
    let gone = are.iter().filter(|pair| !is_in(pair, wanted));
    gone.chain(wanted.iter().filter(|pair| !is_in(pair, are))).map(|pair| pair.name.clone()).collect()
}

/// The one server that all of it names; which of several is asked would be the kernel's choice.
fn only_server<'s>(device: &'s str, options: &[&'s str]) -> Result<&'s str, Invalid> {
    let named: BTreeSet<&str> = options.iter().copied().chain([device]).filter(|server| !server.is_empty()).collect();
    let server = named.first().copied().filter(|_| named.len() == 1);
    server.ok_or_else(|| "`device` and `o` must name exactly one server".to_owned())
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;
    use crate::grants::DockerGrant;

    fn check(grant: DockerGrant, driver: &str, options: &[(&str, &str)]) -> Result<Checked, Invalid> {
        let options = options.iter().map(|(name, value)| Pair { name: (*name).into(), value: (*value).into() }).collect();
        let spec = Spec { name: "shop_db".into(), key: "db".into(), driver: driver.into(), options, labels: vec![] };
        let world = World { root: Path::new("/p"), socket: None, real: &|path| Ok(path.to_owned()) };
        Permit::new("up", grant).volume(&spec, &world)
    }

    #[test]
    fn what_a_volume_differs_in_is_told_by_key() {
        let pairs = |pairs: &[(&str, &str)]| -> Vec<Pair> {
            pairs.iter().map(|(name, value)| Pair { name: (*name).into(), value: (*value).into() }).collect()
        };
        let spec = Spec {
            name: "shop_db".into(),
            key: "db".into(),
            driver: String::new(),
            options: vec![],
            labels: pairs(&[("tier", "1"), ("new", "")]),
        };
        let labelled = pairs(&[("tier", "2"), ("old", ""), ("com.docker.compose.volume", "db"), ("host.run", "1")]);
        let wanted = pairs(&[("type", "none"), ("o", "bind"), ("device", "/p/data")]);
        let made_with = pairs(&[("device", "/p/other"), ("o", "bind"), ("type", "none"), ("size", "1")]);
        let keys = ["driver_opts.device", "driver_opts.size", "labels.new", "labels.old", "labels.tier"];
        assert_eq!(differences(&spec, &wanted, "local", &made_with, &labelled), keys);
        assert_eq!(differences(&spec, &[], "plugin", &[], &pairs(&[("tier", "1"), ("new", "")])), ["driver"]);
        assert!(differences(&Spec { driver: "local".into(), ..spec }, &[], "local", &[], &pairs(&[("new", ""), ("tier", "1")])).is_empty());
    }

    #[test]
    fn volumes_that_are_places_of_a_machine_are_compared_like_mounts() {
        type Options = &'static [(&'static str, &'static str)];
        let table: [(&str, Options, Option<&str>); 14] = [
            ("", &[], None),
            ("local", &[], None),
            ("", &[("type", "tmpfs"), ("device", "tmpfs"), ("o", "size=1m")], None),
            ("", &[("type", "none"), ("o", "bind"), ("device", "./data")], Some("mounts ./data")),
            ("", &[("type", "none"), ("o", "rw,bind"), ("device", "/etc")], Some("mounts /etc")),
            ("", &[("type", "none"), ("o", "bind,ro"), ("device", "/etc")], Some("mounts /etc:ro")),
            ("", &[("type", "tmpfs"), ("o", "rbind"), ("device", "/etc")], Some("mounts /etc")),
            ("", &[("type", "nfs"), ("o", "addr=10.0.0.1,rw"), ("device", ":/export")], Some("mounts nfs://10.0.0.1/export")),
            ("", &[("type", "nfs4"), ("o", "ro"), ("device", "h:/export")], Some("mounts nfs://h/export:ro")),
            ("", &[("type", "cifs"), ("o", "username=x"), ("device", "//h/share")], Some("mounts cifs://h/share")),
            ("", &[("type", "ext4"), ("device", "/dev/sda1")], Some("security-options volume-type=ext4")),
            ("", &[("device", "/dev/sda1")], Some("security-options volume-type=none")),
            ("", &[("type", "overlay"), ("o", "lowerdir=/etc"), ("device", "overlay")], Some("security-options volume-type=overlay")),
            ("vieux/sshfs", &[("sshcmd", "h:/")], Some("security-options volume-driver=vieux/sshfs")),
        ];
        for (driver, options, lack) in table {
            let found = check(DockerGrant::default(), driver, options).unwrap().lacks;
            assert_eq!(found.len(), usize::from(lack.is_some()), "{options:?} {found:?}");
            let Some((list, item)) = lack.and_then(|lack| lack.split_once(' ')) else { continue };
            assert_eq!(
                found[0].needs,
                super::super::lack::Needs::Item(if list == "mounts" { "mounts" } else { "security-options" }, item.into())
            );
            let mut grant = DockerGrant::default();
            grant.list_mut(list).unwrap().push(item.to_owned());
            assert!(check(grant, driver, options).unwrap().lacks.is_empty(), "{options:?}");
        }
    }

    #[test]
    fn a_path_of_the_project_is_sent_as_a_whole_one() {
        let grant = || DockerGrant { mounts: vec![".".into()], ..DockerGrant::default() };
        let checked = check(grant(), "", &[("type", "none"), ("o", "bind"), ("device", "./data")]).unwrap();
        assert!(checked.options.iter().any(|option| option.name == "device" && Path::new(&option.value) == Path::new("/p/data")));
        assert!(check(grant(), "", &[("o", "bind")]).is_err());
        // The engine would take the last one, and the kernel what stands behind a blank.
        let twice = [("type", "tmpfs"), ("o", "size=1m"), ("device", "tmpfs"), ("type", "none"), ("o", "bind"), ("device", "/etc")];
        assert!(check(grant(), "", &twice).is_err());
        for words in ["bind,ro,rw", "bind, ro", "bind,,ro"] {
            assert!(check(grant(), "", &[("type", "none"), ("o", words), ("device", "./data")]).is_err(), "{words}");
        }
        let lacks = check(grant(), "", &[("type", "cifs"), ("o", "sep=;;ip=6.6.6.6"), ("device", "//h/share")]).unwrap().lacks;
        assert!(lacks.iter().any(|lack| lack.thing == "volume-option=sep"), "{lacks:?}");
        assert!(check(grant(), "", &[("lowerdir", "/")]).is_err());
        assert!(check(grant(), "", &[("type", "nfs"), ("o", "addr=a,addr=b"), ("device", ":/x")]).is_err());
        assert!(check(grant(), "", &[("type", "nfs"), ("o", "addr=a"), ("device", "b:/x")]).is_err());
    }
}
