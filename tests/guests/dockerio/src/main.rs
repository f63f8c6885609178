//! Runs programs in containers, attached and captured, and builds images: every function of the two powers, each field
//! an option. The exit code of an attached program is this command's own.

use host_sdk::docker::build::{Secret, Spec};
use host_sdk::docker::create::Limit;
use host_sdk::docker::exec::{self, Bounds, Captured, Process};
use host_sdk::docker::{Pair, build, pair};
use host_sdk::{Host, Result, clap, out};

#[derive(clap::Args)]
struct Args {
    #[command(subcommand)]
    action: Action,
}

#[derive(clap::Subcommand)]
enum Action {
    /// Run a program joined to our streams
    Attach {
        #[command(flatten)]
        program: Program,
        #[arg(short)]
        tty: bool,
        #[arg(short = 'i')]
        stdin: bool,
    },
    /// Run a program and print what was captured
    Capture {
        #[command(flatten)]
        program: Program,
        #[command(flatten)]
        given: Given,
    },
    /// Start a created container joined to our streams
    AttachStart { container: String },
    /// Start a created container and print what was captured
    CaptureStart {
        container: String,
        #[command(flatten)]
        given: Given,
    },
    /// Build an image, and print its events and its id
    Build(Box<Image>),
}

#[derive(clap::Args)]
struct Program {
    #[arg(long, default_value = "")]
    user: String,
    #[arg(long, default_value = "")]
    working_dir: String,
    #[arg(long, value_parser = named)]
    env: Vec<Pair>,
    #[arg(long)]
    privileged: bool,
    container: String,
    #[arg(last = true)]
    args: Vec<String>,
}

#[derive(clap::Args)]
struct Given {
    #[arg(long, default_value = "")]
    input: String,
    #[arg(long, default_value_t = 1 << 20)]
    output: u32,
    #[arg(long, default_value_t = 0)]
    time_ms: u32,
}

#[derive(clap::Args)]
struct Image {
    #[arg(long, default_value = "web")]
    service: String,
    #[arg(long, default_value = ".")]
    context: String,
    #[arg(long, default_value = "")]
    dockerfile: String,
    #[arg(long, default_value = "")]
    inline: String,
    #[arg(long, value_parser = named)]
    arg: Vec<Pair>,
    #[arg(long, default_value = "")]
    target: String,
    #[arg(long)]
    tag: Vec<String>,
    #[arg(long, value_parser = named)]
    label: Vec<Pair>,
    #[arg(long)]
    cache_from: Vec<String>,
    #[arg(long, default_value = "")]
    network: String,
    #[arg(long)]
    extra_host: Vec<String>,
    #[arg(long, default_value = "")]
    platform: String,
    #[arg(long, default_value_t = 0)]
    shm_size: i64,
    #[arg(long, value_parser = named)]
    ulimit: Vec<Pair>,
    #[arg(long, value_parser = named)]
    secret: Vec<Pair>,
    #[arg(long)]
    no_cache: bool,
    #[arg(long)]
    pull: bool,
    /// Drop the job when this was said
    #[arg(long)]
    cancel_at: Option<String>,
    /// Look at nothing until it is over
    #[arg(long)]
    blind: bool,
}

host_sdk::command!(dockerio);

fn dockerio(args: Args, _host: &Host) -> Result<u8> {
    match args.action {
        Action::Attach { program, tty, stdin } => {
            let container = program.container.clone();
            exec::attach(&container, &Process { tty, stdin, ..program.process() }).map(code)
        }
        Action::Capture { program, given } => {
            let container = program.container.clone();
            exec::capture(&container, &program.process(), given.input.as_bytes(), given.bounds()).map(|captured| told(&captured))
        }
        Action::AttachStart { container } => exec::attach_start(&container).map(code),
        Action::CaptureStart { container, given } => {
            exec::capture_start(&container, given.input.as_bytes(), given.bounds()).map(|captured| told(&captured))
        }
        Action::Build(image) => built(*image),
    }
}

fn code(code: i32) -> u8 {
    u8::try_from(code).unwrap_or(u8::MAX)
}

fn told(captured: &Captured) -> u8 {
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).escape_debug().to_string();
    out!("code {} truncated {}", captured.exit_code, captured.truncated);
    out!("stdout {} {}", captured.stdout.len(), text(captured.stdout.get(..200).unwrap_or(&captured.stdout)));
    out!("stderr {} {}", captured.stderr.len(), text(captured.stderr.get(..200).unwrap_or(&captured.stderr)));
    0
}

fn built(image: Image) -> Result<u8> {
    let (cancel_at, blind) = (image.cancel_at.clone(), image.blind);
    let job = build::build(&image.spec())?;
    if blind {
        while job.outcome().is_none() {
            std::thread::sleep(std::time::Duration::from_millis(20));
        }
    }
    loop {
        let outcome = job.outcome();
        for event in job.events() {
            out!("[{}] {}{}", event.id, event.text, if event.current > 0 { format!(" {}", event.current) } else { String::new() });
            if cancel_at.as_ref().is_some_and(|text| event.text.contains(text)) {
                return Ok(0);
            }
        }
        if let Some(outcome) = outcome {
            out!("image {}", outcome?);
            return Ok(0);
        }
        host_sdk::docker::wait_any(&[&job], std::time::Duration::from_secs(5))?;
    }
}

impl Program {
    fn process(self) -> Process {
        let Self { user, working_dir, env, privileged, container: _, args } = self;
        Process { user, working_dir, environment: env, privileged, ..Process::of(args) }
    }
}

impl Given {
    fn bounds(&self) -> Bounds {
        Bounds { output: self.output, time_ms: self.time_ms }
    }
}

impl Image {
    fn spec(self) -> Spec {
        let limit = |limit: Pair| {
            let (soft, hard) = limit.value.split_once(':').unwrap_or((&limit.value, &limit.value));
            Limit { name: limit.name.clone(), soft: soft.parse().unwrap_or(0), hard: hard.parse().unwrap_or(0) }
        };
        Spec {
            service: self.service,
            context: self.context,
            dockerfile: self.dockerfile,
            dockerfile_inline: self.inline.replace("\\n", "\n"),
            args: self.arg,
            target: self.target,
            tags: self.tag,
            labels: self.label,
            cache_from: self.cache_from,
            network: self.network,
            extra_hosts: self.extra_host,
            platform: self.platform,
            shm_size: self.shm_size,
            ulimits: self.ulimit.into_iter().map(limit).collect(),
            secrets: self.secret.into_iter().map(|secret| Secret { id: secret.name, content: secret.value.into_bytes() }).collect(),
            no_cache: self.no_cache,
            pull: self.pull,
        }
    }
}

fn named(text: &str) -> std::result::Result<Pair, String> {
    let (name, value) = text.split_once('=').ok_or("NAME=VALUE is expected")?;
    Ok(pair(name, value))
}
