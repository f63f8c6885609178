//! `stop_reverse_proxy`: the machine's Traefik goes; the shared network and the certificates stay.

use std::time::Duration;

use host_sdk::docker::{self, DockerError, inspect, remove, shared, start_stop};
use host_sdk::serde_json::json;
use host_sdk::{Ending, Error, Host, Result, clap, talk};
use proxy::routes::routed_projects;
use proxy::settings::Settings;
use proxy::spec::is_proxy;

/// Longest wait for another run that works on the proxy.
const LOCK: Duration = Duration::from_secs(10);

#[derive(clap::Args)]
struct Args {
    /// Also while stacks are reached through it
    #[arg(long)]
    force: bool,
}

host_sdk::command!(stop_reverse_proxy);

fn stop_reverse_proxy(args: Args, host: &Host) -> Result<()> {
    let settings = Settings::read(host)?;
    let _lock = docker::lock(LOCK)?;
    let proxies: Vec<_> = inspect::containers()?.into_iter().filter(|one| is_proxy(&one.labels)).collect();
    if proxies.is_empty() {
        return told(host, &[], "the reverse proxy does not run");
    }
    let stacks = routed(&settings)?;
    if !stacks.is_empty() && !args.force {
        unless_told(&stacks, host)?;
    }
    for proxy in &proxies {
        start_stop::stop(&proxy.id, None)?.wait()?;
        remove::container(&proxy.id, true, false)?.wait()?;
    }
    told(host, &stacks, "stopped the reverse proxy; its network and its certificates are kept")
}

/// The projects that are reached through it. Without the network nobody is.
fn routed(settings: &Settings) -> Result<Vec<String>> {
    match shared::neighbours(&settings.network) {
        Ok(neighbours) => Ok(routed_projects(&neighbours)),
        Err(error) if matches!(error.docker(), Some(DockerError::NoSuchObject(_))) => Ok(Vec::new()),
        Err(error) => Err(error),
    }
}

fn unless_told(stacks: &[String], host: &Host) -> Result<()> {
    let names = stacks.join(", ");
    let settings = host.settings();
    if settings.no_input && !settings.assume_yes {
        let message = format!("{} reached through the reverse proxy: {names}; nothing was done", counted(stacks.len()));
        return Err(Error::new(Ending::Unconfirmed, message).hint("`--force` stops it all the same").detail("stacks", stacks));
    }
    host.require_yes(&format!("{} reached through the reverse proxy: {names}. Stop it?", counted(stacks.len())))
}

fn counted(stacks: usize) -> String {
    if stacks == 1 { "1 stack is".to_owned() } else { format!("{stacks} stacks are") }
}

fn told(host: &Host, stacks: &[String], text: &str) -> Result<()> {
    if host.wants_json() {
        return host.json(&json!({ "running": false, "unreachable": stacks }));
    }
    talk!("{text}");
    if !stacks.is_empty() {
        talk!("not reachable any more: {}", stacks.join(", "));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stacks_are_counted_as_people_do() {
        assert_eq!([counted(1), counted(2)], ["1 stack is", "2 stacks are"]);
    }
}
