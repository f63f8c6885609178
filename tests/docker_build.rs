//! Images from build contexts, by the classic builder and by BuildKit.

use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::time::Duration;

use serde_json::Value;

use crate::harness::{Docker, Output, Project, Run, Stack, classic_docker, shared_buildkit, shared_docker, signal, until};

/// What both builders must be able to do is tested with both.
fn engines() -> [&'static Docker; 2] {
    [classic_docker(), shared_buildkit()]
}

struct Place<'engine> {
    engine: &'engine Docker,
    stack: Stack<'engine>,
    project: Project,
}

fn place(engine: &Docker) -> Place<'_> {
    granted(engine, "allow = [\"build\"], contexts = [\".\"]")
}

fn granted<'engine>(engine: &'engine Docker, grant: &str) -> Place<'engine> {
    let stack = engine.stack("built");
    engine.busybox();
    Place { engine, project: stack.dockerio(grant), stack }
}

impl Place<'_> {
    fn tag(&self) -> String {
        format!("{}-web", self.stack.name())
    }

    fn build(&self, words: &[&str]) -> Run {
        let tag = self.tag();
        Run::new(self.project.folder(), ["run", "dockerio", "build", "--tag", &tag].iter().chain(words))
    }

    fn instructions(&self, text: &str) -> &Self {
        self.project.write("Dockerfile", text);
        self
    }

    /// What a program of the image prints.
    fn in_image(&self, words: &str) -> String {
        self.engine.docker(&format!("run --rm --network none {} {words}", self.tag()))
    }

    fn image(&self) -> Value {
        self.engine.inspect_image(&self.tag())
    }
}

impl Drop for Place<'_> {
    fn drop(&mut self) {
        self.engine.answer("DELETE", &format!("/images/{}?force=1", self.tag()), None);
    }
}

fn fails(run: &Run) -> Output {
    let output = run.start().wait();
    assert_ne!(output.code, Some(0), "{output}");
    output
}

fn id_of(output: &Output) -> String {
    output.stdout.lines().find_map(|line| line.strip_prefix("image ")).unwrap_or_else(|| panic!("no image\n{output}")).to_owned()
}

#[test]
fn an_image_is_built_tagged_and_labelled_and_its_id_told() {
    for engine in engines() {
        let place = place(engine);
        place.instructions(
            "FROM busybox AS one\nARG A=none\nARG B\nRUN echo \"a is $A and b is $B\" > /told\nRUN echo printed\nFROM scratch AS last\n",
        );
        let second = format!("{}_web:2", place.stack.name());
        let words = ["--tag", &second, "--arg", "A=1 2", "--arg", "B=$x", "--label", "own=label", "--target", "one", "--service", "web"];
        let output = place.build(&words).succeeds().prints("printed");
        let image = place.image();
        assert_eq!(image["Id"], id_of(&output).as_str());
        assert_eq!(place.in_image("cat /told"), "a is 1 2 and b is $x\n");
        let labels = &image["Config"]["Labels"];
        assert_eq!(labels["com.docker.compose.project"], place.stack.name());
        assert_eq!((&labels["com.docker.compose.service"], &labels["own"]), (&"web".into(), &"label".into()));
        assert!(labels["com.docker.compose.version"].is_string());
        assert_eq!(place.engine.inspect_image(&second)["Id"], image["Id"]);
    }
}

#[test]
fn the_context_is_what_dockerignore_leaves_with_modes_links_and_times() {
    for engine in engines() {
        let place = place(engine);
        place.instructions("FROM busybox\nCOPY . /ctx/\n");
        for file in ["a.txt", "src/b.txt", "src/deep/c.log", "node_modules/x/y", "out/keep/z", ".env", "with space/ä.txt"] {
            place.project.write(file, file);
        }
        place.project.write(
            ".dockerignore",
            "# not sent\n*.toml\n**/*.log\nnode_modules\nout\n!out/keep\ncommands\n.host\n.env\nDockerfile\n.dockerignore\n",
        );
        fs::set_permissions(place.project.path("a.txt"), fs::Permissions::from_mode(0o640)).unwrap();
        symlink("../../etc/passwd", place.project.path("src/link")).unwrap();
        place.build(&[]).succeeds();
        let found = place.in_image("find /ctx -not -type d");
        let mut found: Vec<&str> = found.lines().filter(|path| !path.contains("ockerfile") && !path.contains(".dockerignore")).collect();
        found.sort_unstable();
        assert_eq!(found, ["/ctx/a.txt", "/ctx/out/keep/z", "/ctx/src/b.txt", "/ctx/src/link", "/ctx/with space/ä.txt"]);
        assert_eq!(place.in_image("stat -c %a:%u:%g /ctx/a.txt"), "640:0:0\n");
        assert_eq!(place.in_image("readlink /ctx/src/link"), "../../etc/passwd\n");
    }
}

#[test]
fn instructions_may_lie_elsewhere_or_be_inline() {
    for engine in engines() {
        let place = place(engine);
        place.project.write("web/file", "of the context");
        place.project.write("docker/web.Dockerfile", "FROM busybox\nCOPY file /file\n");
        place.build(&["--context", "web", "--dockerfile", "../docker/web.Dockerfile"]).succeeds();
        assert_eq!(place.in_image("cat /file"), "of the context");
        place.build(&["--context", "web", "--inline", "FROM busybox\\nCOPY file /inline\\n"]).succeeds();
        assert_eq!(place.in_image("cat /inline"), "of the context");
        place.build(&["--context", "web"]).ends(1).says("there is no `Dockerfile`");
    }
}

#[test]
fn a_failing_step_is_named_and_its_output_shown() {
    for engine in engines() {
        let place = place(engine);
        place.instructions("FROM busybox\nRUN seq 1 300; echo to stderr >&2; exit 42\nRUN echo never\n");
        let output =
            place.build(&[]).ends(1).says("RUN seq 1 300; echo to stderr >&2; exit 42").says("42").prints("to stderr").prints("] 300");
        assert!(!output.stdout.contains("never"), "{output}");
        place.instructions("FROM busybox\nFOO bar\n");
        let output = place.build(&[]).start().wait();
        assert!(output.code != Some(0) && output.stderr.to_lowercase().contains("foo"), "{output}");
        place.instructions("FROM busybox\nCOPY missing /\n");
        let output = place.build(&[]).start().wait();
        assert!(output.code != Some(0) && output.stderr.contains("missing"), "{output}");
    }
}

#[test]
fn steps_are_cached_until_told_otherwise() {
    for engine in engines() {
        let place = place(engine);
        place.instructions("FROM busybox\nCOPY file /\nRUN cat /proc/sys/kernel/random/uuid > /once\n");
        place.project.write("file", "");
        place.build(&[]).succeeds();
        let once = place.in_image("cat /once");
        place.build(&[]).succeeds();
        assert_eq!(place.in_image("cat /once"), once);
        place.build(&["--no-cache"]).succeeds();
        assert_ne!(place.in_image("cat /once"), once);
    }
}

#[test]
fn steps_get_the_hosts_limits_and_network_that_were_asked_for() {
    for engine in engines() {
        let place = place(engine);
        place.instructions("FROM busybox\nRUN grep special /etc/hosts > /told; ulimit -n >> /told; ls /sys/class/net >> /told; df -k /dev/shm | tail -n 1 >> /told\n");
        let output = place
            .build(&["--extra-host", "special=10.1.2.3", "--ulimit", "nofile=123:456", "--network", "none", "--shm-size", "4194304"])
            .succeeds();
        let told = place.in_image("cat /told");
        assert!(told.contains("10.1.2.3") && told.contains("\nlo\n"), "{told}");
        // BuildKit of an engine this old takes these two and does nothing with them, which is said.
        let limited = told.contains("\n123\n") && told.contains("4096");
        assert!(limited || output.stdout.contains("are not obeyed"), "{told}{output}");
        assert!(!told.contains("eth0"), "{told}");
        place.build(&["--network", "host"]).ends(4).says("docker.host-namespaces = [\"network\"]");
        place.build(&["--network", "container:x"]).ends(1);
    }
}

#[test]
fn secrets_reach_the_steps_that_ask_for_them_and_no_layer() {
    let [classic, buildkit] = engines();
    let there = place(buildkit);
    there.instructions("FROM busybox\nRUN --mount=type=secret,id=token wc -c < /run/secrets/token > /told; [ \"$(cat /run/secrets/token)\" = \"hunter$((1+1))\" ] && echo it is it\n");
    there.build(&["--secret", "token=hunter2"]).succeeds().prints("it is it").lacks("hunter2");
    assert_eq!(there.in_image("cat /told").trim(), "7");
    assert_eq!(there.in_image("find / -xdev -name token -size +0"), "");
    there.instructions("FROM busybox\nRUN --mount=type=secret,id=other,required=true true\n");
    there.build(&["--secret", "token=hunter2"]).ends(1).says("other");
    let here = place(classic);
    here.instructions("FROM busybox\n");
    here.build(&["--secret", "token=hunter2"]).ends(1).says("BuildKit");
}

#[test]
fn a_build_is_cancelled_when_nobody_waits_for_it_or_the_run_ends() {
    for engine in engines() {
        let place = place(engine);
        let running = |what: &str| {
            let processes = fs::read_dir("/proc").unwrap().flatten();
            processes
                .filter_map(|entry| fs::read(entry.path().join("cmdline")).ok())
                .any(|line| String::from_utf8_lossy(&line).replace('\0', " ").starts_with(what))
        };
        place.instructions("FROM busybox\nRUN echo begun; sleep 7654\n");
        place.build(&["--no-cache", "--cancel-at", "begun"]).succeeds();
        until("the step ends", || !running("sleep 7654"));
        place.instructions("FROM busybox\nRUN echo begun; sleep 7655\n");
        let run = place.build(&["--no-cache"]).start();
        until("the step begins", || running("sleep 7655"));
        signal("INT", run.id());
        run.wait().ended(130);
        until("the step ends", || !running("sleep 7655"));
    }
}

#[test]
fn a_build_does_not_wait_for_a_guest_that_does_not_look() {
    for engine in engines() {
        let place = place(engine);
        place.instructions("FROM busybox\nRUN seq 1 5000\n");
        let output = place.build(&["--no-cache", "--blind"]).succeeds();
        output.prints("events were left out");
    }
}

#[test]
fn a_large_context_is_sent_with_little_memory_and_its_bytes_are_told() {
    for engine in engines() {
        let place = place(engine);
        place.instructions("FROM busybox\nCOPY big /big\nRUN wc -c < /big > /told\n");
        let file = fs::File::create(place.project.path("big")).unwrap();
        file.set_len(300 << 20).unwrap();
        let run = place.build(&[]).patience(180).start();
        let mut most = 0;
        let id = run.id();
        let peak = std::thread::spawn(move || {
            while let Ok(status) = fs::read_to_string(format!("/proc/{id}/status")) {
                let Some(line) = status.lines().find_map(|line| line.strip_prefix("VmHWM:")) else { break };
                most = most.max(line.trim().trim_end_matches(" kB").parse::<u64>().unwrap());
                std::thread::sleep(Duration::from_millis(50));
            }
            most
        });
        let output = run.wait().ended(0);
        assert!(
            output.stdout.lines().any(|line| line.starts_with("[context] sending 1") || line.starts_with("[context] sending 2")),
            "{output}"
        );
        assert_eq!(place.in_image("cat /told").trim(), (300 << 20).to_string());
        let peak = peak.join().unwrap();
        assert!(peak < 200 << 10, "{peak} KiB");
    }
}

#[test]
fn an_image_of_another_project_can_neither_be_begun_with_nor_copied_from_nor_named() {
    for engine in engines() {
        let place = place(engine);
        let other = engine.stack("alien");
        let theirs = format!("{}-secret", other.name());
        engine.answer("POST", &format!("/commit?container={}", created(engine, other.name())), None);
        let id = engine.api(
            "POST",
            &format!(
                "/commit?container={}&repo={theirs}&changes=LABEL%20com.docker.compose.project%3D{}",
                created(engine, other.name()),
                other.name()
            ),
        );
        let id = id["Id"].as_str().unwrap().to_owned();
        for text in [
            format!("FROM {theirs}\n"),
            format!("ARG X={theirs}\nFROM $X\n"),
            format!("FROM busybox\nCOPY --from={theirs} / /stolen/\n"),
            format!("FROM busybox AS {theirs}\nCOPY --from={theirs} / /stolen/\n"),
            format!("FROM busybox\nRUN --mount=type=bind,From={theirs},target=/x true\n"),
        ] {
            fails(&place.instructions(&text).build(&[])).says("has no image");
        }
        for text in [
            format!("FROM {id}\n"),
            format!("FROM {}\n", id.trim_start_matches("sha256:").get(..3).unwrap()),
            format!("FROM busybox\nCOPY --fr\\om={theirs} / /stolen/\n"),
            format!("FROM busybox\nRUN echo \\\\\nCOPY --from={theirs} / /stolen/\n"),
            format!("FROM busybox\nRUN --mount=type=bind,from=scratch,from={theirs},target=/x true\n"),
            format!("FROM ${{TARGETSTAGE:+{theirs}}}\n"),
        ] {
            fails(&place.instructions(&text).build(&[])).says("of the Dockerfile: ");
        }
        place.instructions(&format!("ARG X\nFROM ${{X:-{theirs}}}\n"));
        place.build(&["--arg", "X=busybox"]).succeeds();
        place.build(&["--cache-from", &theirs]).ends(4);
        place.build(&["--tag", &theirs]).ends(4).says("docker.tags = [");
        engine.answer("DELETE", &format!("/images/{theirs}?force=1"), None);
    }
}

#[test]
fn what_an_image_puts_off_is_looked_at_like_what_the_dockerfile_says() {
    for engine in engines() {
        let place = place(engine);
        let other = engine.stack("alien");
        let theirs = format!("{}-web", other.name());
        let late = format!("{}-late", place.stack.name());
        let commit = |name: &str, project: &str, changes: &str| {
            let (container, changes) = (created(engine, project), changes.replace(' ', "%20"));
            engine.api("POST", &format!("/commit?container={container}&repo={name}&changes={changes}"));
        };
        commit(&theirs, other.name(), "LABEL own=1");
        let put_off = |changes: &str| commit(&late, place.stack.name(), changes);
        put_off("LABEL own=1");
        place.instructions(&format!("FROM {late}\nRUN echo begun\n")).build(&[]).succeeds();
        put_off(&format!("ONBUILD COPY --from={theirs} / /stolen/"));
        fails(&place.instructions(&format!("FROM {late}\n")).build(&[])).says(&format!("has no image `{theirs}`"));
        put_off("ONBUILD ADD http://127.0.0.1:1/x /x");
        place.build(&[]).ends(4).says("add-url=http://127.0.0.1:1/x");
        // What is in a registry only is fetched before, and looked at as well.
        let registry = engine.open_registry();
        registry.push("late:1", &format!("ONBUILD COPY --from={theirs} / /stolen/"));
        place
            .instructions(&format!("FROM {}\n", registry.image("late:1")))
            .build(&[])
            .start()
            .wait()
            .says(&format!("has no image `{theirs}`"));
        registry.push("early:1", "ONBUILD RUN echo put off");
        place.instructions(&format!("FROM {}\n", registry.image("early:1"))).build(&[]).succeeds().prints("put off");
        for name in ["late:1", "early:1"] {
            registry.forget(name);
        }
        for image in [theirs, late] {
            engine.answer("DELETE", &format!("/images/{image}?force=1"), None);
        }
    }
}

#[test]
fn what_is_added_from_an_address_needs_a_line_of_its_own() {
    for engine in engines() {
        // Nothing listens there: that the engine asks is enough.
        let text = "FROM busybox\nADD http://127.0.0.1:1/x /x\n";
        let item = "docker.security-options = [\"add-url=http://127.0.0.1:1/x\"]";
        place(engine).instructions(text).build(&["--network", "none"]).ends(4).says(item);
        let granted = granted(engine, &format!("allow = [\"build\"], contexts = [\".\"], {}", item.trim_start_matches("docker.")));
        fails(&granted.instructions(text).build(&[])).says("127.0.0.1").lacks("add-url");
    }
}

#[test]
fn projects_share_no_cache_mount() {
    let engine = shared_buildkit();
    let (one, other) = (place(engine), place(engine));
    let told = |place: &Place<'_>, step: &str| {
        place.instructions(&format!("FROM busybox\nRUN --mount=type=cache,id=pip,target=/c {step}\n")).build(&[]).succeeds();
        place.in_image("cat /told")
    };
    let read = "cat /c/x > /told || true";
    told(&one, "echo from one | tee /c/x > /told");
    assert_eq!(told(&one, read), "from one\n");
    // Another step than theirs: results of the same one are shared on some engines.
    assert_eq!(told(&other, &format!("true; {read}")), "");
    other.build(&["--arg", &format!("BUILDKIT_CACHE_MOUNT_NS={}", one.stack.name())]).ends(1).says("written by the host");
}

#[test]
fn a_reader_of_instructions_needs_its_grant_however_it_is_named() {
    let place = place(shared_buildkit());
    place.instructions("# syntax=evil/reader\nFROM busybox\n").build(&[]).ends(4).says("docker.images = [\"evil/reader\"]");
    place.instructions("{\"syntax\": \"evil/reader\"}\n").build(&[]).ends(1).says("is no instruction");
    place.instructions("FROM busybox\n").build(&["--arg", "BUILDKIT_SYNTAX=evil/reader"]).ends(4);
    place.build(&["--arg", "BUILDKIT_SYNTAX=docker/dockerfile:1", "--arg", "BUILDKIT_SYNTAX=evil/reader"]).ends(1).says("given twice");
}

#[test]
fn instructions_that_grow_without_end_are_refused_and_the_run_goes_on() {
    let place = place(shared_docker());
    for text in
        [format!("ARG A=x\nFROM {}\n", "$A".repeat(200_000)), format!("ARG A\nFROM {}x{}\n", "${A:-".repeat(50_000), "}".repeat(50_000))]
    {
        place.instructions(&text).build(&[]).ends(1).says("cannot be told");
    }
}

/// A container to make an image of.
fn created(engine: &Docker, project: &str) -> String {
    engine.docker(&format!("create --label com.docker.compose.project={project} busybox")).trim().to_owned()
}

#[test]
fn without_the_grant_nothing_is_built_or_read() {
    let engine = shared_docker();
    granted(engine, "allow = [\"exec\"], contexts = [\".\"]").instructions("FROM busybox\n").build(&[]).ends(4).says("docker.allow = [");
    granted(engine, "allow = [\"build\"]").instructions("FROM busybox\n").build(&[]).ends(4).says("docker.contexts = [\".\"]");
    let place = granted(engine, "allow = [\"build\"], contexts = [\"web\"]");
    place.instructions("FROM busybox\n");
    place.project.write("web/Dockerfile", "FROM busybox\n");
    symlink(place.project.folder(), place.project.path("web/up")).unwrap();
    place.build(&["--context", "web"]).succeeds();
    place.build(&["--context", "."]).ends(4).says("docker.contexts = [\"web\", \".\"]");
    for words in [
        &["--context", "."][..],
        &["--context", "web/up"],
        &["--context", "web", "--dockerfile", "../Dockerfile"],
        &["--context", "/etc"],
        &["--context", "web/../.."],
        &["--context", ".host"],
    ] {
        place.build(words).ends(4);
    }
    place.build(&["--context", "web", "--label", "com.docker.compose.project=other"]).ends(1).says("written by the host");
    place.build(&["--context", "web", "--tag", "registry.example/web"]).ends(4).says("docker.tags = [\"registry.example/web\"]");
}

#[test]
fn private_files_are_said_when_they_are_sent() {
    let place = place(shared_docker());
    place.instructions("FROM busybox\n");
    place.project.write(".env", "PROJECT_NAME=x\n");
    place.build(&[]).succeeds().prints("[context] warning: `.env` is part of the context");
}
