//! A program in a container: one that `exec` starts in a running container, or a created container's own. How each is
//! started with its streams in our hands, resized, signalled, and how its exit code is learnt.

use std::sync::Arc;
use std::time::Duration;

use bollard::query_parameters::{KillContainerOptions, ResizeContainerTTYOptions, ResizeExecOptions, StartContainerOptions};
use hyper::body::Incoming;
use hyper::{HeaderMap, Method, Request};
use serde_json::{Value, json};
use tokio::sync::Mutex;

use super::super::client::raw::{Upgraded, json_of, unaskable};
use super::super::client::{Engine, Failure, shares};
use super::super::jobs::Finishing;
use super::super::scope::Scope;
use super::super::starting;
use super::super::types::Error;
use super::super::wit::exec::Process;
use super::local;

/// Looks for the number of a process that has only just begun, and the time between two.
const BEGINNINGS: u32 = 75;
const BEGINNING: Duration = Duration::from_millis(20);
/// Between two looks at a container that may have ended.
const LOOK: Duration = Duration::from_millis(300);
/// Questions for an exit code that go unanswered before the engine counts as lost.
const ATTEMPTS: u32 = 5;
const PAUSE_FIRST: Duration = Duration::from_millis(10);
const PAUSE_LONGEST: Duration = Duration::from_secs(1);
/// The keys that make an engine let go of a program cannot be turned off. Nobody types these, so that all that are
/// typed reach the program; Docker's own (Ctrl-P Ctrl-Q) would hold back each Ctrl-P.
const DETACH_KEYS: &str = "ctrl-@,ctrl-^,ctrl-@,ctrl-^,ctrl-@,ctrl-^,ctrl-@,ctrl-^";
/// SIGTERM and SIGKILL, and the time between them, for a program whose run is over.
const TERMINATE: i32 = 15;
const KILL: i32 = 9;
const POLITENESS: Duration = Duration::from_millis(500);
/// For one look.
const LOOK_TIME: Duration = Duration::from_secs(10);
/// Bytes of what the engine tells of one container.
const ANSWER_BOUND: usize = 4 << 20;

/// What runs, or is about to.
pub(in super::super) struct Program {
    scope: Arc<Scope>,
    container: String,
    kind: Kind,
    /// It was started, and nobody let it go.
    is_ours: bool,
    finishing: Finishing,
}

/// What signals go to.
struct Handle {
    scope: Arc<Scope>,
    container: String,
    /// The id of what `exec` started; none for the container's own program.
    exec: Option<String>,
}

enum Kind {
    Exec { id: String, tty: bool },
    Container { tty: bool, stdin: bool, answer: Mutex<Option<Incoming>> },
}

/// What became of a signal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Signalled {
    Sent,
    /// The engine has no call for it, and the process is not one of this machine that we may signal.
    Impossible,
}

impl Program {
    /// Prepares a program in a running container.
    pub(in super::super) async fn exec(
        scope: Arc<Scope>,
        finishing: Finishing,
        container: String,
        process: Process,
        stdin: bool,
        tty: bool,
    ) -> Result<Self, Failure> {
        let config = exec_config(process, stdin, tty);
        let asked = container.clone();
        let id = scope.engine.ask(|docker| async move { docker.create_exec(&asked, config).await }).await?.id;
        Ok(Self { scope, container, kind: Kind::Exec { id, tty }, is_ours: false, finishing })
    }

    /// A created container, as its spec says.
    pub(in super::super) async fn container(scope: Arc<Scope>, finishing: Finishing, container: String) -> Result<Self, Error> {
        let answer = scope.engine.inspected(&container).await?;
        let config = answer.config.as_ref();
        let is = |flag: Option<bool>| flag.unwrap_or(false);
        let (tty, stdin) = (is(config.and_then(|config| config.tty)), is(config.and_then(|config| config.open_stdin)));
        starting::check(&scope, &shares(answer)).await?;
        Ok(Self { scope, container, kind: Kind::Container { tty, stdin, answer: Mutex::default() }, is_ours: false, finishing })
    }

    pub(super) fn has_tty(&self) -> bool {
        match &self.kind {
            Kind::Exec { tty, .. } | Kind::Container { tty, .. } => *tty,
        }
    }

    pub(in super::super) fn reads(&self) -> bool {
        // An exec takes input exactly when it was asked for, which who asked knows.
        matches!(&self.kind, Kind::Exec { .. } | Kind::Container { stdin: true, .. })
    }

    /// Starts it; its streams are ours from its first byte on. `size` is rows and columns.
    pub(super) async fn start(&mut self, size: Option<(u16, u16)>) -> Result<Upgraded, Failure> {
        let (engine, container) = (&self.scope.engine, &self.container);
        self.is_ours = true;
        match &mut self.kind {
            Kind::Exec { id, tty } => {
                let mut body = json!({ "Detach": false, "Tty": tty });
                if let (Some((rows, columns)), Value::Object(fields), true) = (size, &mut body, *tty) {
                    // Engines before API 1.42 do not know it, and are told again as soon as it runs.
                    fields.insert("ConsoleSize".to_owned(), json!([rows, columns]));
                }
                engine.upgrade(&format!("/exec/{id}/start"), "tcp", HeaderMap::new(), Some(body.to_string())).await
            }
            Kind::Container { stdin, answer, .. } => {
                let keys = DETACH_KEYS.replace(',', "%2C").replace('@', "%40").replace('^', "%5E");
                let attach =
                    format!("/containers/{container}/attach?stream=1&stdout=1&stderr=1&stdin={}&detachKeys={keys}", u8::from(*stdin));
                let stream = engine.upgrade(&attach, "tcp", HeaderMap::new(), None).await?;
                // Asked before it starts: a container that removes itself cannot be asked afterwards.
                let wait = Request::builder().method(Method::POST).uri(format!("/containers/{container}/wait?condition=next-exit"));
                let wait = wait.body(String::new()).map_err(|_| unaskable())?;
                *answer.get_mut() = Some(engine.raw(wait).await?.into_body());
                engine.ask(|docker| async move { docker.start_container(container, None::<StartContainerOptions>).await }).await?;
                Ok(stream)
            }
        }
    }

    pub(super) async fn resize(&self, (rows, columns): (u16, u16)) -> Result<(), Failure> {
        let (h, w) = (i32::from(rows), i32::from(columns));
        match &self.kind {
            Kind::Exec { id, .. } => {
                self.scope.engine.ask(|docker| async move { docker.resize_exec(id, ResizeExecOptions { h, w }).await }).await
            }
            Kind::Container { .. } => {
                let resized = |docker: bollard::Docker| async move {
                    docker.resize_container_tty(&self.container, ResizeContainerTTYOptions { h, w }).await
                };
                self.scope.engine.ask(resized).await
            }
        }
    }

    pub(super) async fn signal(&self, number: i32) -> Result<Signalled, Failure> {
        self.handle().signal(number).await
    }

    fn handle(&self) -> Handle {
        let exec = match &self.kind {
            Kind::Exec { id, .. } => Some(id.clone()),
            Kind::Container { .. } => None,
        };
        Handle { scope: Arc::clone(&self.scope), container: self.container.clone(), exec }
    }

    /// Whoever waited for it knows how it ended, or does not want to know.
    pub(super) fn let_go(&mut self) {
        self.is_ours = false;
    }

    /// Its exit code, once its streams have ended. An engine that died answers nothing, or does not know it any more.
    pub(super) async fn ended(&self) -> Result<i32, Failure> {
        match &self.kind {
            Kind::Exec { id, .. } => exec_ended(&self.scope.engine, id).await,
            Kind::Container { answer, .. } => {
                let told = async {
                    match container_told(&mut *answer.lock().await).await {
                        Some(code) => code,
                        None => std::future::pending().await,
                    }
                };
                // Some engines do not tell when it was over at once, and one that removes itself cannot be looked at.
                tokio::select! {
                    biased;
                    code = told => Ok(code),
                    looked = container_ended(&self.scope.engine, &self.container) => looked,
                }
            }
        }
    }
}

impl Handle {
    async fn signal(&self, number: i32) -> Result<Signalled, Failure> {
        let (engine, container) = (&self.scope.engine, &self.container);
        let Some(exec) = &self.exec else {
            let options = KillContainerOptions { signal: number.to_string() };
            return match engine.ask(|docker| async move { docker.kill_container(container, Some(options)).await }).await {
                // It ended meanwhile.
                Ok(()) | Err(Failure::Answered { status: 404 | 409, .. }) => Ok(Signalled::Sent),
                Err(failure) => Err(failure),
            };
        };
        if !engine.wire()?.is_local() {
            return Ok(Signalled::Impossible);
        }
        let mut pid = 0;
        for _ in 0..BEGINNINGS {
            let answer = engine.ask(|docker| async move { docker.inspect_exec(exec).await }).await?;
            if answer.running == Some(false) && answer.exit_code.is_some() {
                return Ok(Signalled::Sent);
            }
            pid = answer.pid.unwrap_or(0);
            if pid > 0 {
                break;
            }
            // It runs, and may have printed something, before the engine knows its number.
            tokio::time::sleep(BEGINNING).await;
        }
        let sent = local::signal(pid, container, number);
        Ok(if sent { Signalled::Sent } else { Signalled::Impossible })
    }

    /// Ends it: politely, then for good.
    async fn end(&self) -> Result<(), Failure> {
        self.signal(TERMINATE).await?;
        tokio::time::sleep(POLITENESS).await;
        // The signal of one that ended already goes nowhere.
        self.signal(KILL).await.map(drop)
    }
}

impl Drop for Program {
    /// A run that is over does not leave behind what it started in the foreground.
    fn drop(&mut self) {
        if self.is_ours {
            let handle = self.handle();
            self.finishing.later(async move {
                // An engine that is gone cannot be asked to end anything.
                let _ = handle.end().await;
            });
        }
    }
}

fn exec_config(process: Process, stdin: bool, tty: bool) -> bollard::models::ExecConfig {
    let Process { args, environment, working_dir, user, privileged, .. } = process;
    let given = |text: String| (!text.is_empty()).then_some(text);
    bollard::models::ExecConfig {
        attach_stdin: Some(stdin),
        attach_stdout: Some(true),
        attach_stderr: Some(true),
        detach_keys: Some(DETACH_KEYS.to_owned()),
        tty: Some(tty),
        env: Some(environment.into_iter().map(|pair| format!("{}={}", pair.name, pair.value)).collect()),
        cmd: Some(args),
        privileged: Some(privileged),
        user: given(user),
        working_dir: given(working_dir),
        ..Default::default()
    }
}

async fn exec_ended(engine: &Engine, id: &str) -> Result<i32, Failure> {
    let (mut unanswered, mut pause) = (0, PAUSE_FIRST);
    loop {
        match engine.ask(|docker| async move { docker.inspect_exec(id).await }).await {
            Ok(answer) => match answer.exit_code.filter(|_| answer.running != Some(true)) {
                Some(code) => return Ok(i32::try_from(code).unwrap_or(-1)),
                // It closed its streams and goes on.
                None => unanswered = 0,
            },
            Err(failure) => unanswered = lost_after(unanswered, failure)?,
        }
        tokio::time::sleep(pause).await;
        pause = (pause * 2).min(PAUSE_LONGEST);
    }
}

/// What the engine answers to who waits for a container; none when it answers nothing that can be read.
async fn container_told(body: &mut Option<Incoming>) -> Option<i32> {
    let answer = json_of(body.as_mut()?, ANSWER_BOUND).await?;
    code_of(answer.get("StatusCode"))
}

/// Looks until the container has ended. Not by the crate beneath, which knows fewer states than Podman.
async fn container_ended(engine: &Engine, id: &str) -> Result<i32, Failure> {
    let mut unanswered = 0;
    loop {
        // Who waits is told first.
        tokio::time::sleep(LOOK).await;
        match tokio::time::timeout(LOOK_TIME, look_at(engine, id)).await {
            Ok(Ok(Some(code))) => return Ok(code),
            Ok(Ok(None)) => unanswered = 0,
            Ok(Err(failure)) => unanswered = lost_after(unanswered, failure)?,
            Err(_) => unanswered = lost_after(unanswered, Failure::Lost("it does not answer".to_owned()))?,
        }
    }
}

/// The exit code of a container that has ended.
async fn look_at(engine: &Engine, id: &str) -> Result<Option<i32>, Failure> {
    let request = Request::builder().uri(format!("/containers/{id}/json")).body(String::new()).map_err(|_| unaskable())?;
    let mut body = engine.raw(request).await?.into_body();
    let answer = json_of(&mut body, ANSWER_BOUND).await.ok_or_else(unaskable)?;
    let state = answer.get("State");
    let status = state.and_then(|state| state.get("Status")?.as_str()).unwrap_or_default();
    let over = ["exited", "stopped", "dead"].contains(&status);
    Ok(state.filter(|_| over).and_then(|state| code_of(state.get("ExitCode"))))
}

fn code_of(value: Option<&Value>) -> Option<i32> {
    value.and_then(Value::as_i64).and_then(|code| i32::try_from(code).ok())
}

/// Counts questions that went unanswered, up to the one after which the engine counts as lost.
fn lost_after(unanswered: u32, failure: Failure) -> Result<u32, Failure> {
    match failure {
        Failure::Answered { status: 404, .. } if unanswered >= ATTEMPTS => {
            Err(Failure::Lost("the engine was restarted, or the container removed, while the program ran".to_owned()))
        }
        Failure::Lost(why) if unanswered >= ATTEMPTS => Err(Failure::Lost(format!("the engine was lost while the program ran: {why}"))),
        failure if unanswered >= ATTEMPTS => Err(failure),
        _ => Ok(unanswered + 1),
    }
}

/// The exit code of a program that could not be started, as shells and `docker` have it, by the engine's words.
pub(super) fn code_of_refusal(failure: &Failure) -> Option<(i32, &str)> {
    let Failure::Answered { message, .. } = failure else { return None };
    let holds = |words: &[&str]| words.iter().any(|word| message.contains(word));
    if holds(&["executable file not found", "no such file or directory", "system cannot find the file"]) {
        return Some((127, message));
    }
    holds(&["permission denied", "is a directory", "exec format error"]).then_some((126, message.as_str()))
}
