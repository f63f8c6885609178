//! Tests of the capability against a real engine, through the Host functions, without a guest.

mod engine;
mod jobs;
mod lifecycle;
mod limits;
mod outage;
mod starting;
mod strangers;

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use tokio::sync::watch;
use wasmtime::component::{Resource, ResourceTable};

use crate::gate::journal::Journal;
use crate::gate::{Budgets, Gate, Leave};
use crate::grants::{BudgetGrants, DockerGrant, DockerPower, Power};
use crate::own_folder::OwnFolder;

use self::engine::Engine;
use super::create::{External, Ground, Spec};
use super::inspect::{Container, Details};
use super::jobs::Job;
use super::policy::spec::tests as specs;
use super::types::{self, Error, Event, HostJob as _};
use super::{DockerCtx, DockerView, Endpoint, Places, create, inspect, network, remove, start_stop, volume};

static PROJECTS: AtomicU32 = AtomicU32::new(0);

/// Networks that are not the project's: so many, none of them granted.
fn ground(externals: usize) -> Ground {
    let external = |number: usize| External { key: format!("x{number}"), name: format!("theirs{number}") };
    let external_networks = (0..externals).map(external).collect();
    Ground { networks: vec![], volumes: vec![], external_networks, external_volumes: vec![] }
}

/// A run without a guest, on a project of its own.
struct Run {
    ctx: DockerCtx,
    table: ResourceTable,
    leave: watch::Sender<Leave>,
    project: String,
    folder: Arc<tempfile::TempDir>,
    engine: Arc<Engine>,
}

type Answer<T> = Result<T, Error>;
type Begun = wasmtime::Result<Answer<Resource<Job>>>;

/// A project's name that no other test has.
fn project() -> String {
    format!("p{}", PROJECTS.fetch_add(1, Ordering::Relaxed))
}

fn grant(project: &str) -> DockerGrant {
    let images = vec!["busybox:1".to_owned()];
    DockerGrant {
        powers: DockerPower::ALL.iter().copied().collect::<BTreeSet<_>>(),
        project: project.to_owned(),
        images,
        ..DockerGrant::default()
    }
}

impl Run {
    fn new() -> Self {
        Self::with(&engine::shared(), |_| {})
    }

    fn with(engine: &Arc<Engine>, change: impl FnOnce(&mut DockerGrant)) -> Self {
        let project = project();
        let mut granted = grant(&project);
        change(&mut granted);
        Self::of(engine, granted, &engine.address())
    }

    fn of(engine: &Arc<Engine>, granted: DockerGrant, address: &str) -> Self {
        let (leave, receiver) = watch::channel(Leave::Granted);
        let gate = Gate::new("up".to_owned(), Budgets::new(BudgetGrants::default()), Journal::nowhere(), receiver, false);
        let folder = Arc::new(tempfile::tempdir().unwrap());
        let root = folder.path().canonicalize().unwrap();
        let endpoint = Endpoint { address: address.to_owned(), ..Endpoint::default() };
        let project = granted.project.clone();
        let places = Places { project: OwnFolder::new(&root, ".host/locks"), user: None };
        let ctx = DockerCtx::new(gate, endpoint, Some(granted), root.clone(), places, "run-1".to_owned());
        Self { ctx, table: ResourceTable::new(), leave, project, folder, engine: Arc::clone(engine) }
    }

    fn view(&mut self) -> DockerView<'_> {
        DockerView { ctx: &mut self.ctx, table: &mut self.table }
    }

    fn name(&self, service: &str) -> String {
        format!("{}-{service}-1", self.project)
    }

    fn spec(&self, service: &str) -> Spec {
        Spec { name: self.name(service), service: service.to_owned(), image: "busybox:1".to_owned(), ..specs::spec() }
    }

    /// What a job came to, within a minute.
    async fn done(&mut self, begun: Begun) -> Answer<String> {
        self.done_with(begun).await.0
    }

    async fn done_with(&mut self, begun: Begun) -> (Answer<String>, Vec<Event>) {
        let job = match begun.unwrap() {
            Ok(job) => job,
            Err(error) => return (Err(error), Vec::new()),
        };
        let mut events = Vec::new();
        for _ in 0..600 {
            types::Host::wait(&mut self.view(), vec![Resource::new_borrow(job.rep())], 100).await.unwrap().unwrap();
            events.extend(self.view().events(Resource::new_borrow(job.rep())).await.unwrap());
            if let Some(outcome) = self.view().outcome(Resource::new_borrow(job.rep())).await.unwrap() {
                self.view().drop(job).await.unwrap();
                return (outcome, events);
            }
        }
        panic!("the job did not end");
    }

    async fn create(&mut self, spec: Spec) -> Answer<String> {
        let begun = create::Host::create(&mut self.view(), spec).await;
        self.done(begun).await
    }

    async fn start(&mut self, container: &str) -> Answer<String> {
        let begun = start_stop::Host::start(&mut self.view(), container.to_owned()).await;
        self.done(begun).await
    }

    async fn remove(&mut self, container: &str) -> Answer<String> {
        let begun = remove::Host::container(&mut self.view(), container.to_owned(), true, true).await;
        self.done(begun).await
    }

    async fn watch(&mut self, container: &str, until: inspect::Until) -> Answer<String> {
        let begun = inspect::Host::watch(&mut self.view(), container.to_owned(), until).await;
        self.done(begun).await
    }

    async fn network(&mut self, key: &str) -> Answer<String> {
        let name = format!("{}_{key}", self.project);
        let spec = network::Spec { name, key: key.to_owned(), ..super::policy::network::tests::spec() };
        let begun = network::Host::create(&mut self.view(), spec).await;
        self.done(begun).await
    }

    async fn volume(&mut self, key: &str, options: Vec<types::Pair>) -> Answer<String> {
        let name = format!("{}_{key}", self.project);
        let spec = volume::Spec { name, key: key.to_owned(), driver: String::new(), options, labels: vec![] };
        let begun = volume::Host::create(&mut self.view(), spec).await;
        self.done(begun).await
    }

    async fn containers(&mut self) -> Answer<Vec<Container>> {
        inspect::Host::containers(&mut self.view()).await.unwrap()
    }

    async fn details(&mut self, name: &str) -> Answer<Details> {
        inspect::Host::container_details(&mut self.view(), name.to_owned()).await.unwrap()
    }
}

/// What somebody else made is removed with the engine; what a test made, here.
impl Drop for Run {
    fn drop(&mut self) {
        let label = format!("--filter label=com.docker.compose.project={}", self.project);
        if !self.engine.try_docker("version") {
            return;
        }
        for id in self.engine.docker(&format!("ps -aq {label}")).split_whitespace() {
            self.engine.try_docker(&format!("rm -f -v {id}"));
        }
        for id in self.engine.docker(&format!("network ls -q {label}")).split_whitespace() {
            self.engine.try_docker(&format!("network rm {id}"));
        }
    }
}

/// The text of an error that says a thing does not exist.
#[track_caller]
fn missing<T: std::fmt::Debug>(answer: Answer<T>) -> String {
    match answer {
        Err(Error::NoSuchObject(text)) => text,
        other => panic!("{other:?}"),
    }
}

#[track_caller]
fn denied<T: std::fmt::Debug>(answer: Answer<T>) -> String {
    match answer {
        Err(Error::AccessDenied(text)) => text,
        other => panic!("{other:?}"),
    }
}

async fn pause(milliseconds: u64) {
    tokio::time::sleep(Duration::from_millis(milliseconds)).await;
}
