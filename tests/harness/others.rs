//! The programs whose state the host shares: sqlx-cli, and Django with django-kubernetes.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use super::Database;

/// Runs the real `sqlx migrate VERB` over a folder of migrations; answers what it printed.
#[track_caller]
pub(crate) fn sqlx(words: &str, source: &Path, url: &str) -> String {
    let output = Command::new(cache().join("sqlx/bin/sqlx"))
        .arg("migrate")
        .args(words.split_whitespace())
        .arg("--source")
        .arg(source)
        .args(["--database-url", url])
        .env_clear()
        .output()
        .expect("sqlx-cli is installed by `make test`");
    told("sqlx", &output)
}

/// A Django project with django-kubernetes on a Postgres database.
pub(crate) struct Django {
    folder: PathBuf,
}

const SETTINGS: &str = "\
SECRET_KEY = 'tests'
INSTALLED_APPS = ['django.contrib.contenttypes', 'django.contrib.auth', 'djk8s']
USE_TZ = True
";

impl Django {
    pub(crate) fn new(folder: PathBuf, database: &Database) -> Self {
        let settings = format!(
            "{SETTINGS}DATABASES = {{'default': {{'ENGINE': 'django.db.backends.postgresql', 'NAME': '{}', 'USER': 'postgres', 'HOST': '{}'}}}}\n",
            database.name(),
            database.socket().display()
        );
        fs::create_dir_all(&folder).expect("a folder");
        fs::write(folder.join("settings.py"), settings).expect("a file");
        Self { folder }
    }

    /// `django-admin` with these words, not started yet.
    pub(crate) fn command(&self, words: &str) -> Command {
        let mut command = Command::new(cache().join("venv/bin/python"));
        command.args(["-m", "django"]).args(words.split_whitespace());
        command.env_clear().env("PYTHONPATH", &self.folder).env("DJANGO_SETTINGS_MODULE", "settings").env("PYTHONDONTWRITEBYTECODE", "1");
        command
    }

    #[track_caller]
    pub(crate) fn manage(&self, words: &str) -> String {
        told("django", &self.command(words).output().expect("Django is installed by `make test`"))
    }
}

/// Runs a script with the Python programs of tools/python-requirements.txt; answers what it printed.
#[track_caller]
pub(crate) fn python(script: &str, arguments: &[&str]) -> String {
    let mut command = python_command();
    told("python", &command.args(["-c", script]).args(arguments).output().expect("Python is installed by `make test`"))
}

/// That Python, in an environment of its own.
pub(crate) fn python_command() -> Command {
    let mut command = Command::new(cache().join("venv/bin/python"));
    command.env_clear().env("PYTHONDONTWRITEBYTECODE", "1").env("PATH", "/usr/bin:/bin");
    command
}

#[track_caller]
fn told(program: &str, output: &Output) -> String {
    let text = format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "{program} failed: {text}");
    text
}

/// Where `tools/setup.sh test` puts them.
/// Where `make test` puts what the tests run.
pub(super) fn cache() -> PathBuf {
    std::env::var_os("HOST_TESTS_CACHE")
        .map_or_else(|| Path::new(&std::env::var("HOME").expect("HOME")).join(".cache/host-tests"), PathBuf::from)
}
