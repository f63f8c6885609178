//! What goes into a context's tar, and that nothing else can.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};

use super::*;

struct Project {
    folder: tempfile::TempDir,
}

impl Project {
    fn new(files: &[(&str, &str)]) -> Self {
        let project = Self { folder: tempfile::tempdir().unwrap() };
        for (path, text) in files {
            let path = project.root().join(path);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, text).unwrap();
        }
        project
    }

    fn root(&self) -> PathBuf {
        fs::canonicalize(self.folder.path()).unwrap()
    }

    fn open(&self, granted: &str, context: &str, dockerfile: &str) -> Result<Context, Unreadable> {
        Context::open(&self.root(), &[granted.to_owned()], context, Instructions::File(dockerfile))
    }

    fn sent(&self, context: &str, dockerfile: &str) -> BTreeMap<String, Vec<u8>> {
        sent(self.open(".", context, dockerfile).unwrap()).0
    }
}

fn tar_of(context: Context) -> (Vec<u8>, Vec<Note>) {
    let (mut bytes, mut notes) = (Vec::new(), Vec::new());
    context.write_tar(&mut bytes, |note| notes.push(note)).unwrap();
    (bytes, notes)
}

/// Paths with contents; a link's target instead of content, `/` for a folder.
fn sent(context: Context) -> (BTreeMap<String, Vec<u8>>, Vec<Note>) {
    let (bytes, notes) = tar_of(context);
    let mut files = BTreeMap::new();
    for entry in tar::Archive::new(bytes.as_slice()).entries().unwrap() {
        let mut entry = entry.unwrap();
        let mut content = Vec::new();
        entry.read_to_end(&mut content).unwrap();
        match entry.header().entry_type() {
            tar::EntryType::Symlink => content = entry.link_name_bytes().unwrap().into_owned(),
            tar::EntryType::Directory => content = b"/".to_vec(),
            tar::EntryType::XGlobalHeader => continue,
            _ => {}
        }
        files.insert(String::from_utf8_lossy(&entry.path_bytes()).trim_end_matches('/').to_owned(), content);
    }
    (files, notes)
}

fn names(files: &BTreeMap<String, Vec<u8>>) -> Vec<&str> {
    files.keys().map(String::as_str).collect()
}

#[test]
fn files_folders_and_links_are_sent_with_their_modes() {
    let project = Project::new(&[("Dockerfile", "FROM scratch"), ("bin/run", "#!"), ("empty/x", "")]);
    fs::remove_file(project.root().join("empty/x")).unwrap();
    fs::set_permissions(project.root().join("bin/run"), fs::Permissions::from_mode(0o751)).unwrap();
    symlink("/etc/passwd", project.root().join("out")).unwrap();
    symlink("/etc", project.root().join("folder")).unwrap();
    let long = format!("{}/{}", "d".repeat(120), "f".repeat(150));
    fs::create_dir_all(project.root().join("d".repeat(120))).unwrap();
    fs::write(project.root().join(&long), "long").unwrap();
    let _socket = std::os::unix::net::UnixListener::bind(project.root().join("socket")).unwrap();
    let (files, notes) = sent(project.open(".", ".", "").unwrap());
    assert_eq!(names(&files), ["Dockerfile", "bin", "bin/run", &"d".repeat(120), &long, "empty", "folder", "out"]);
    assert_eq!(files["out"], b"/etc/passwd");
    assert_eq!(files["folder"], b"/etc");
    assert_eq!(files[&long], b"long");
    assert_eq!(notes, [Note::Skipped("socket".to_owned())]);
    let (bytes, _) = tar_of(project.open(".", ".", "").unwrap());
    let mut archive = tar::Archive::new(bytes.as_slice());
    let run = archive.entries().unwrap().map(Result::unwrap).find(|entry| entry.path().unwrap() == Path::new("bin/run")).unwrap();
    assert_eq!(run.header().mode().unwrap(), 0o751);
    assert_eq!(run.header().uid().unwrap(), 0);
    assert!(run.header().mtime().unwrap() > 1_000_000_000);
}

#[test]
fn the_ignore_file_is_obeyed_and_what_the_engine_needs_is_sent_all_the_same() {
    let project = Project::new(&[
        ("Dockerfile", ""),
        (".dockerignore", "*\n!src\nsrc/secret\n!deep/a/keep"),
        ("src/a", ""),
        ("src/secret", ""),
        ("deep/a/keep", ""),
        ("deep/b/drop", ""),
        ("other", ""),
    ]);
    assert_eq!(names(&project.sent(".", "")), [".dockerignore", "Dockerfile", "deep", "deep/a", "deep/a/keep", "src", "src/a"]);
}

#[test]
fn an_ignore_file_named_after_the_dockerfile_wins() {
    let project =
        Project::new(&[("docker/api", ""), ("docker/api.dockerignore", "*.log"), (".dockerignore", "*.txt"), ("a.txt", ""), ("a.log", "")]);
    assert_eq!(names(&project.sent(".", "docker/api")), [".dockerignore", "a.txt", "docker", "docker/api", "docker/api.dockerignore"]);
}

#[test]
fn a_dockerfile_outside_of_the_context_or_inline_is_sent_under_a_name_that_stays() {
    let project = Project::new(&[("backend/a", ""), ("docker/Dockerfile", "FROM x")]);
    let context = project.open(".", "backend", "../docker/Dockerfile").unwrap();
    let name = context.dockerfile.clone();
    let (files, _) = sent(context);
    assert_eq!(names(&files), [name.as_str(), "a"]);
    assert_eq!(files[&name], b"FROM x");
    let inline = Context::open(&project.root(), &[".".to_owned()], "backend", Instructions::Inline("FROM x")).unwrap();
    assert_eq!(inline.dockerfile, name);
}

#[test]
fn nothing_outside_of_the_granted_folders_can_be_read() {
    let outside = Project::new(&[("Dockerfile", ""), ("secret", "")]);
    let project = Project::new(&[("web/Dockerfile", ""), ("api/Dockerfile", ""), ("secret", "")]);
    symlink(outside.root(), project.root().join("link")).unwrap();
    symlink(project.root().join("api"), project.root().join("web/api")).unwrap();
    symlink(outside.root().join("secret"), project.root().join("web/out")).unwrap();
    symlink(outside.root().join("secret"), project.root().join("web/.dockerignore")).unwrap();
    for (granted, context, dockerfile) in [
        (".", "..", ""),
        (".", "link", ""),
        ("link", "link", ""),
        (".", "/etc", "hostname"),
        ("web", "api", ""),
        ("web", ".", ""),
        ("web", "web/../api", ""),
        ("web", "web/api", ""),
        ("web", "web", "../secret"),
        ("web", "web", "out"),
        (".", "web", "/etc/hostname"),
        (".", "web", ""),
    ] {
        let found = project.open(granted, context, dockerfile);
        assert!(matches!(found, Err(Unreadable::Outside(_) | Unreadable::NotGranted(_))), "{granted} {context} {dockerfile}: {found:?}");
    }
    fs::remove_file(project.root().join("web/.dockerignore")).unwrap();
    assert_eq!(names(&project.sent("web", "")), ["Dockerfile", "api", "out"]);
    assert!(Context::open(&project.root(), &[], ".", Instructions::Inline("")).is_err());
}

#[test]
fn what_is_not_there_is_said() {
    let project = Project::new(&[("web/a", ""), ("web/.dockerignore", "[")]);
    for (context, dockerfile, expected) in
        [("none", "", "none"), ("web", "", "there is no `Dockerfile`"), ("web", "x/Dockerfile", "there is no `x/Dockerfile`")]
    {
        let Err(Unreadable::Invalid(text)) = project.open(".", context, dockerfile) else { panic!("{context} {dockerfile}") };
        assert!(text.contains(expected), "{text}");
    }
    let Err(Unreadable::Invalid(text)) = project.open(".", "web", "a") else { panic!("a pattern that is none") };
    assert!(text.contains("`[`"), "{text}");
}

#[test]
fn private_files_are_sent_and_said() {
    let files = [("Dockerfile", ""), (".env", ""), ("host.toml", ""), ("api/.host/journal/x", ""), ("api/.env", "")];
    let project = Project::new(&files);
    let (files, notes) = sent(project.open(".", ".", "").unwrap());
    assert!(files.contains_key(".env"));
    assert_eq!(notes, [".env", "api/.host", "host.toml"].map(|path| Note::Private(path.to_owned())));
    fs::write(project.root().join(".dockerignore"), "**/.env\n**/.host\n*.toml").unwrap();
    assert_eq!(sent(project.open(".", ".", "").unwrap()).1, []);
}

#[test]
fn the_projects_own_state_is_never_sent_and_nothing_is_said_of_it() {
    let project = Project::new(&[("Dockerfile", ""), (".host/journal/x", ""), ("api/Dockerfile", ""), ("api/.host/x", "")]);
    let names = |context: &str| {
        let (files, notes) = sent(project.open(".", context, "").unwrap());
        (files.into_keys().filter(|name| name.contains(".host")).collect::<Vec<_>>(), notes)
    };
    // That of a project within this one may be no such folder at all.
    let private = |path: &str| vec![Note::Private(path.to_owned())];
    assert_eq!(names("."), (vec!["api/.host".to_owned(), "api/.host/x".to_owned()], private("api/.host")));
    assert_eq!(names("api"), (vec![".host".to_owned(), ".host/x".to_owned()], private(".host")));
    fs::write(project.root().join(".dockerignore"), "*\n!.host\n!Dockerfile").unwrap();
    assert_eq!(names("."), (vec![], vec![]));
}

#[test]
fn neither_a_context_nor_instructions_lie_in_the_hosts_own_folder() {
    let project = Project::new(&[("Dockerfile", ""), (".host/Dockerfile", ""), (".host/journal/x", ""), ("api/.host/Dockerfile", "")]);
    symlink(".host", project.root().join("link")).unwrap();
    for (context, dockerfile) in [
        (".host", ""),
        (".host/journal", "../../Dockerfile"),
        ("link", ""),
        ("api/.host", ""),
        (".", ".host/Dockerfile"),
        (".", "link/Dockerfile"),
    ] {
        let found = project.open(".", context, dockerfile);
        assert!(matches!(&found, Err(Unreadable::Outside(text)) if text.contains("`.host`")), "{context} {dockerfile}: {found:?}");
    }
}

#[test]
fn an_ignore_file_that_cannot_be_read_is_named_as_the_guest_names_it() {
    let project = Project::new(&[("web/Dockerfile", ""), ("web/Dockerfile.dockerignore/x", "")]);
    let Err(Unreadable::Invalid(text)) = project.open(".", "web", "Dockerfile") else { panic!("a folder was read") };
    assert!(text.contains("`Dockerfile.dockerignore`") && !text.contains(project.root().to_str().unwrap()), "{text}");
}

#[test]
fn a_reader_that_goes_away_ends_the_tar() {
    struct Full(usize);
    impl Write for Full {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0 = self.0.checked_sub(bytes.len()).ok_or(io::ErrorKind::BrokenPipe)?;
            Ok(bytes.len())
        }
        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }
    let project = Project::new(&[("Dockerfile", ""), ("big", &"x".repeat(1 << 20))]);
    let error = project.open(".", ".", "").unwrap().write_tar(Full(1 << 19), |_| {}).unwrap_err();
    assert_eq!(error.kind(), io::ErrorKind::BrokenPipe);
}

#[test]
fn a_dockerfile_is_sent_as_it_was_looked_at() {
    let project = Project::new(&[("Dockerfile", "FROM a"), ("other", "FROM b")]);
    let context = project.open(".", ".", "").unwrap();
    fs::write(project.root().join("Dockerfile"), "FROM evil, and longer").unwrap();
    assert_eq!(sent(context).0["Dockerfile"], b"FROM a");
    let context = project.open(".", ".", "").unwrap();
    fs::remove_file(project.root().join("Dockerfile")).unwrap();
    symlink("other", project.root().join("Dockerfile")).unwrap();
    let error = context.write_tar(Vec::new(), |_| {}).unwrap_err();
    assert!(error.to_string().contains("was replaced"), "{error}");
    // A link is followed once, within the project.
    let context = project.open(".", ".", "").unwrap();
    assert_eq!((context.instructions.as_str(), context.dockerfile.starts_with(".dockerfile.")), ("FROM b", true));
}

#[test]
fn nobody_but_the_host_says_how_a_context_begins() {
    // A name that begins like gzip, and one like zstd's frames that are passed over.
    for name in ["\u{1f}\u{8b}\u{8}", "P*M\u{18}p"] {
        let (bytes, _) = tar_of(Project::new(&[("Dockerfile", "FROM x"), (name, "")]).open(".", ".", "").unwrap());
        assert!(bytes.starts_with(b"pax_global_header\0"), "{name:?}");
    }
    let inline = Project::new(&[]);
    let (bytes, _) = tar_of(Context::open(&inline.root(), &[".".to_owned()], ".", Instructions::Inline("FROM x")).unwrap());
    assert!(bytes.starts_with(b"pax_global_header\0"));
}

#[test]
fn a_dockerfile_that_comes_to_lie_behind_a_link_is_missed() {
    let project = Project::new(&[("d/Dockerfile", "FROM x"), ("e/Dockerfile", "FROM theirs")]);
    let context = project.open(".", ".", "d/Dockerfile").unwrap();
    fs::remove_dir_all(project.root().join("d")).unwrap();
    symlink("e", project.root().join("d")).unwrap();
    let error = context.write_tar(Vec::new(), |_| {}).unwrap_err();
    assert_eq!(error.to_string(), "`d/Dockerfile`: it was replaced while the context was read");
}

#[test]
fn what_podman_would_have_a_preprocessor_read_is_sent_under_another_name() {
    let project = Project::new(&[("Dockerfile.in", "FROM x\n#include \"/etc/passwd\"")]);
    let context = project.open(".", ".", "Dockerfile.in").unwrap();
    assert!(context.dockerfile.starts_with(".dockerfile."), "{}", context.dockerfile);
    let sent = sent(context).0;
    assert_eq!(sent.keys().filter(|name| name.starts_with(".dockerfile.")).count(), 1);
}
