//! `check_code_quality`: every configured check in a container of its own, which can only read the source.
//!
//! A check that fails does not keep the others from running; anything that keeps a check from running is a failure.

mod checks;

use host_sdk::docker::DockerError;
use host_sdk::docker::create::{Mount, MountKind, Spec, Variable};
use host_sdk::docker::exec::Bounds;
use host_sdk::serde_json::{Value, json};
use host_sdk::{Ending, Error, Host, NoArgs, Result, out, talk};
use stack::one_off::{Guard, OneOff, Reach};

use crate::checks::{Check, Verdict};

const SERVICE: &str = "backend";
/// Where the tools would write beside the source, which they cannot: elsewhere.
const ELSEWHERE: [(&str, &str); 5] = [
    ("MYPY_CACHE_DIR", "/tmp/mypy"),
    ("BLACK_CACHE_DIR", "/tmp/black"),
    ("RUFF_CACHE_DIR", "/tmp/ruff"),
    ("PYTHONDONTWRITEBYTECODE", "1"),
    ("PYTHONUNBUFFERED", "1"),
];
/// Output of one check that `--json` holds, in bytes.
const OUTPUT: u32 = 1 << 20;
/// Exit codes of a program that Ctrl-C or a stop ended.
const INTERRUPTED: [i32; 2] = [130, 143];

host_sdk::command!(check_code_quality);

fn check_code_quality(_: NoArgs, host: &Host) -> Result<Ending> {
    let checks = checks::parse(host.config("checks")?.as_deref())?;
    let service = host.config("service")?.unwrap_or_else(|| SERVICE.to_owned());
    let source = host.config("source")?.map(|text| source(&text)).transpose()?;
    let one_off = OneOff::of(&service)?;
    let container = |number: usize, check: &Check| {
        let id = format!("{}-{number}", host.run_id());
        let mut spec = one_off.spec(check.words.clone(), &id, false, Reach::Nothing);
        prepare(&mut spec, source.as_ref());
        one_off.without_missing_volumes(&mut spec)?;
        Ok::<_, Error>(spec)
    };
    let mut results = Vec::new();
    for (number, check) in checks.into_iter().enumerate() {
        let spec = container(number + 1, &check)?;
        if number == 0 {
            one_off.require(&spec, "the container of the checks")?;
        }
        let (verdict, said) = run(&spec, &check, host)?;
        results.push((check, verdict, said));
    }
    report(&service, results, host)
}

/// Its own mounts can only be read already; a configured source takes the place of what is mounted there.
fn prepare(spec: &mut Spec, source: Option<&Mount>) {
    if let Some(source) = source {
        spec.mounts.retain(|mount| mount.target != source.target);
        spec.mounts.push(source.clone());
    }
    for (name, value) in ELSEWHERE {
        if spec.environment.iter().all(|variable| variable.name != name) {
            spec.environment.push(Variable { name: name.to_owned(), value: Some(value.to_owned()) });
        }
    }
}

/// `./backend:/app`
fn source(text: &str) -> Result<Mount> {
    let (source, target) =
        text.split_once(':').filter(|(source, target)| !source.is_empty() && target.starts_with('/')).ok_or_else(|| {
            Error::usage(format!("`config.source` is `{text}`, and not a folder of the project and one of the container"))
                .hint("config.source = \"./backend:/app\"")
        })?;
    let (source, target) = (source.to_owned(), target.trim_end_matches(":ro").to_owned());
    Ok(Mount { kind: MountKind::Bind, source, target, read_only: true, ..Mount::default() })
}

/// How it went, and in `--json` what it said. An error is one that the next check would meet too.
fn run(spec: &Spec, check: &Check, host: &Host) -> Result<(Verdict, Option<Value>)> {
    if !host.wants_json() {
        talk!("$ {}", check.line);
    }
    let guard = Guard::create(spec)?;
    let ended = if host.wants_json() {
        guard.capture(Bounds { output: OUTPUT, time_ms: 0 }).map(|captured| {
            let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
            let said = json!({ "stdout": text(&captured.stdout), "stderr": text(&captured.stderr), "truncated": captured.truncated });
            (captured.exit_code, Some(said))
        })
    } else {
        guard.attach().map(|code| (code, None))
    };
    match ended {
        Ok((code, _)) if INTERRUPTED.contains(&code) => {
            Err(Error::new(Ending::Interrupted, format!("interrupted while `{}` ran", check.line)))
        }
        Ok((code, said)) => Ok((checks::verdict(code), said)),
        Err(error) => match error.docker() {
            Some(DockerError::EngineFailed(answer)) if checks::is_missing(&answer.message) => Ok((Verdict::Missing, None)),
            Some(DockerError::EngineFailed(answer)) => Ok((Verdict::Broken(answer.message.clone()), None)),
            _ => Err(error),
        },
    }
}

fn report(service: &str, results: Vec<(Check, Verdict, Option<Value>)>, host: &Host) -> Result<Ending> {
    let ending = if results.iter().all(|(_, verdict, _)| verdict.passed()) { Ending::Ok } else { Ending::Failed };
    if host.wants_json() {
        let one = |(check, verdict, said): &(Check, Verdict, Option<Value>)| json!({ "check": check.line, "verdict": verdict.word(), "exit_code": verdict.code(), "words": verdict.in_words(check), "output": said });
        host.json(&json!({ "service": service, "passed": ending == Ending::Ok, "checks": results.iter().map(one).collect::<Vec<_>>() }))?;
    } else {
        let rows: Vec<(Check, Verdict)> = results.into_iter().map(|(check, verdict, _)| (check, verdict)).collect();
        talk!("");
        checks::table(&rows).iter().for_each(|line| out!("{line}"));
    }
    Ok(ending)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_configured_source_is_read_only_and_takes_the_place_of_what_was_there() {
        let mut spec =
            Spec { mounts: vec![Mount { target: "/app".into(), source: "./old".into(), ..Mount::default() }], ..Spec::default() };
        prepare(&mut spec, Some(&source("./backend:/app").unwrap()));
        let [mount] = spec.mounts.as_slice() else { panic!("{:?}", spec.mounts) };
        assert!(mount.read_only && mount.source == "./backend" && mount.target == "/app");
        assert!(spec.environment.iter().any(|variable| variable.name == "MYPY_CACHE_DIR"));
        for wrong in ["", "./a", "./a:b", ":/app"] {
            assert!(source(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn variables_of_the_service_win() {
        let own = Variable { name: "MYPY_CACHE_DIR".into(), value: Some("/cache".into()) };
        let mut spec = Spec { environment: vec![own.clone()], ..Spec::default() };
        prepare(&mut spec, None);
        assert_eq!(spec.environment.iter().filter(|variable| variable.name == "MYPY_CACHE_DIR").collect::<Vec<_>>(), [&own]);
    }
}
