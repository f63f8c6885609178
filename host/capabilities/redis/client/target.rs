//! Addresses of Redis as host.toml writes them. Pure: nothing is opened, nothing is looked up.
//!
//! | form | means |
//! | --- | --- |
//! | `redis://[user:password@]host[:port][/db]` | one server |
//! | `rediss://...` | the same over TLS, certificates checked against the system's (`SSL_CERT_FILE` replaces them) |
//! | `unix:///path?db=N&user=U&password=P`, `redis+unix://` | one server's socket |
//! | `redis+sentinel://[user:password@]h1[:port],h2/service[/db]?sentinel_user=U&sentinel_password=P` | the service's master |
//! | `redis+cluster://[user:password@]h1[:port],h2` | a cluster, known by some of its nodes |
//! | `rediss+sentinel://`, `rediss+cluster://` | the same over TLS |
//!
//! `valkey` may stand for `redis`. Absent on purpose: a way to turn the check of certificates off.

use std::fmt;
use std::path::PathBuf;

const PORT: u16 = 6379;
const SENTINEL_PORT: u16 = 26379;
/// More addresses than any sentinel group or list of seeds needs.
const HOSTS_BOUND: usize = 64;

/// Where a Redis is and who we are there. `Debug` shows neither addresses nor passwords.
#[derive(Clone, PartialEq, Eq)]
pub struct Target {
    pub(super) place: Place,
    pub(super) tls: bool,
    pub(super) login: Login,
    pub(super) database: u32,
}

#[derive(Clone, PartialEq, Eq)]
pub(super) enum Place {
    Server(Address),
    /// The master of `service`, as these sentinels know it.
    Sentinel {
        sentinels: Vec<Address>,
        service: String,
        login: Login,
    },
    Cluster(Vec<Address>),
}

#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Address {
    Tcp(String, u16),
    Unix(PathBuf),
}

/// An ACL user, or only a password, or neither.
#[derive(Clone, Default, PartialEq, Eq)]
pub(super) struct Login {
    pub(super) user: Option<String>,
    pub(super) password: Option<String>,
}

impl fmt::Debug for Target {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let kind = match &self.place {
            Place::Server(Address::Tcp(..)) => "server",
            Place::Server(Address::Unix(_)) => "socket",
            Place::Sentinel { .. } => "sentinel",
            Place::Cluster(_) => "cluster",
        };
        write!(out, "Target({kind}, tls: {}, database: {})", self.tls, self.database)
    }
}

enum Form {
    Server,
    Socket,
    Sentinel,
    Cluster,
}

impl Target {
    /// Reads an address. The error says what is wrong without repeating the address, which may hold a password.
    pub fn parse(url: &str) -> Result<Self, String> {
        let (scheme, rest) = url.split_once("://").ok_or("the address has no scheme; write `redis://host:port/db`")?;
        let (tls, form) = scheme_of(scheme)?;
        let parts = Parts::split(rest)?;
        match form {
            Form::Socket => socket(parts),
            Form::Server => server(parts, tls),
            Form::Sentinel => sentinel(parts, tls),
            Form::Cluster => cluster(parts, tls),
        }
    }

    /// The database's number.
    pub fn database(&self) -> u32 {
        self.database
    }

    pub fn is_cluster(&self) -> bool {
        matches!(self.place, Place::Cluster(_))
    }
}

fn scheme_of(scheme: &str) -> Result<(bool, Form), String> {
    let lower = scheme.to_ascii_lowercase().replace("valkey", "redis");
    Ok(match lower.as_str() {
        "redis" => (false, Form::Server),
        "rediss" => (true, Form::Server),
        "unix" | "redis+unix" | "redis+socket" | "redis-socket" => (false, Form::Socket),
        "redis+sentinel" | "redis-sentinel" => (false, Form::Sentinel),
        "rediss+sentinel" | "rediss-sentinel" => (true, Form::Sentinel),
        "redis+cluster" | "redis-cluster" => (false, Form::Cluster),
        "rediss+cluster" | "rediss-cluster" => (true, Form::Cluster),
        _ => {
            return Err(format!(
                "the scheme `{scheme}` is not known; `redis`, `rediss`, `unix`, `redis+sentinel`, `redis+cluster`, `rediss+sentinel` and `rediss+cluster` are"
            ));
        }
    })
}

/// An address taken apart, everything decoded but the hosts.
struct Parts<'u> {
    login: Login,
    hosts: &'u str,
    path: String,
    parameters: Vec<(String, String)>,
}

impl<'u> Parts<'u> {
    fn split(rest: &'u str) -> Result<Self, String> {
        if rest.contains('#') {
            return Err("`#` has no meaning here; in a password write it as `%23`".to_owned());
        }
        let (rest, query) = rest.split_once('?').unwrap_or((rest, ""));
        let (authority, path) = rest.find('/').map_or((rest, ""), |at| rest.split_at(at));
        let (login, hosts) = match authority.rsplit_once('@') {
            Some((login, hosts)) => (login_of(login)?, hosts),
            None => (Login::default(), authority),
        };
        let mut parameters = Vec::new();
        for pair in query.split('&').filter(|pair| !pair.is_empty()) {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            parameters.push((decode(name)?, decode(value)?));
        }
        Ok(Self { login, hosts, path: decode(path)?, parameters })
    }

    /// Takes a parameter by any of its names.
    fn take(&mut self, names: &[&str]) -> Option<String> {
        let at = self.parameters.iter().position(|(name, _)| names.contains(&name.as_str()))?;
        Some(self.parameters.swap_remove(at).1)
    }

    /// The login, from before the hosts or from parameters.
    fn take_login(&mut self) -> Login {
        let user = self.take(&["user", "username"]);
        let password = self.take(&["password", "pass"]);
        Login { user: user.or(self.login.user.take()), password: password.or(self.login.password.take()) }
    }

    /// The database's number: the parameter `db`, or the path's last part.
    fn take_database(&mut self, path: &str) -> Result<u32, String> {
        let text = self.take(&["db"]).unwrap_or_else(|| path.to_owned());
        match text.as_str() {
            "" => Ok(0),
            number => number.parse().map_err(|_| "the database is not a number".to_owned()),
        }
    }

    /// What is left has no meaning.
    fn end(mut self) -> Result<(), String> {
        // What other clients write for what is so anyway.
        let check = self.take(&["ssl_cert_reqs"]);
        if check.is_some_and(|check| !matches!(check.as_str(), "required" | "CERT_REQUIRED")) {
            return Err("`ssl_cert_reqs` cannot turn the check of certificates off; name the authority's file in SSL_CERT_FILE".to_owned());
        }
        let _ = self.take(&["protocol"]);
        match self.parameters.first() {
            Some((name, _)) => Err(format!("the parameter `{}` is not known", name.escape_default())),
            None => Ok(()),
        }
    }
}

fn login_of(text: &str) -> Result<Login, String> {
    let (user, password) = text.split_once(':').map_or((text, None), |(user, password)| (user, Some(password)));
    let filled = |text: &str| -> Result<Option<String>, String> { Ok(Some(decode(text)?).filter(|text| !text.is_empty())) };
    Ok(Login { user: filled(user)?, password: password.map(filled).transpose()?.flatten() })
}

fn server(mut parts: Parts<'_>, tls: bool) -> Result<Target, String> {
    let login = parts.take_login();
    if parts.hosts.contains(',') {
        return Err("several hosts; `redis+sentinel://` and `redis+cluster://` have several".to_owned());
    }
    let address = host(parts.hosts, PORT)?;
    let path = parts.path.trim_matches('/').to_owned();
    let database = parts.take_database(&path)?;
    parts.end()?;
    Ok(Target { place: Place::Server(address), tls, login, database })
}

fn socket(mut parts: Parts<'_>) -> Result<Target, String> {
    let login = parts.take_login();
    let database = parts.take_database("")?;
    if !parts.hosts.is_empty() || parts.path.len() < 2 {
        return Err("a socket's address is `unix:///path/to/redis.sock?db=0`, with three slashes".to_owned());
    }
    let address = Address::Unix(PathBuf::from(&parts.path));
    parts.end()?;
    Ok(Target { place: Place::Server(address), tls: false, login, database })
}

fn sentinel(mut parts: Parts<'_>, tls: bool) -> Result<Target, String> {
    let login = parts.take_login();
    let sentinel_login = Login { user: parts.take(&["sentinel_user", "sentinel_username"]), password: parts.take(&["sentinel_password"]) };
    let path = parts.path.trim_matches('/').to_owned();
    let (service, number) = path.split_once('/').unwrap_or((&path, ""));
    let database = parts.take_database(number)?;
    if service.is_empty() {
        return Err("the service's name is missing: `redis+sentinel://host:26379/service/db`".to_owned());
    }
    let sentinels = hosts(parts.hosts, SENTINEL_PORT)?;
    parts.end()?;
    Ok(Target { place: Place::Sentinel { sentinels, service: service.to_owned(), login: sentinel_login }, tls, login, database })
}

fn cluster(mut parts: Parts<'_>, tls: bool) -> Result<Target, String> {
    let login = parts.take_login();
    let path = parts.path.trim_matches('/').to_owned();
    if parts.take_database(&path)? != 0 {
        return Err("a cluster has only the database 0".to_owned());
    }
    let nodes = hosts(parts.hosts, PORT)?;
    parts.end()?;
    Ok(Target { place: Place::Cluster(nodes), tls, login, database: 0 })
}

fn hosts(list: &str, port: u16) -> Result<Vec<Address>, String> {
    let hosts: Vec<Address> = list.split(',').map(|one| host(one, port)).collect::<Result<_, _>>()?;
    match hosts.len() > HOSTS_BOUND {
        true => Err(format!("more than {HOSTS_BOUND} hosts")),
        false => Ok(hosts),
    }
}

/// `host`, `host:port`, `[v6]`, `[v6]:port`.
fn host(text: &str, default: u16) -> Result<Address, String> {
    let (name, port) = match text.strip_prefix('[') {
        Some(rest) => {
            let (name, rest) = rest.split_once(']').ok_or("an IPv6 address lacks its `]`")?;
            (name, rest.strip_prefix(':'))
        }
        None => text.split_once(':').map_or((text, None), |(name, port)| (name, Some(port))),
    };
    if name.is_empty() {
        return Err("the host is missing".to_owned());
    }
    let port = match port {
        None => default,
        Some(port) => port
            .parse()
            .ok()
            .filter(|port| *port > 0)
            .ok_or("the port is no number from 1 to 65535; in a password write `/` as `%2F`, `?` as `%3F`, `@` as `%40`")?,
    };
    Ok(Address::Tcp(decode(name)?, port))
}

/// `%2F` is a slash.
fn decode(text: &str) -> Result<String, String> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        let byte = match byte {
            b'%' => {
                let digit = |byte: Option<u8>| byte.and_then(|byte| char::from(byte).to_digit(16));
                let (high, low) = (digit(rest.next()), digit(rest.next()));
                let value = high.zip(low).and_then(|(high, low)| u8::try_from(high * 16 + low).ok());
                value.ok_or("a `%` without two digits after it; write `%` itself as `%25`")?
            }
            byte => byte,
        };
        bytes.push(byte);
    }
    String::from_utf8(bytes).map_err(|_| "the address is not UTF-8 once decoded".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tcp(host: &str, port: u16) -> Address {
        Address::Tcp(host.to_owned(), port)
    }

    fn login(user: &str, password: &str) -> Login {
        let filled = |text: &str| Some(text.to_owned()).filter(|text| !text.is_empty());
        Login { user: filled(user), password: filled(password) }
    }

    fn target(place: Place, tls: bool, login: Login, database: u32) -> Target {
        Target { place, tls, login, database }
    }

    #[test]
    fn every_form_is_read() {
        let one = |host: &str, port: u16| Place::Server(tcp(host, port));
        let path = |path: &str| Place::Server(Address::Unix(PathBuf::from(path)));
        let sentinels = |login: Login| Place::Sentinel { sentinels: vec![tcp("a", 26379), tcp("b", 5)], service: "main".to_owned(), login };
        let none = Login::default;
        let table = [
            ("redis://localhost", target(one("localhost", 6379), false, none(), 0)),
            ("redis://10.0.0.1:7000/3", target(one("10.0.0.1", 7000), false, none(), 3)),
            ("redis://h/?db=4", target(one("h", 6379), false, none(), 4)),
            ("redis://[::1]:7000/", target(one("::1", 7000), false, none(), 0)),
            ("redis://[fe80::1]", target(one("fe80::1", 6379), false, none(), 0)),
            ("redis://:secret@h", target(one("h", 6379), false, login("", "secret"), 0)),
            ("redis://shop:p%40ss%2F%25@h:1/0", target(one("h", 1), false, login("shop", "p@ss/%"), 0)),
            ("redis://shop:p@ss:word@h", target(one("h", 6379), false, login("shop", "p@ss:word"), 0)),
            ("redis://shop@h?password=x", target(one("h", 6379), false, login("shop", "x"), 0)),
            ("valkey://h", target(one("h", 6379), false, none(), 0)),
            ("rediss://h:6380/1", target(one("h", 6380), true, none(), 1)),
            ("rediss://h?ssl_cert_reqs=required", target(one("h", 6379), true, none(), 0)),
            ("unix:///run/redis.sock", target(path("/run/redis.sock"), false, none(), 0)),
            ("redis+unix:///run/a%20b?db=2&user=u&pass=p", target(path("/run/a b"), false, login("u", "p"), 2)),
            ("unix://u:p@/run/r.sock?db=1", target(path("/run/r.sock"), false, login("u", "p"), 1)),
            ("redis+sentinel://a,b:5/main", target(sentinels(none()), false, none(), 0)),
            (
                "redis+sentinel://u:p@a,b:5/main/2?sentinel_user=s&sentinel_password=t",
                target(sentinels(login("s", "t")), false, login("u", "p"), 2),
            ),
            ("rediss+sentinel://a,b:5/main", target(sentinels(none()), true, none(), 0)),
            ("redis+cluster://a:1,[::2]:3", target(Place::Cluster(vec![tcp("a", 1), tcp("::2", 3)]), false, none(), 0)),
            ("rediss+cluster://u:p@a/0", target(Place::Cluster(vec![tcp("a", 6379)]), true, login("u", "p"), 0)),
        ];
        for (url, expected) in table {
            assert!(Target::parse(url).as_ref() == Ok(&expected), "{url}: {:?}", Target::parse(url));
        }
    }

    #[test]
    fn what_is_wrong_is_said_without_the_address() {
        let table = [
            ("localhost:6379", "scheme"),
            ("http://h", "`http`"),
            ("redis://", "host is missing"),
            ("redis://:hunter2@", "host is missing"),
            ("redis://h:port", "port"),
            ("redis://h:0", "port"),
            ("redis://h:70000", "port"),
            ("redis://u:hunter2/x@h", "`%2F`"),
            ("redis://u:hunter2#x@h", "`%23`"),
            ("redis://u:hunter2%zz@h", "`%25`"),
            ("redis://h/one", "number"),
            ("redis://h/-1", "number"),
            ("redis://a,b", "several hosts"),
            ("redis://h?colour=hunter2", "`colour`"),
            ("rediss://h?ssl_cert_reqs=none", "SSL_CERT_FILE"),
            ("unix://h/run/r.sock", "three slashes"),
            ("unix://", "three slashes"),
            ("redis+sentinel://a", "service"),
            ("redis+cluster://a/1", "database 0"),
            ("redis://[::1", "`]`"),
        ];
        for (url, expected) in table {
            let error = Target::parse(url).expect_err(url);
            assert!(error.contains(expected) && !error.contains("hunter2"), "{url}: {error}");
        }
        assert!(Target::parse(&format!("redis+cluster://{}", vec!["h"; HOSTS_BOUND].join(","))).is_ok());
        assert!(Target::parse(&format!("redis+cluster://{}", vec!["h"; HOSTS_BOUND + 1].join(","))).is_err());
    }

    #[test]
    fn printing_a_target_tells_no_secret() {
        let shown = format!("{:?}", Target::parse("redis://shop:hunter2@db.internal:7000/3").unwrap());
        assert_eq!(shown, "Target(server, tls: false, database: 3)");
    }
}
