//! Programs that keep logins: `docker-credential-NAME get`, with the registry's name on standard input.
//!
//! Run directly, by its absolute path, with bounds on its time and its output. What it writes reaches nobody but the
//! engine: an error of it may hold the secret.

use std::io::{Read, Write};
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use serde::Deserialize;
use tokio::sync::oneshot;

use super::{Login, WITHOUT};
use crate::capabilities::docker::client::Failure;

/// Some ask a service for a new password, or people for their yes.
const TIME: Duration = Duration::from_secs(30);
const OUTPUT_BYTES: usize = 64 << 10;
const LONGEST_NAME: usize = 64;
/// Between looks at a program that has closed its output.
const LOOK: Duration = Duration::from_millis(5);
/// What a helper prints when it has nothing: the one message of the protocol.
const NOT_FOUND: &str = "credentials not found in native keychain";
/// The name of a login that is a token.
const TOKEN: &str = "<token>";

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Answer {
    #[serde(default)]
    username: String,
    secret: String,
}

/// None where the helper has nothing for it.
pub(super) async fn ask(name: &str, key: &str, file: &str) -> Result<Option<Login>, Failure> {
    let plain = |letter: char| letter.is_ascii_alphanumeric() || matches!(letter, '.' | '_' | '-');
    if name.len() > LONGEST_NAME || !name.starts_with(|letter: char| letter.is_ascii_alphanumeric()) || !name.chars().all(plain) {
        let text = format!("{file} names `{}` as a credential helper, which is no name of one; hint: {WITHOUT}", name.escape_debug());
        return Err(Failure::Unusable(text));
    }
    let program = format!("docker-credential-{name}");
    let path = find(&program).ok_or_else(|| {
        let text =
            format!("{file} names `{program}` for `{key}`, which is not in PATH; hint: install it, or take it out of the file; {WITHOUT}");
        Failure::Unusable(text)
    })?;
    run(path, key, TIME).await.map_err(|how| {
        let by_hand = format!("`echo {key} | {program} get` shows what it says");
        Failure::Other(format!("`{program}`, which {file} names for `{key}`, {how}; hint: {by_hand}; {WITHOUT}"))
    })
}

/// An error is what it did instead of answering.
pub(super) async fn run(path: PathBuf, key: &str, time: Duration) -> Result<Option<Login>, String> {
    let (_guard, ended) = start(path, key).map_err(|error| format!("cannot be run: {}", error.kind()))?;
    let (status, output) = match tokio::time::timeout(time, ended).await {
        Ok(Ok(ended)) => ended,
        Ok(Err(_)) => return Err("cannot be waited for".to_owned()),
        Err(_) => return Err(format!("did not answer within {} seconds", time.as_secs())),
    };
    if output.len() > OUTPUT_BYTES {
        return Err(format!("answered more than {OUTPUT_BYTES} bytes"));
    }
    if !status.success() {
        let nothing = output.trim_ascii() == NOT_FOUND.as_bytes();
        return if nothing { Ok(None) } else { Err(format!("failed ({status})")) };
    }
    let answer: Answer = serde_json::from_slice(&output).map_err(|_| "answered what is no login".to_owned())?;
    Ok(Some(match answer.username.as_str() {
        TOKEN => Login { identity_token: answer.secret, ..Login::default() },
        _ => Login { username: answer.username, password: answer.secret, ..Login::default() },
    }))
}

/// Folders of PATH that depend on where we are would let a project bring its own.
fn find(program: &str) -> Option<PathBuf> {
    let folders = std::env::var_os("PATH")?;
    let paths = std::env::split_paths(&folders).filter(|folder| folder.is_absolute()).map(|folder| folder.join(program));
    let is_program = |path: &PathBuf| path.metadata().is_ok_and(|found| found.is_file() && found.permissions().mode() & 0o111 != 0);
    paths.into_iter().find(is_program)
}

/// A helper at work; dropping it ends it.
struct Guard(Arc<Mutex<Child>>);

/// How it ended, and what it printed.
type Ended = oneshot::Receiver<(ExitStatus, Vec<u8>)>;

fn start(path: PathBuf, key: &str) -> std::io::Result<(Guard, Ended)> {
    let mut command = Command::new(path);
    let mut child = command.arg("get").stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null()).spawn()?;
    let (stdin, stdout) = (child.stdin.take(), child.stdout.take());
    let child = Arc::new(Mutex::new(child));
    let (sender, ended) = oneshot::channel();
    let (key, watched) = (key.to_owned(), Arc::clone(&child));
    // Not a task: one that reads without end would hold up others.
    std::thread::spawn(move || {
        if let Some(mut stdin) = stdin {
            // Who does not read it has its reasons.
            let _ = stdin.write_all(key.as_bytes());
        }
        let mut output = Vec::new();
        if let Some(stdout) = stdout {
            let _ = stdout.take(OUTPUT_BYTES as u64 + 1).read_to_end(&mut output);
        }
        loop {
            let looked = locked(&watched).try_wait();
            match looked {
                Ok(Some(status)) => {
                    let _ = sender.send((status, output));
                    break;
                }
                Ok(None) => std::thread::sleep(LOOK),
                Err(_) => break,
            }
        }
    });
    Ok((Guard(child), ended))
}

impl Drop for Guard {
    fn drop(&mut self) {
        let mut child = locked(&self.0);
        // One that has ended is not there to be killed.
        if matches!(child.try_wait(), Ok(None)) {
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}

fn locked(child: &Mutex<Child>) -> MutexGuard<'_, Child> {
    child.lock().unwrap_or_else(PoisonError::into_inner)
}
