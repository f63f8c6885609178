//! Signals for a program that was started in a container by `exec`: the engine has no call for that, but an engine of
//! this machine runs its programs as processes of this machine.
//!
//! The number that the engine tells is that of its own world of processes, which need not be ours (a virtual machine, a
//! container): here it may be anybody's. So the process must lie in a control group that carries the container's id and
//! must have that number one world above its own, and it is held by a descriptor from before that is looked at until
//! the signal is sent.

use std::fs;

use rustix::process::{Pid, PidfdFlags, Signal, pidfd_open, pidfd_send_signal};

/// Processes of this machine that are looked at.
const PROCESSES_BOUND: usize = 100_000;

/// Whether the process was signalled.
pub(super) fn signal(pid: i64, container: &str, signal: i32) -> bool {
    let Some(signal) = Signal::from_named_raw(signal).filter(|_| pid > 0) else { return false };
    let found = if is_it(pid, pid, container) { Some(pid) } else { processes().find(|ours| is_it(*ours, pid, container)) };
    let Some(ours) = found.and_then(|ours| i32::try_from(ours).ok()).and_then(Pid::from_raw) else { return false };
    let Ok(process) = pidfd_open(ours, PidfdFlags::empty()) else { return false };
    // The number may have been given to another process since; the descriptor cannot.
    is_it(i64::from(ours.as_raw_pid()), pid, container) && pidfd_send_signal(process, signal).is_ok()
}

fn processes() -> impl Iterator<Item = i64> {
    let entries = fs::read_dir("/proc").into_iter().flatten().flatten();
    entries.filter_map(|entry| entry.file_name().to_str()?.parse().ok()).take(PROCESSES_BOUND)
}

/// Whether our process `ours` is the engine's `pid` in that container.
fn is_it(ours: i64, pid: i64, container: &str) -> bool {
    let read = |file: &str| fs::read_to_string(format!("/proc/{ours}/{file}")).unwrap_or_default();
    lies_in(&read("cgroup"), container) && number_above(&read("status")) == Some(pid)
}

/// Whether control groups are those of a container. Ids are 64 hexadecimal digits; less would match by accident.
fn lies_in(groups: &str, container: &str) -> bool {
    container.len() == 64 && groups.lines().any(|line| line.contains(container))
}

/// A process' number in the world above its own, which is the engine's; its only one where it shares the engine's.
fn number_above(status: &str) -> Option<i64> {
    let numbers = status.lines().find_map(|line| line.strip_prefix("NSpid:"))?;
    let numbers: Vec<i64> = numbers.split_whitespace().filter_map(|number| number.parse().ok()).collect();
    match numbers.as_slice() {
        [.., above, _] => Some(*above),
        [only] => Some(*only),
        [] => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_process_is_signalled_only_when_it_lies_in_the_container() {
        let id = "0123456789abcdef".repeat(4);
        assert!(lies_in(&format!("0::/system.slice/docker-{id}.scope\n"), &id));
        assert!(lies_in(&format!("12:pids:/docker/{id}\n0::/docker/{id}\n"), &id));
        assert!(!lies_in("0::/user.slice\n", &id));
        assert!(!lies_in("0::/docker/0123", "0123"));
        // This very process lies in no container of that id.
        assert!(!signal(i64::from(std::process::id()), &id, 15));
        assert!(!signal(0, &id, 15) && !signal(-1, &id, 15) && !signal(i64::MAX, &id, 15));
    }

    #[test]
    fn the_engines_number_is_the_one_above_the_programs_own() {
        for (line, expected) in
            [("NSpid:\t4711\t12\n", Some(4711)), ("NSpid:\t4711\t300\t12\n", Some(300)), ("NSpid:\t4711\n", Some(4711)), ("NSpid:\n", None)]
        {
            assert_eq!(number_above(&format!("Name:\tsh\n{line}Threads:\t1\n")), expected);
        }
        assert_eq!(number_above("Name:\tsh\n"), None);
    }
}
