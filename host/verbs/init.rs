//! `host init`: makes a folder a project, with everything that is granted written down where one can see it.

use std::fs;
use std::path::{Component, Path, PathBuf};

use clap::Args;
use serde_json::json;

use crate::cli::Common;
use crate::grants::{Ask, Grants, Manifest, Setting, Wants, settings};
use crate::outcome::{Ending, Failure, Result};
use crate::project::{Config, Project, files};
use crate::terminal;

const EXAMPLES: &str = "\
Examples:
  host init                     make this folder a project
  host init shop --demo         make a folder, with a first migration to try
  host init --force             write host.toml anew, whatever it says now";

/// The standard commands and their manifests: what they ask for is granted from the start.
const STANDARD: [(&str, &str); 16] = [
    ("migrate", include_str!("../../commands-wasm/migrate/command.toml")),
    ("showmigrations", include_str!("../../commands-wasm/showmigrations/command.toml")),
    ("lockedmigrate", include_str!("../../commands-wasm/lockedmigrate/command.toml")),
    ("wait4db", include_str!("../../commands-wasm/wait4db/command.toml")),
    ("init_db", include_str!("../../commands-wasm/init_db/command.toml")),
    ("flush_cache", include_str!("../../commands-wasm/flush_cache/command.toml")),
    ("connections", include_str!("../../commands-wasm/connections/command.toml")),
    ("up", include_str!("../../commands-wasm/up/command.toml")),
    ("down", include_str!("../../commands-wasm/down/command.toml")),
    ("build", include_str!("../../commands-wasm/build/command.toml")),
    ("check_services", include_str!("../../commands-wasm/check_services/command.toml")),
    ("manage", include_str!("../../commands-wasm/manage/command.toml")),
    ("check_code_quality", include_str!("../../commands-wasm/check_code_quality/command.toml")),
    ("generate_env", include_str!("../../commands-wasm/generate_env/command.toml")),
    ("start_reverse_proxy", include_str!("../../commands-wasm/start_reverse_proxy/command.toml")),
    ("stop_reverse_proxy", include_str!("../../commands-wasm/stop_reverse_proxy/command.toml")),
];

/// What does not belong into version control.
const IGNORED: [&str; 4] = [".env", ".env.new", ".host/", "/var/"];

/// In the order in which `up` looks for them.
const COMPOSE_FILES: [&str; 4] = ["compose.yaml", "compose.yml", "docker-compose.yml", "docker-compose.yaml"];
const COMPOSE_BYTES_BOUND: u64 = 4 << 20;

const FOLDERS: [&str; 3] = ["commands", "migrations", "var"];

const DEMO_PATH: &str = "migrations/20260101000000_create_notes.sql";
const DEMO_MIGRATION: &str = "\
-- One file a change, applied once and in order by `host run migrate`.
CREATE TABLE notes (
    id INTEGER PRIMARY KEY,
    title TEXT NOT NULL,
    body TEXT NOT NULL DEFAULT ''
);
";

/// Make a project: host.toml, folders
#[derive(Debug, Args)]
#[command(before_help = EXAMPLES)]
pub struct Init {
    /// The project's folder; made when it is not there
    #[arg(default_value = ".", value_name = "DIR")]
    folder: PathBuf,
    /// Overwrite host.toml when there is one
    #[arg(long)]
    force: bool,
    /// Add a first migration to try
    #[arg(long)]
    demo: bool,
}

pub fn run(verb: &Init, common: &Common) -> Result<u8> {
    // `./host.toml` is what people call `host.toml`.
    let folder = &verb.folder.components().filter(|part| *part != Component::CurDir).collect::<PathBuf>();
    let host_toml = folder.join("host.toml");
    if fs::symlink_metadata(&host_toml).is_ok() && !verb.force {
        return Err(Failure::usage(format!("`{}` is there already", host_toml.display()))
            .hint("`host grant NAME` adds what a command needs; `host init --force` writes host.toml anew"));
    }
    let mut wrote = Vec::new();
    for name in FOLDERS {
        let path = folder.join(name);
        if !path.is_dir() {
            fs::create_dir_all(&path).map_err(|error| unwritable(&path, &error))?;
            wrote.push(format!("{name}/"));
        }
    }
    let name = compose_name(folder)?.unwrap_or_else(|| project_name(folder));
    files::replace(&host_toml, &host_toml_text(&name)?)?;
    wrote.push("host.toml".to_owned());
    if ignore(&folder.join(".gitignore"))? {
        wrote.push(".gitignore".to_owned());
    }
    let demo = folder.join(DEMO_PATH);
    if verb.demo && !demo.exists() {
        files::replace(&demo, DEMO_MIGRATION)?;
        wrote.push(DEMO_PATH.to_owned());
    }
    if common.json {
        terminal::json(&json!({"v": 1, "folder": folder.display().to_string(), "wrote": wrote}));
    } else {
        report(folder, &wrote);
    }
    Ok(Ending::Ok.code())
}

/// For the verbs that need a project.
pub(super) fn no_project(project: &Project) -> Failure {
    Failure::usage(format!("there is no host.toml in `{}` or above", project.root().display())).hint("host init")
}

fn report(folder: &Path, wrote: &[String]) {
    for name in wrote {
        terminal::line(&format!("wrote {}", folder.join(name).display()));
    }
    terminal::talk("\nnext:");
    if folder != Path::new("") {
        terminal::talk(&format!("  cd {}", folder.display()));
    }
    terminal::talk("  host list                 the commands there are");
    terminal::talk("  host run migrate --plan   what would be applied");
    terminal::talk("  host run migrate          apply it");
}

fn host_toml_text(name: &str) -> Result<String> {
    let mut text = format!(
        "\
# What `host` grants to the commands of this project. What is not written here is denied.
# `host inspect NAME` shows what a command asks for and why, `host grant NAME` adds it here,
# `host config` shows each value and where it comes from.

[project]
# PROJECT_NAME in the environment or in .env wins.
name = {}
commands = [\"commands\"]

# Commands name a database; its address is known to the host alone. `${{X:-y}}` is X from the
# environment or from .env, else y. A relative SQLite file lies in this folder.
[sql.default]
url = \"${{DATABASE_URL:-sqlite://var/app.db}}\"

[redis.default]
url = \"${{REDIS_URL:-redis://127.0.0.1:6379/0}}\"

# How the application's websocket workers listen: Django Channels' layer on Redis, its prefix, and
# its mode (core, pubsub, or auto: whichever is found).
[broadcast]
redis = \"default\"
prefix = \"asgi\"
mode = \"auto\"

# Where the Docker engine is: a socket, or tcp:// with a folder of certificates.
[docker]
endpoint = \"${{DOCKER_HOST:-unix:///var/run/docker.sock}}\"
",
        toml_edit::value(name)
    );
    for (command, manifest) in STANDARD {
        let manifest = Manifest::parse(manifest.as_bytes(), &format!("{command}/command.toml"))?;
        text.push_str(&section(command, &manifest));
    }
    // Whatever the manifests hold, a host.toml that cannot be read is never written.
    Config::parse(text.as_bytes())?;
    Ok(text)
}

/// The section of one command, each line with the reasons for it. Optional asks are left to `host grant`,
/// but for those that say otherwise.
fn section(command: &str, manifest: &Manifest) -> String {
    let asks: Vec<_> = manifest.asks.iter().filter(|ask| !ask.optional || ask.init).collect();
    let mut text = format!("\n# {}\n[commands.{command}]\n", manifest.about);
    for setting in settings(asks.iter().map(|ask| &ask.wants), &Grants::default()) {
        for ask in asks.iter().filter(|ask| is_for(&setting, ask)) {
            text.push_str(&format!("# {}\n", ask.why));
        }
        text.push_str(&format!("{setting}\n"));
    }
    text
}

fn is_for(setting: &Setting, ask: &Ask) -> bool {
    let keys: Vec<_> = setting.keys.iter().map(String::as_str).collect();
    match &ask.wants {
        Wants::Sql { database, .. } => keys == ["sql", database],
        Wants::Redis { name, .. } => keys == ["redis", name, "allow"],
        Wants::Broadcast { .. } => keys == ["broadcast", "allow"],
        Wants::Docker(_) => keys == ["docker", "allow"],
        Wants::Files(file) => keys == ["files", &file.pattern],
        Wants::Env(_) => keys == ["env"],
    }
}

/// The folder's name, as far as it can be a project's.
fn project_name(folder: &Path) -> String {
    let absolute = fs::canonicalize(Path::new(".").join(folder)).unwrap_or_else(|_| folder.to_owned());
    let name = absolute.file_name().map(|name| name.to_string_lossy().to_lowercase()).unwrap_or_default();
    let name: String = name.chars().map(|c| if c.is_ascii_alphanumeric() || matches!(c, '-' | '_') { c } else { '-' }).collect();
    let name = name.trim_matches(['-', '_']);
    if name.is_empty() { "project".to_owned() } else { name.to_owned() }
}

/// What the compose file that is there calls the project: its stack would have another name otherwise.
fn compose_name(folder: &Path) -> Result<Option<String>> {
    for file in COMPOSE_FILES {
        let Some(bytes) = files::read_bounded(&folder.join(file), COMPOSE_BYTES_BOUND)? else { continue };
        let text = String::from_utf8_lossy(&bytes);
        let said = text.lines().find_map(|line| line.strip_prefix("name:"));
        let said = said.map(|said| said.split(" #").next().unwrap_or_default().trim().trim_matches(['"', '\'']).to_lowercase());
        // A name of variables, or in another form than a project's, is left to whoever reads the file as a whole.
        let plain = |name: &String| name.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_'));
        return Ok(said.filter(|name| plain(name) && name.starts_with(|first: char| first.is_ascii_alphanumeric())));
    }
    Ok(None)
}

/// Adds what is missing to `.gitignore`; false when nothing was.
fn ignore(path: &Path) -> Result<bool> {
    let before = match fs::read_to_string(path) {
        Ok(text) => text,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => String::new(),
        Err(error) => return Err(unwritable(path, &error)),
    };
    let plain = |line: &str| line.trim().trim_matches('/').to_owned();
    let missing: Vec<_> = IGNORED.into_iter().filter(|wanted| !before.lines().any(|line| plain(line) == plain(wanted))).collect();
    if missing.is_empty() {
        return Ok(false);
    }
    let separator = if before.is_empty() || before.ends_with('\n') { "" } else { "\n" };
    files::replace(path, &format!("{before}{separator}{}\n", missing.join("\n")))?;
    Ok(true)
}

fn unwritable(path: &Path, error: &std::io::Error) -> Failure {
    Failure::failed(format!("`{}` cannot be written: {error}", path.display()))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;
    use crate::grants::{Powers, permit};

    fn init(folder: &Path, force: bool) -> Result<u8> {
        run(&Init { folder: folder.to_owned(), force, demo: true }, &Common { json: true, ..Common::default() })
    }

    #[test]
    fn a_compose_file_that_is_there_names_the_project() {
        for (text, expected) in [
            ("services: {}\nname: \"Web-Shop\" # ours\n", "web-shop"),
            ("services:\n  web:\n    name: inner\n", "my-shop"),
            ("name: ${NAME:-x}\n", "my-shop"),
            ("name:\n", "my-shop"),
        ] {
            let folder = tempfile::tempdir().unwrap();
            let shop = folder.path().join("My Shop");
            fs::create_dir(&shop).unwrap();
            fs::write(shop.join("docker-compose.yml"), text).unwrap();
            init(&shop, false).unwrap();
            assert_eq!(Project::find_with(&shop, None, None, BTreeMap::new()).unwrap().name(), expected, "{text}");
        }
    }

    #[test]
    fn a_new_project_grants_the_standard_commands_all_they_need() {
        let folder = tempfile::tempdir().unwrap();
        let shop = folder.path().join("My Shop");
        init(&shop, false).unwrap();
        let project = Project::find_with(&shop, None, None, BTreeMap::new()).unwrap();
        assert_eq!(project.name(), "my-shop");
        assert_eq!(project.database("default").unwrap().as_deref(), Some("sqlite://var/app.db"));
        for (command, manifest) in STANDARD {
            let manifest = Manifest::parse(manifest.as_bytes(), command).unwrap();
            let mut imports = Powers::default();
            for ask in &manifest.asks {
                match &ask.wants {
                    Wants::Sql { powers, .. } => imports.sql.extend(powers),
                    Wants::Redis { powers, .. } => imports.redis.extend(powers),
                    Wants::Broadcast { powers, .. } => imports.broadcast.extend(powers),
                    Wants::Docker(docker) => imports.docker.extend(&docker.powers),
                    Wants::Files(_) | Wants::Env(_) => {}
                }
            }
            let permitted = permit(&imports, Some(&manifest), &project.powers_for(command));
            assert!(permitted.missing.is_empty() && permitted.unused.is_empty(), "{command}: {permitted:?}");
        }
    }

    #[test]
    fn of_what_is_optional_only_what_says_so_is_granted() {
        let asks = r#"about = "x"
            [[asks]]
            env = "A"
            why = "needs it"
            [[asks]]
            env = "B"
            optional = true
            why = "can do without"
            [[asks]]
            files = ".env"
            access = "write"
            optional = true
            init = true
            why = "can do without, and should not have to""#;
        let manifest = Manifest::parse(asks.as_bytes(), "command.toml").unwrap();
        let text = section("x", &manifest);
        assert!(text.ends_with("# needs it\nenv = [\"A\"]\n"), "{text}");
        assert!(text.contains("# can do without, and should not have to\nfiles.\".env\" = \"write\"\n"), "{text}");
        assert!(!text.contains("\"B\""), "{text}");
    }

    #[test]
    fn what_is_there_is_kept_without_force() {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("host.toml"), "mine").unwrap();
        fs::write(folder.path().join(".gitignore"), "/target\n.host\n.env").unwrap();
        assert!(init(folder.path(), false).unwrap_err().message.ends_with("is there already"));
        assert_eq!(fs::read_to_string(folder.path().join("host.toml")).unwrap(), "mine");
        init(folder.path(), true).unwrap();
        assert!(fs::read_to_string(folder.path().join("host.toml")).unwrap().contains("[commands.migrate]"));
        assert_eq!(fs::read_to_string(folder.path().join(".gitignore")).unwrap(), "/target\n.host\n.env\n.env.new\n/var/\n");
        fs::write(folder.path().join(DEMO_PATH), "edited").unwrap();
        init(folder.path(), true).unwrap();
        assert_eq!(fs::read_to_string(folder.path().join(DEMO_PATH)).unwrap(), "edited");
    }

    #[test]
    fn a_folders_name_becomes_a_projects_name() {
        for (folder, expected) in [("shop", "shop"), ("My Shop!", "my-shop"), ("é", "project"), ("/", "project")] {
            assert_eq!(project_name(Path::new(folder)), expected, "{folder}");
        }
    }
}
