//! `check_services`: how every service is, all at once, by one deadline.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use compose::{Condition, Project, Restart, Service};
use host_sdk::docker::inspect::{self, Container, Health, Status};
use host_sdk::docker::{DockerError, Jobs, label, shared};
use host_sdk::{Ending, Host, Result, detail, out, talk};
use serde_json::{Value, json};

use crate::project::ProjectArgs;
use crate::spec::REVERSE_PROXY_NETWORK;
use crate::{blame, labels, observed, words};

/// Between two looks at a reverse proxy that is starting.
const PROXY_PAUSE: Duration = Duration::from_millis(500);

/// What `check_services` was asked for.
/// The engine waits longer and longer before it starts again what ends at once, and from the beginning after ten seconds.
const FRESH_SECONDS: u32 = 10;

#[derive(Clone, Debug, Default)]
pub struct Check {
    pub project: ProjectArgs,
    /// How long what is starting may take.
    pub patience: Duration,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum State {
    Healthy,
    /// It has no check.
    Running,
    Starting,
    /// It ended well, and was meant to end.
    Done,
    Unhealthy,
    Exited(i32),
    Restarting,
    Missing,
    /// `created`, `paused`, ...
    Other(&'static str),
}

/// One line of the table.
#[derive(Clone, Debug, PartialEq)]
pub struct Row {
    pub service: String,
    pub container: String,
    pub state: State,
    /// The id, for questions.
    pub id: String,
    /// In the engine's words.
    pub text: String,
    /// What is known of a sick one.
    pub remark: Vec<String>,
}

/// The machine's reverse proxy.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Proxy {
    /// Nobody may look.
    NotGranted,
    Missing,
    There {
        name: String,
        state: State,
    },
}

pub fn check(check: &Check, host: &Host) -> Result<Ending> {
    let project = check.project.load(&[])?;
    let deadline = Instant::now().checked_add(check.patience);
    let mut rows = rows(&project, &inspect::containers()?);
    let starting: Vec<&Row> = rows.iter().filter(|row| row.state == State::Starting).collect();
    if !starting.is_empty() {
        watch(&starting, deadline, host)?;
        rows = self::rows(&project, &inspect::containers()?);
    }
    for row in &mut rows {
        if row.state == State::Running && is_fresh(&row.text) && ends_again_and_again(&row.id) {
            row.state = State::Restarting;
        }
        row.remark = remark(row);
    }
    let needs_proxy = project
        .services
        .values()
        .flat_map(|service| service.networks.keys())
        .any(|key| project.networks.get(key).is_some_and(|network| network.name == REVERSE_PROXY_NETWORK));
    let proxy = settled_proxy(deadline)?;
    let is_well = rows.iter().all(|row| row.state.is_well()) && !(needs_proxy && proxy.is_sick());
    tell(&rows, &proxy, needs_proxy, host)?;
    Ok(if is_well { Ending::Ok } else { Ending::NotMet })
}

/// `Up 2 seconds`: whoever is caught between two ends looks like this.
fn is_fresh(text: &str) -> bool {
    let seconds = text.strip_prefix("Up ").and_then(|rest| rest.split_once(" second")).map(|(count, _)| count);
    seconds.is_some_and(|count| count.parse::<u32>().map_or(true, |count| count < FRESH_SECONDS))
}

fn ends_again_and_again(container: &str) -> bool {
    inspect::container_details(container).is_ok_and(|details| details.restart_count > 0)
}

/// Until all of them are decided, or the time is over.
fn watch(starting: &[&Row], deadline: Option<Instant>, host: &Host) -> Result<()> {
    let mut jobs = Jobs::default();
    let bar = host.progress("starting", u64::try_from(starting.len()).unwrap_or_default());
    let mut waiting = starting.iter();
    loop {
        // The host bears 64 jobs of a run.
        while jobs.len() < 48 {
            let Some(row) = waiting.next() else { break };
            jobs.add(row.container.clone(), inspect::watch(&row.id, inspect::Until::Healthy)?);
        }
        let left = deadline.map_or(Duration::from_secs(30), |deadline| deadline.saturating_duration_since(Instant::now()));
        if jobs.is_empty() || left.is_zero() {
            return Ok(());
        }
        bar.message(&jobs.keys().cloned().collect::<Vec<_>>().join(", "));
        for over in jobs.next(left, |_, _| {})? {
            bar.advance(1);
            match over.outcome {
                Ok(_) => detail!("{} is decided", over.key),
                // Whatever became of it is looked at again anyway.
                Err(error) => detail!("{}: {error}", over.key),
            }
        }
    }
}

/// A row for each container that should be there.
pub fn rows(project: &Project, containers: &[Container]) -> Vec<Row> {
    let mut found: BTreeMap<&str, Vec<&Container>> = BTreeMap::new();
    for container in containers.iter().filter(|container| !observed::is_one_off(container)) {
        found.entry(observed::service(container)).or_default().push(container);
    }
    let mut rows = Vec::new();
    for (name, service) in &project.services {
        let ends = is_meant_to_end(name, service, project);
        let mut containers = found.remove(name.as_str()).unwrap_or_default();
        containers.sort_by_key(|container| observed::number(container));
        rows.extend(containers.iter().map(|container| Row {
            service: name.clone(),
            container: container.name.clone(),
            state: state(container, ends),
            id: container.id.clone(),
            text: container.status_text.clone(),
            remark: Vec::new(),
        }));
        let there = u32::try_from(containers.len()).unwrap_or(u32::MAX);
        for _ in there..service.replicas() {
            let text = String::new();
            rows.push(Row {
                service: name.clone(),
                container: "-".to_owned(),
                state: State::Missing,
                id: String::new(),
                text,
                remark: Vec::new(),
            });
        }
    }
    rows
}

/// Somebody waits for its end; or the file itself says that nobody starts it again, and nothing that others talk to it.
/// What says nothing is meant to run: it may have been stopped, which many programs end with 0.
fn is_meant_to_end(name: &str, service: &Service, project: &Project) -> bool {
    let awaited =
        |service: &Service| service.depends_on.get(name).is_some_and(|dependency| dependency.condition == Condition::CompletedSuccessfully);
    let stays = !service.ports.is_empty() || service.healthcheck.is_some();
    let restarted = !matches!(service.restart_policy(), Restart::No | Restart::OnFailure(_));
    let says_so = service.keys.contains_key("restart") || service.deploy.as_ref().is_some_and(|deploy| deploy.restart_policy.is_some());
    !restarted && ((says_so && !stays) || project.services.values().any(awaited))
}

/// `ends`: nobody starts it again when it ended well.
fn state(container: &Container, ends: bool) -> State {
    match (container.status, container.health) {
        (Status::Running, Health::Healthy) => State::Healthy,
        (Status::Running, Health::Unhealthy) => State::Unhealthy,
        (Status::Running, Health::Starting) => State::Starting,
        (Status::Running, Health::None) => State::Running,
        (Status::Restarting, _) => State::Restarting,
        (Status::Exited, _) => match observed::exit_code(container).unwrap_or(-1) {
            0 if ends => State::Done,
            code => State::Exited(code),
        },
        (status, _) => State::Other(words::status(status)),
    }
}

impl State {
    pub fn is_well(&self) -> bool {
        matches!(self, Self::Healthy | Self::Running | Self::Done)
    }

    pub fn word(&self) -> &'static str {
        match self {
            Self::Healthy => "healthy",
            Self::Running => "running (no check)",
            Self::Starting => "starting",
            Self::Done => "done",
            Self::Unhealthy => "unhealthy",
            Self::Exited(_) => "exited",
            Self::Restarting => "restarting",
            Self::Missing => "missing",
            Self::Other(word) => word,
        }
    }
}

/// The last check of one that is unhealthy or still starting, the last lines of one that ended.
fn remark(row: &Row) -> Vec<String> {
    match row.state {
        State::Unhealthy | State::Starting => {
            let check = inspect::container_details(&row.id).ok().and_then(|details| blame::last_check(&details));
            check.map(|(code, output)| vec![format!("last check ended with {code}: {output}")]).unwrap_or_default()
        }
        State::Exited(0) => {
            let lines = blame::last_lines(&row.id);
            let meant = "it ended well; where that is meant, `restart: \"no\"` in the compose file says so";
            lines.into_iter().chain([meant.to_owned()]).collect()
        }
        State::Exited(_) | State::Restarting => blame::last_lines(&row.id),
        _ => Vec::new(),
    }
}

/// Once its check has decided, or the time is over. It is another project's, so that it cannot be watched.
fn settled_proxy(deadline: Option<Instant>) -> Result<Proxy> {
    loop {
        let proxy = proxy()?;
        let is_starting = matches!(&proxy, Proxy::There { state: State::Starting, .. });
        if !is_starting || deadline.is_some_and(|deadline| Instant::now() >= deadline) {
            return Ok(proxy);
        }
        std::thread::sleep(PROXY_PAUSE);
    }
}

fn proxy() -> Result<Proxy> {
    let neighbours = match shared::neighbours(REVERSE_PROXY_NETWORK) {
        Ok(neighbours) => neighbours,
        Err(error) => match error.docker() {
            Some(DockerError::AccessDenied(_)) => return Ok(Proxy::NotGranted),
            Some(DockerError::NoSuchObject(_)) => return Ok(Proxy::Missing),
            _ => return Err(error),
        },
    };
    let found = neighbours.iter().find(|neighbour| label(&neighbour.labels, labels::REVERSE_PROXY) == Some("true"));
    Ok(found.map_or(Proxy::Missing, |neighbour| Proxy::There {
        name: neighbour.name.clone(),
        state: match (neighbour.status, neighbour.health) {
            (Status::Running, Health::Healthy) => State::Healthy,
            (Status::Running, Health::Unhealthy) => State::Unhealthy,
            (Status::Running, Health::Starting) => State::Starting,
            (Status::Running, Health::None) => State::Running,
            (status, _) => State::Other(words::status(status)),
        },
    }))
}

impl Proxy {
    fn is_sick(&self) -> bool {
        match self {
            Self::NotGranted => false,
            Self::Missing => true,
            Self::There { state, .. } => !state.is_well(),
        }
    }

    /// `None` where nobody looked.
    fn json_word(&self) -> Option<&'static str> {
        match self {
            Self::NotGranted => None,
            Self::Missing | Self::There { .. } => self.word().split(' ').next(),
        }
    }

    fn word(&self) -> &'static str {
        match self {
            Self::NotGranted => "not looked at: the power `shared` was not granted",
            Self::Missing => "missing",
            Self::There { state, .. } => state.word(),
        }
    }
}

fn tell(rows: &[Row], proxy: &Proxy, needs_proxy: bool, host: &Host) -> Result<()> {
    let mut sick: Vec<&str> = rows.iter().filter(|row| !row.state.is_well()).map(|row| row.service.as_str()).collect();
    sick.extend((needs_proxy && proxy.is_sick()).then_some("reverse proxy"));
    let is_well = sick.is_empty();
    if host.wants_json() {
        let services: Vec<Value> = rows.iter().map(row_json).collect();
        let name = if let Proxy::There { name, .. } = proxy { Some(name) } else { None };
        let proxy = json!({ "container": name, "state": proxy.json_word() });
        return host.json(&json!({ "well": is_well, "services": services, "reverse_proxy": proxy }));
    }
    let width =
        |column: fn(&Row) -> &str, title: &str| rows.iter().map(|row| column(row).chars().count()).max().unwrap_or(0).max(title.len());
    let service = width(|row| &row.service, "SERVICE");
    let container = width(|row| &row.container, "CONTAINER");
    out!("{:<service$}  {:<container$}  {:<18}  STATUS", "SERVICE", "CONTAINER", "STATE");
    for row in rows {
        out!("{:<service$}  {:<container$}  {:<18}  {}", row.service, row.container, row.state.word(), row.text);
    }
    match proxy {
        Proxy::There { name, state } => out!("reverse proxy: {} ({name})", state.word()),
        Proxy::NotGranted if needs_proxy => {
            talk!("hint: the reverse proxy is not looked at; `host grant {} --optional` allows it", host.name());
        }
        Proxy::NotGranted => detail!("reverse proxy: {}", proxy.word()),
        Proxy::Missing => out!("reverse proxy: missing"),
    }
    for row in rows.iter().filter(|row| !row.remark.is_empty()) {
        out!("\n{}:", row.container);
        row.remark.iter().flat_map(|text| text.lines()).for_each(|line| out!("  {line}"));
    }
    if is_well {
        out!("All services are running and healthy!");
    } else {
        out!("\nnot well: {}", sick.join(", "));
    }
    Ok(())
}

fn row_json(row: &Row) -> Value {
    let code = match row.state {
        State::Exited(code) => Some(code),
        State::Done => Some(0),
        _ => None,
    };
    json!({
        "service": row.service, "container": row.container, "state": row.state.word().split(' ').next(), "exit_code": code,
        "status": row.text, "remark": row.remark,
    })
}
