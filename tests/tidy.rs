//! Rules of the repository that no compiler checks.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

/// The file that maps compiled components, the only one with unsafe code.
const UNSAFE_FILE: &str = "host/component/store.rs";
/// Beyond this, a file is split.
const LONGEST_FILE: usize = 600;
/// The capability that guests reach through WASI's own interfaces, so that it has no package in `wit/`.
const WITHOUT_WIT: [&str; 1] = ["files"];
/// What every command may do, so that there is nothing to decide.
const WITHOUT_POWER: [&str; 2] = ["command", "terminal"];
/// Crates beside the commands in `commands-wasm/`.
const LIBRARIES: [&str; 5] = ["sdk", "migrations", "compose", "stack", "proxy"];

#[test]
fn no_file_is_longer_than_can_be_read_in_one_go() {
    each_source(&["rs"], |path, text| {
        let lines = text.lines().count();
        assert!(lines <= LONGEST_FILE, "{path} has {lines} lines, more than {LONGEST_FILE}");
    });
}

#[test]
fn every_source_file_says_what_it_is_for() {
    each_source(&["rs"], |path, text| assert!(text.starts_with("//!"), "{path} does not start with `//!`"));
}

#[test]
fn nothing_is_left_to_be_done_later() {
    let marks = ["TO", "FIX", "unimpl", "tod"].map(|start| match start {
        "TO" => format!("{start}DO"),
        "FIX" => format!("{start}ME"),
        "tod" => format!("{start}o!("),
        _ => format!("{start}emented!("),
    });
    each_source(&["rs", "toml", "md", "sh", "wit", "py", "sql", ""], |path, text| {
        for mark in &marks {
            assert!(!text.contains(mark), "{path} holds `{mark}`");
        }
    });
}

#[test]
fn no_path_of_somebodys_machine_is_written_down() {
    let roots = ["work", "root", "home"].map(|folder| format!("/{folder}/"));
    each_source(&["rs", "toml", "md", "sh", "wit", "py", "sql", ""], |path, text| {
        for root in &roots {
            assert!(!text.contains(root), "{path} holds `{root}`");
        }
    });
}

#[test]
fn unsafe_code_stands_only_where_compiled_components_are_mapped() {
    let word = format!("{}afe", "uns");
    each_source(&["rs"], |path, text| {
        let code = text.lines().filter(|line| !line.trim_start().starts_with("//"));
        let holds = code.into_iter().any(|line| line.contains(&format!("{word} {{")) || line.contains(&format!("{word} fn")));
        assert!(!path.starts_with("host/") || !holds || path == UNSAFE_FILE, "{path} holds {word} code");
    });
}

#[test]
fn lints_are_expected_with_a_reason_and_never_allowed() {
    let [allow, expect] = ["allow", "expect"].map(|word| format!("[{word}("));
    each_source(&["rs"], |path, text| {
        assert!(!text.contains(&allow), "{path} allows a lint");
        for rest in text.split(&expect).skip(1) {
            assert!(rest.split(")]").next().is_some_and(|inside| inside.contains("reason =")), "{path} expects a lint without a reason");
        }
    });
}

#[test]
fn only_one_file_writes_to_the_terminal() {
    each_source(&["rs"], |path, text| {
        let writes = ["io::stdout()", "io::stderr()", "println!", "eprint!"].iter().any(|word| text.contains(word));
        assert!(!path.starts_with("host/") || !writes || path == "host/terminal.rs", "{path} writes to the terminal");
    });
}

#[test]
fn every_test_file_is_part_of_the_one_binary() {
    let main = read("tests/main.rs");
    for path in files_in("tests").filter(|path| path.extension().is_some_and(|extension| extension == "rs")) {
        let name = stem(&path);
        assert!(name == "main" || main.contains(&format!("mod {name};")), "tests/{name}.rs is not run");
    }
}

#[test]
fn every_capability_has_its_rules_as_a_pure_file_with_tests_and_its_interfaces() {
    for folder in folders_in("host/capabilities") {
        let name = stem(&folder);
        assert!(holds_tests(&folder), "host/capabilities/{name} has no tests");
        let has_package = root().join("wit").join(&name).is_dir();
        assert!(has_package != WITHOUT_WIT.contains(&name.as_str()), "wit/{name} and host/capabilities/{name} do not agree");
        if WITHOUT_POWER.contains(&name.as_str()) {
            continue;
        }
        let policy = read(&format!("host/capabilities/{name}/policy.rs"));
        assert!(policy.contains("#[cfg(test)]"), "host/capabilities/{name}/policy.rs has no tests");
        assert!(!policy.contains("async fn"), "host/capabilities/{name}/policy.rs is not pure");
    }
}

#[test]
fn every_command_has_a_manifest_with_reasons_a_row_in_the_readme_and_tests() {
    let readme = read("README.md");
    let tests: String = files_in("tests").chain(files_in("tests/harness")).filter_map(|path| fs::read_to_string(path).ok()).collect();
    for name in commands() {
        let manifest: toml::Table = read(&format!("commands-wasm/{name}/command.toml")).parse().unwrap();
        assert!(manifest["about"].as_str().is_some_and(|about| !about.is_empty()), "{name} does not say what it is about");
        let asks = manifest.get("asks").and_then(toml::Value::as_array).into_iter().flatten();
        for ask in asks {
            assert!(ask.get("why").and_then(toml::Value::as_str).is_some_and(|why| !why.is_empty()), "{name} asks without a reason: {ask}");
        }
        assert!(readme.contains(&format!("| `{name}")), "README.md has no row for `{name}`");
        assert!(tests.contains(&format!(".command(\"{name}\")")), "no test runs `{name}`");
    }
}

#[test]
fn the_readme_names_every_exit_code_and_every_make_target() {
    let readme = read("README.md");
    for code in [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 124, 130, 143] {
        assert!(readme.contains(&format!("| {code} |")), "README.md does not explain exit code {code}");
    }
    for target in ["run", "test", "commands", "check", "bench", "install"] {
        assert!(readme.contains(&format!("make {target}")), "README.md does not name `make {target}`");
    }
}

#[test]
fn the_map_in_lib_rs_names_every_module() {
    let lib = read("host/lib.rs");
    let (map, code) = lib.split_once("\n\n").unwrap();
    for line in code.lines().filter_map(|line| line.strip_prefix("pub mod ")) {
        let module = line.trim_end_matches(';');
        assert!(map.contains(&format!("[`{module}`]")), "the map in host/lib.rs does not name `{module}`");
    }
}

fn holds_tests(folder: &Path) -> bool {
    fs::read_dir(folder).unwrap().any(|entry| {
        let path = entry.unwrap().path();
        if path.is_dir() { holds_tests(&path) } else { fs::read_to_string(&path).unwrap().contains("#[test]") }
    })
}

fn commands() -> BTreeSet<String> {
    folders_in("commands-wasm").map(|folder| stem(&folder)).filter(|name| !LIBRARIES.contains(&name.as_str()) && name != "target").collect()
}

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

#[track_caller]
fn read(path: &str) -> String {
    fs::read_to_string(root().join(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
}

fn stem(path: &Path) -> String {
    path.file_stem().unwrap().to_string_lossy().into_owned()
}

fn files_in(folder: &str) -> impl Iterator<Item = PathBuf> {
    fs::read_dir(root().join(folder)).unwrap().map(|entry| entry.unwrap().path()).filter(|path| path.is_file())
}

fn folders_in(folder: &str) -> impl Iterator<Item = PathBuf> {
    fs::read_dir(root().join(folder)).unwrap().map(|entry| entry.unwrap().path()).filter(|path| path.is_dir())
}

/// Calls `check` with the path (relative) and the text of every source file of these kinds (`""`: without an extension).
fn each_source(kinds: &[&str], mut check: impl FnMut(&str, &str)) {
    let mut waiting: Vec<PathBuf> = ["host", "wit", "commands-wasm", "tests", "tools", ".ci"].map(|folder| root().join(folder)).into();
    let mut count = 0;
    while let Some(folder) = waiting.pop() {
        for entry in fs::read_dir(&folder).unwrap() {
            let path = entry.unwrap().path();
            let kind = path.extension().unwrap_or_default().to_string_lossy().into_owned();
            if path.is_dir() {
                if !path.ends_with("target") && !path.ends_with("__pycache__") {
                    waiting.push(path);
                }
            } else if kinds.contains(&kind.as_str()) {
                count += 1;
                let relative = path.strip_prefix(root()).unwrap().to_string_lossy().into_owned();
                check(&relative, &fs::read_to_string(&path).unwrap());
            }
        }
    }
    assert!(count > 0, "no source file was looked at");
}
