//! Images from build contexts: what may be read and sent ([`context`], [`ignore`]), what instructions take from elsewhere
//! ([`references`], which reads them with [`lines`], [`heredoc`], [`words`], [`variables`] and [`remote`]) and whether that
//! may be ([`check`]), what registries are shown for that ([`logins`]), what the engine is asked ([`request`]) and asks back
//! ([`session`]), and what it says ([`progress`]).
//!
//! The engine says which of its builders it wants to be used. The context goes to both in the same way, as a tar that is
//! written while it is read. Dropping the work closes the connection, which cancels the build.

mod check;
mod context;
mod heredoc;
mod ignore;
mod lines;
mod logins;
mod progress;
mod references;
mod remote;
mod request;
mod send;
mod session;
mod variables;
mod words;

use std::sync::Arc;
use std::time::Duration;

use hyper::body::{Bytes, Incoming};
use hyper::header::CONTENT_TYPE;
use hyper::{Method, Request};

use self::context::{Context, Instructions, Unreadable};
use self::progress::Progress;
use self::request::Builder;
use super::client::raw::{Piped, next_piece, unaskable};
use super::client::{Engine, Failure};
use super::error::invalid;
use super::jobs::Reporter;
use super::logins::header_of_build;
use super::policy::labels;
use super::policy::lack::Lack;
use super::scope::Scope;
use super::types::{Error, Event, Pair};
use super::wit::build::Spec;

/// The header of the logins for the classic builder.
const LOGINS: &str = "x-registry-config";
/// The first engine whose BuildKit sets limits of steps.
const LIMITS_API: (u32, u32) = (1, 42);
/// How long a guest that is behind with reading may hold up what a build says, before the rest is left out.
const PATIENCE: Duration = Duration::from_secs(2);

/// What builds lack, each with its service.
pub(super) async fn lacks(scope: &Scope, specs: &[Spec]) -> Result<Vec<(String, Lack)>, Error> {
    let builder = builder(&scope.engine).await?;
    let mut found = Vec::new();
    for spec in specs {
        let lacks = check::lacks(scope, spec, builder).await?;
        found.extend(lacks.into_iter().map(|lack| (spec.service.clone(), lack)));
    }
    Ok(found)
}

/// Builds an image; the answer is its id.
pub(super) async fn build(scope: Arc<Scope>, spec: Spec, reporter: Reporter) -> Result<String, Error> {
    let engine = &scope.engine;
    let builder = builder(engine).await?;
    if builder == Builder::Classic && !spec.secrets.is_empty() {
        return Err(invalid("secrets of a build need BuildKit, and this engine builds without it"));
    }
    if builder == Builder::BuildKit && (spec.shm_size > 0 || !spec.ulimits.is_empty()) && !engine.version().await?.is_at_least(LIMITS_API) {
        let text = "warning: `shm-size` and `ulimits` are not obeyed by the BuildKit of this engine, which is too old".to_owned();
        reporter.say(Event { id: String::new(), text, current: 0, total: 0 });
    }
    let context = open_context(&scope, &spec).await?;
    let logins = check::check(&scope, &spec, &context, builder, &reporter).await?;
    if builder == Builder::BuildKit {
        for name in logins.untold() {
            let text = format!("warning: BuildKit takes no registry token, and `{name}` is asked without a login");
            reporter.say(Event { id: String::new(), text, current: 0, total: 0 });
        }
    }
    let id = uuid::Uuid::now_v7().simple().to_string();
    let secrets = spec.secrets.iter().map(|secret| session::Secret { id: secret.id.clone(), content: secret.content.clone().into() });
    let (session, header) = match builder {
        Builder::Classic => (None, Some(header_of_build(&logins.given))),
        Builder::BuildKit => {
            let told = session::Told { secrets: secrets.collect(), logins: logins.given.clone() };
            (Some(session::open(engine, &id, told).await?), None)
        }
    };
    let header = header.filter(|_| !logins.given.is_empty());
    let answers = async {
        if let Some(session) = session {
            session.await;
        }
        // The engine may close it before the build is over.
        std::future::pending().await
    };
    let labels = labels_of(&scope, &spec);
    let own = request::Own { project: scope.project(), dockerfile: &context.dockerfile, labels: &labels, id: &id };
    let path = request::path(&spec, builder, &own);
    let built = engine.patiently(async {
        tokio::select! {
            biased;
            image = run(engine, path, header, context, &reporter) => image,
            () = answers => Err(unaskable()),
        }
    });
    Ok(built.await.map_err(|failure| logins.explain(failure))?)
}

/// The engine's own choice; those that do not say have the classic one.
async fn builder(engine: &Engine) -> Result<Builder, Failure> {
    let request = Request::builder().method(Method::GET).uri("/_ping").body(String::new()).map_err(|_| unaskable())?;
    let response = engine.raw(request).await?;
    let says = response.headers().get("builder-version").is_some_and(|version| version == "2");
    Ok(if says { Builder::BuildKit } else { Builder::Classic })
}

async fn open_context(scope: &Scope, spec: &Spec) -> Result<Context, Error> {
    context(scope, spec).await.map_err(|unreadable| match unreadable {
        Unreadable::Outside(_) => Error::AccessDenied(format!("the build's context: {unreadable}")),
        Unreadable::NotGranted(path) => Error::AccessDenied(scope.permit.denial(&[context_lack(&path)])),
        Unreadable::Invalid(text) => invalid(text),
    })
}

fn context_lack(path: &str) -> Lack {
    Lack::item("context", "contexts", ignore::clean(path))
}

async fn context(scope: &Scope, spec: &Spec) -> Result<Context, Unreadable> {
    let (root, granted) = (scope.root.clone(), scope.permit.contexts().to_vec());
    let (folder, file, inline) = (spec.context.clone(), spec.dockerfile.clone(), spec.dockerfile_inline.clone());
    let opened = tokio::task::spawn_blocking(move || {
        let instructions = if inline.is_empty() { Instructions::File(&file) } else { Instructions::Inline(&inline) };
        Context::open(&root, &granted, &folder, instructions)
    });
    opened.await.unwrap_or_else(|_| Err(Unreadable::Invalid("the build's context could not be read".to_owned())))
}

/// Sends the context and reads what the engine says, to its end.
async fn run(engine: &Engine, path: String, logins: Option<String>, context: Context, reporter: &Reporter) -> Result<String, Failure> {
    let (body, sending) = send::send(context, reporter.clone());
    let request = Request::builder().method(Method::POST).uri(path).header(CONTENT_TYPE, "application/x-tar");
    let request = logins.into_iter().fold(request, |request, logins| request.header(LOGINS, logins));
    let request = request.body(Piped(body)).map_err(|_| unaskable())?;
    let listened = async {
        let body = engine.raw(request).await?.into_body();
        listen(engine, body, reporter).await
    };
    let heard = listened.await;
    match sending.await {
        // What could not be read explains what the engine then said of a broken stream.
        Ok(Err(error)) if heard.is_err() && error.kind() != std::io::ErrorKind::BrokenPipe => {
            Err(Failure::Other(format!("the build's context cannot be sent: {}", engine.scrub(&error.to_string()))))
        }
        _ => heard,
    }
}

async fn listen(engine: &Engine, mut body: Incoming, reporter: &Reporter) -> Result<String, Failure> {
    let mut progress = Progress::default();
    let mut patient = true;
    while let Some(piece) = next_piece(&mut body).await {
        let piece: Bytes = piece?;
        let events = progress.read(&piece).map_err(Failure::Other)?;
        tell(engine, events, reporter, &mut patient).await;
    }
    let (events, outcome) = progress.finish();
    tell(engine, events, reporter, &mut patient).await;
    outcome.map_err(|message| Failure::Answered { status: 0, message: engine.scrub(&message) })
}

/// What a failing step printed must arrive, and a guest that does not read must not stop the build for ever.
async fn tell(engine: &Engine, events: Vec<Event>, reporter: &Reporter, patient: &mut bool) {
    for mut event in events {
        event.text = engine.scrub(&event.text);
        if !*patient {
            reporter.say(event);
        } else if tokio::time::timeout(PATIENCE, reporter.say_each(event.clone())).await.is_err() {
            *patient = false;
            reporter.say(event);
        }
    }
}

fn labels_of(scope: &Scope, spec: &Spec) -> Vec<Pair> {
    let own = [(labels::PROJECT, scope.project()), (labels::SERVICE, spec.service.as_str()), (labels::VERSION, env!("CARGO_PKG_VERSION"))];
    let own = own.into_iter().map(|(name, value)| Pair { name: name.to_owned(), value: value.to_owned() });
    spec.labels.iter().cloned().chain(own).collect()
}
