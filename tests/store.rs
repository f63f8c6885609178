//! The store of compiled components: tampered with, full, shared.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::harness::{Project, Run, fresh_folder};

/// A project with `bare`, and a cache of its own.
fn project() -> (Project, PathBuf) {
    (Project::new("").guest("bare"), fresh_folder("cache"))
}

fn bare(project: &Project, cache: &Path) -> Run {
    project.run("bare there").env("HOST_CACHE_DIR", cache)
}

fn stored(cache: &Path) -> Vec<PathBuf> {
    let mut files: Vec<_> = fs::read_dir(cache.join("compiled")).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.sort();
    files
}

#[test]
fn the_compiled_form_is_stored_once_and_only_for_its_owner() {
    let (project, cache) = project();
    bare(&project, &cache).succeeds().prints_only("hello, there\n");
    let first = stored(&cache);
    assert!(!first.is_empty());
    assert_eq!(fs::metadata(cache.join("compiled")).unwrap().permissions().mode() & 0o777, 0o700);
    bare(&project, &cache).succeeds().prints_only("hello, there\n");
    assert_eq!(stored(&cache), first);
}

#[test]
fn a_compiled_form_that_was_tampered_with_is_not_mapped() {
    let (project, cache) = project();
    bare(&project, &cache).succeeds();
    for path in stored(&cache) {
        let mut bytes = fs::read(&path).unwrap();
        let middle = bytes.len() / 2;
        bytes[middle..].fill(0xcc);
        fs::write(&path, bytes).unwrap();
        bare(&project, &cache).succeeds().prints_only("hello, there\n");
        fs::write(&path, b"").unwrap();
        bare(&project, &cache).succeeds().prints_only("hello, there\n");
    }
}

#[test]
fn another_components_compiled_form_is_not_taken_for_this_one() {
    let (project, cache) = project();
    let project = project.command("hello");
    bare(&project, &cache).succeeds();
    let own = stored(&cache);
    project.run("hello").env("HOST_CACHE_DIR", &cache).succeeds();
    let biggest = |files: &[PathBuf]| files.iter().max_by_key(|path| fs::metadata(path).unwrap().len()).unwrap().clone();
    let others: Vec<_> = stored(&cache).into_iter().filter(|path| !own.contains(path)).collect();
    fs::copy(biggest(&others), biggest(&own)).unwrap();
    bare(&project, &cache).succeeds().prints_only("hello, there\n");
}

#[test]
fn a_store_that_others_may_write_is_not_used() {
    let (project, cache) = project();
    bare(&project, &cache).succeeds();
    fs::set_permissions(cache.join("compiled"), fs::Permissions::from_mode(0o777)).unwrap();
    bare(&project, &cache).succeeds().prints_only("hello, there\n").says("chmod 700");
}

#[test]
fn a_full_disk_costs_the_stored_form_and_not_the_run() {
    let (project, cache) = project();
    let run = bare(&project, &cache);
    let mounted = Command::new("mount").args(["-t", "tmpfs", "-o", "size=64k,mode=0700", "tmpfs"]).arg(&cache).status();
    if mounted.is_ok_and(|status| status.success()) {
        let output = run.start().wait();
        assert!(Command::new("umount").arg(&cache).status().unwrap().success());
        output.ended(0).prints_only("hello, there\n").says("was not stored");
    } else {
        // Where nothing can be mounted, a bound on the size of files does the same.
        let bounded = run.through(&["sh", "-c", "trap '' XFSZ; ulimit -f 16; exec \"$@\"", "sh"]);
        run.start_as(bounded).wait().ended(0).prints_only("hello, there\n").says("was not stored");
    }
}

#[test]
fn hosts_that_compile_the_same_component_at_once_all_run_it() {
    let (project, cache) = project();
    let runs: Vec<_> = (0..4).map(|_| bare(&project, &cache).start()).collect();
    for run in runs {
        run.wait().ended(0).prints_only("hello, there\n");
    }
    assert!(stored(&cache).iter().all(|path| !path.file_name().unwrap().to_string_lossy().starts_with('.')), "a part of a file was left");
    bare(&project, &cache).succeeds().prints_only("hello, there\n");
}

#[test]
fn cache_shows_and_prunes_what_is_stored() {
    let (project, cache) = project();
    bare(&project, &cache).succeeds();
    let host = |words: &str| project.host(words).env("HOST_CACHE_DIR", &cache);
    host("cache").succeeds();
    host("cache --json").succeeds().json();
    host("cache prune").succeeds();
    bare(&project, &cache).succeeds().prints_only("hello, there\n");
}

#[test]
fn without_a_home_a_command_runs_all_the_same() {
    let (project, _) = project();
    let run = project.run("bare there");
    let mut command = run.command();
    command.env_remove("HOST_CACHE_DIR").env_remove("HOME");
    run.start_as(command).wait().ended(0).prints_only("hello, there\n");
}
