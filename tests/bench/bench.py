"""The benchmarks of `make bench`: what the host takes, what another program takes, and the ratio.

Both sides of a comparison run in turns, so that a busy machine slows both; what is shown are medians.
Names to choose from: hello, django, list, size, rows-sqlite, rows-postgres, migrate,
connections, gateway-echo, gateway-idle, flush-cache, up.
"""

import glob
import os
import resource
import shutil
import signal
import socket
import sqlite3
import statistics
import subprocess
import sys
import tempfile
import time
from collections import namedtuple
from pathlib import Path

import engine

# How often each side of a comparison of quick programs runs.
QUICK = 21
# Runs that are not counted: they fill caches and compile.
WARM_UP = 2

LIST_COMPONENTS, LIST_BYTES = 1000, 75 * 1000
ROWS, FEW_ROWS = 1_000_000, 10_000
MIGRATIONS = 200
FLUSH_KEYS, FLUSH_VALUE_BYTES, FLUSH_RUNS = 1_000_000, 64, 9
UP_RUNS = 7

Sample = namedtuple("Sample", "wall_ms processor_ms memory_mib")


def program(variable):
    path = os.environ.get(variable, "")
    if not os.path.exists(path):
        sys.exit(f"bench: {variable}={path or '(not set)'} is missing: run `make bench`")
    return os.path.abspath(path)


def component(folder, name):
    path = Path(os.environ.get(folder, "")) / f"{name}.wasm"
    if not path.is_file():
        sys.exit(f"bench: {path} is missing: run `make commands`")
    return path


class Side:
    """One program with its arguments, the folder it runs in and what its runs took."""

    def __init__(self, folder, *words, **environment):
        self.folder, self.words, self.samples = folder, [str(word) for word in words], []
        self.environment = {"PATH": os.environ["PATH"], "HOME": str(WORK), "HOST_CACHE_DIR": str(WORK / "cache"), "LANG": "C.UTF-8"}
        self.environment.update(environment)

    def run(self):
        command = [program("NATIVE") + "/measure", *self.words]
        done = subprocess.run(command, cwd=self.folder, env=self.environment, stdin=subprocess.DEVNULL, capture_output=True, text=True)
        numbers = done.stdout.split()
        if done.returncode != 0 or numbers[-1:] != ["0"]:
            sys.exit(f"bench: {' '.join(self.words)[:300]} failed with exit code {(numbers or ['?'])[-1]}\n{done.stderr}")
        wall, processor, memory = (int(number) for number in numbers[:3])
        return Sample(wall / 1000, processor / 1000, memory / 1024)

    def output(self):
        """Runs it and answers what it prints, to see that both sides do the same work."""
        done = subprocess.run(self.words, cwd=self.folder, env=self.environment, stdin=subprocess.DEVNULL, capture_output=True, text=True)
        if done.returncode != 0:
            sys.exit(f"bench: {' '.join(self.words)[:300]} failed with exit code {done.returncode}\n{done.stderr}")
        return done.stdout.strip()

    def median(self, what):
        return statistics.median(getattr(sample, what) for sample in self.samples)


def compare(*sides, runs=QUICK):
    """Runs the sides in turns."""
    for _ in range(WARM_UP if runs >= QUICK else 1):
        for side in sides:
            side.run()
    for _ in range(runs):
        for side in sides:
            side.samples.append(side.run())
    return sides


def row(what, ours, theirs, unit, goal=None, goal_of="ratio"):
    """One line of the table; `goal` bounds the ratio, or our own number where there is no other."""
    ratio = ours / theirs if theirs else None
    show = lambda number: "-" if number is None else f"{number:.{0 if number >= 100 else 1 if number >= 1 else 3}f} {unit}"
    reached = ratio if goal_of == "ratio" else ours
    verdict = "-" if goal is None else f"{'' if goal_of == 'ratio' else goal_of} <= {goal:g}: {'met' if reached <= goal else 'MISSED'}".strip()
    print_row(what, show(ours), show(theirs), "-" if ratio is None else f"{ratio:.3f}", verdict)


def print_row(*cells):
    print(f"{cells[0]:<62} {cells[1]:>11} {cells[2]:>11} {cells[3]:>8}  {cells[4]}", flush=True)


def project(name, host_toml="", commands=()):
    folder = WORK / name
    (folder / "commands").mkdir(parents=True)
    (folder / "host.toml").write_text(f'[project]\nname = "bench"\ncommands = ["commands"]\n{host_toml}')
    for file_name, path in commands:
        shutil.copy(path, folder / "commands" / f"{file_name}.wasm")
    return folder


def host(folder, *words, **environment):
    return Side(folder, program("HOST"), *words, **environment)


def hello_side(name):
    """The same hello world, built without the SDK so that any runtime can run it."""
    return host(project(name, commands=[("hello", component("TEST_GUESTS", "bare"))]), "run", "hello")


def bench_hello():
    ours = hello_side("hello")
    theirs = Side(ours.folder, program("WASMTIME"), "run", "-C", "cache=y", "commands/hello.wasm")
    compare(ours, theirs, runs=51)
    row("hello, against `wasmtime run`: wall time", ours.median("wall_ms"), theirs.median("wall_ms"), "ms", 0.5)
    row("hello, against `wasmtime run`: processor time", ours.median("processor_ms"), theirs.median("processor_ms"), "ms")
    row("hello, against `wasmtime run`: peak memory", ours.median("memory_mib"), theirs.median("memory_mib"), "MiB", 0.5)


def write_migrations(folder, apps):
    """`apps`: name of the app (empty for the default one) to how many migrations it has."""
    for app, count in apps.items():
        home = folder / "migrations" / app
        home.mkdir(parents=True, exist_ok=True)
        for number in range(1, count + 1):
            table = f"{app or 'main'}_{number}"
            (home / f"{number:04}_{table}.sql").write_text(f"CREATE TABLE {table} (id INTEGER PRIMARY KEY, title TEXT NOT NULL);\n")


SQLITE = '[sql.default]\nurl = "sqlite://app.db"\n'
MIGRATE_GRANTS = '[commands.migrate]\nsql.default = ["read", "write", "schema", "lock"]\nfiles."migrations/**" = "read"\n'
SHOW_GRANTS = '[commands.showmigrations]\nsql.default = ["read"]\nfiles."migrations/**" = "read"\n'


def migrated_project(name, apps):
    commands = [(command, component("HOST_COMMANDS", command)) for command in ("migrate", "showmigrations")]
    folder = project(name, SQLITE + MIGRATE_GRANTS + SHOW_GRANTS, commands)
    write_migrations(folder, apps)
    host(folder, "run", "migrate").run()
    return folder


def bench_django():
    python = program("PYTHON")
    folder = WORK / "django"
    folder.mkdir()
    subprocess.run([python, "-m", "django", "startproject", "shop", "."], cwd=folder, check=True)
    subprocess.run([python, "manage.py", "migrate", "-v", "0"], cwd=folder, check=True)
    theirs = Side(folder, python, "manage.py", "showmigrations")
    # As many migrations as a fresh Django project has, in as many apps.
    apps = {"admin": 3, "auth": 12, "contenttypes": 2, "sessions": 1}
    listed = theirs.output().count("[X]")
    if listed != sum(apps.values()):
        sys.exit(f"bench: Django shows {listed} migrations, expected {sum(apps.values())}")
    show = host(migrated_project("django-like", apps), "run", "showmigrations")
    shown = show.output().count("[X]")
    if shown != listed:
        sys.exit(f"bench: showmigrations shows {shown} migrations, Django {listed}")
    hello = hello_side("hello-django")
    compare(hello, show, theirs, runs=QUICK)
    row("hello, against `manage.py showmigrations`: wall time", hello.median("wall_ms"), theirs.median("wall_ms"), "ms", 0.01)
    row("showmigrations (18 in 4 apps), against Django's: wall time", show.median("wall_ms"), theirs.median("wall_ms"), "ms")
    row("showmigrations (18 in 4 apps), against Django's: peak memory", show.median("memory_mib"), theirs.median("memory_mib"), "MiB")


def custom_section(name, data):
    def leb(number):
        low, rest = number & 0x7F, number >> 7
        return bytes([low]) if rest == 0 else bytes([low | 0x80]) + leb(rest)

    body = leb(len(name)) + name.encode() + data
    return b"\0" + leb(len(body)) + body


def bench_list():
    folder = project("list")
    base = component("TEST_GUESTS", "bare").read_bytes()
    for number in range(LIST_COMPONENTS):
        manifest = f'about = "Do the thing of number {number}"\neffect = "read"\n'.encode()
        file = base + custom_section("host:command", manifest)
        file += custom_section("padding", bytes(max(0, LIST_BYTES - len(file) - 20)))
        (folder / "commands" / f"command_{number:04}.wasm").write_bytes(file)
    files = sorted(str(path) for path in (folder / "commands").iterdir())
    ours = host(folder, "list", HOST_COMMANDS="/nonexistent")
    listed = ours.output().count("Do the thing")
    if listed != LIST_COMPONENTS:
        sys.exit(f"bench: `host list` shows {listed} components, expected {LIST_COMPONENTS}")
    theirs = Side(folder, "cat", *files)
    compare(ours, theirs)
    size = os.path.getsize(files[0]) / 1000
    row(f"list of {LIST_COMPONENTS} components of {size:.0f} KB, against `cat` of them", ours.median("wall_ms"), theirs.median("wall_ms"), "ms", 50, "ours")


def bench_size():
    row("size of the binary", os.path.getsize(program("HOST")) / 1e6, None, "MB", 30, "ours")


def rows_sql(count):
    return f"SELECT i, f, t FROM bench_rows LIMIT {count}"


CREATE_ROWS = """CREATE TABLE bench_rows (i BIGINT NOT NULL, f DOUBLE PRECISION NOT NULL, t TEXT NOT NULL)"""


def compare_rows(engine, url, folder):
    ours = host(folder, "run", "sqlprobe", "rows", ROWS)
    few = host(folder, "run", "sqlprobe", "rows", FEW_ROWS)
    theirs = Side(folder, program("NATIVE") + "/native-rows", url, rows_sql(ROWS))
    native_few = Side(folder, program("NATIVE") + "/native-rows", url, rows_sql(FEW_ROWS))
    for side, count in ((ours, ROWS), (few, FEW_ROWS), (theirs, ROWS), (native_few, FEW_ROWS)):
        if str(count) not in side.output():
            sys.exit(f"bench: {' '.join(side.words)} did not tell that it read {count} rows")
    compare(ours, theirs, few, native_few, runs=7)
    row(f"{ROWS} rows from {engine}, against sqlx: wall time", ours.median("wall_ms"), theirs.median("wall_ms"), "ms", 1.5)
    row(f"{ROWS} rows from {engine}, against sqlx: processor time", ours.median("processor_ms"), theirs.median("processor_ms"), "ms")
    row(f"{ROWS} rows from {engine}, against sqlx: peak memory", ours.median("memory_mib"), theirs.median("memory_mib"), "MiB")
    row(f"{ROWS} rows from {engine}, against {FEW_ROWS} of ours: peak memory", ours.median("memory_mib"), few.median("memory_mib"), "MiB")


def rows_project(name, url):
    grants = f'[sql.default]\nurl = "{url}"\n[commands.sqlprobe]\nsql.default = ["read"]\n'
    return project(name, grants, [("sqlprobe", component("TEST_GUESTS", "sqlprobe"))])


def bench_rows_sqlite():
    folder = rows_project("rows-sqlite", "sqlite://rows.db")
    with sqlite3.connect(folder / "rows.db") as database:
        database.execute(CREATE_ROWS)
        values = ((number, number / 7, f"text of row {number:08}") for number in range(ROWS))
        database.executemany("INSERT INTO bench_rows VALUES (?, ?, ?)", values)
    compare_rows("SQLite", "sqlite://rows.db", folder)


def postgres_program(name):
    found = sorted(glob.glob(f"/usr/lib/postgresql/*/bin/{name}"))
    return found[-1] if found else name


class Postgres:
    """A server of its own on a private socket, ended by its process id."""

    def __enter__(self):
        self.folder = WORK / "postgres"
        self.folder.mkdir()
        # PostgreSQL refuses root.
        self.become = ["setpriv", "--reuid=postgres", "--regid=postgres", "--init-groups"] if os.getuid() == 0 else []
        if self.become:
            os.chmod(WORK, 0o755)
            shutil.chown(self.folder, "postgres", "postgres")
        data = self.folder / "data"
        self.call("initdb", "-A", "trust", "-U", "bench", "-E", "UTF8", "--locale=C.UTF-8", "--no-sync", "-D", data)
        settings = ["-k", self.folder, "-c", "listen_addresses=", "-c", "fsync=off"]
        with open(WORK / "postgres.log", "w") as log:
            command = [*self.become, postgres_program("postgres"), "-D", data, *settings]
            self.server = subprocess.Popen(list(map(str, command)), cwd="/", stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        for _ in range(300):
            if self.psql("SELECT 1", check=False).returncode == 0:
                return self
            time.sleep(0.1)
        self.__exit__()
        sys.exit(f"bench: PostgreSQL did not start\n{(WORK / 'postgres.log').read_text()}")

    def __exit__(self, *_):
        # SIGINT: disconnect clients and end.
        self.server.send_signal(signal.SIGINT)
        self.server.wait(timeout=30)

    def call(self, name, *words):
        done = subprocess.run(list(map(str, [*self.become, postgres_program(name), *words])), cwd="/", capture_output=True, text=True)
        if done.returncode != 0:
            sys.exit(f"bench: {name} failed\n{done.stderr}")

    def psql(self, statements, check=True):
        command = [postgres_program("psql"), "-XqAt", "-v", "ON_ERROR_STOP=1", "-h", str(self.folder), "-U", "bench", "-d", "postgres", "-c", statements]
        return subprocess.run(command, capture_output=True, text=True, check=check)

    def url(self):
        return f"postgres://bench@localhost/postgres?host={self.folder}"


def bench_rows_postgres():
    with Postgres() as server:
        server.psql(CREATE_ROWS)
        values = f"SELECT n, n / 7.0, 'text of row ' || lpad(n::text, 8, '0') FROM generate_series(0, {ROWS - 1}) AS n"
        server.psql(f"INSERT INTO bench_rows {values}")
        server.psql("VACUUM ANALYZE bench_rows")
        compare_rows("PostgreSQL", server.url(), rows_project("rows-postgres", server.url()))


def bench_migrate():
    folder = migrated_project("migrate", {"": MIGRATIONS})
    ours = host(folder, "run", "migrate")
    theirs = Side(folder, program("SQLX"), "migrate", "run", "--source", "migrations", "--database-url", "sqlite://app.db")
    compare(ours, theirs)
    row(f"no-op migrate over {MIGRATIONS} migrations, against sqlx-cli: wall time", ours.median("wall_ms"), theirs.median("wall_ms"), "ms", 2)
    row(f"no-op migrate over {MIGRATIONS} migrations, against sqlx-cli: peak memory", ours.median("memory_mib"), theirs.median("memory_mib"), "MiB")


LABELS = 1000
CLIENTS, SECONDS, FRAME_BYTES = 32, 3, 128
# What is asked for; a machine that lets a process open fewer files measures fewer, and says so.
IDLE = 20_000
PACED, PACED_RATE = 3000, 500


def free_port():
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return listener.getsockname()[1]


class Process:
    """A program that runs until the end of the block, and prints a first line when it is ready (unless `ready` is none)."""

    def __init__(self, *words, folder=None, ready=None):
        self.words, self.folder, self.ready = [str(word) for word in words], folder, ready

    def __enter__(self):
        log = open(WORK / "processes.log", "a")
        self.child = subprocess.Popen(self.words, cwd=self.folder or WORK, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=log, text=True)
        if self.ready:
            self.line(self.ready)
        return self

    def __exit__(self, *_):
        if self.child.poll() is None:
            self.child.kill()
        self.child.wait()
        self.child.stdout.close()

    def line(self, start):
        """The words of the next line that begins like this."""
        for line in self.child.stdout:
            if line.startswith(start):
                return line.split()
        sys.exit(f"bench: {' '.join(self.words)} ended without saying `{start}`\n{(WORK / 'processes.log').read_text()[-2000:]}")

    def memory_kib(self):
        status = Path(f"/proc/{self.child.pid}/status").read_text()
        return int(next(line.split()[1] for line in status.splitlines() if line.startswith("VmRSS")))


def answers(port, seconds=10):
    for _ in range(seconds * 50):
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.02)
    sys.exit(f"bench: nothing listens on port {port}\n{(WORK / 'processes.log').read_text()[-2000:]}")


class Redis(Process):
    """A server of its own that keeps nothing."""

    def __init__(self):
        self.port = free_port()
        super().__init__("redis-server", "--port", self.port, "--bind", "127.0.0.1", "--save", "", "--appendonly", "no", "--enable-debug-command", "local")

    def __enter__(self):
        super().__enter__()
        answers(self.port)
        return self

    def cli(self, commands):
        subprocess.run(["redis-cli", "-p", str(self.port)], input=commands, stdout=subprocess.DEVNULL, text=True, check=True)

    def url(self):
        return f"redis://127.0.0.1:{self.port}/0"


def connections_project(name, redis):
    grants = f'''[redis.default]
url = "{redis.url()}"
[broadcast]
redis = "default"
[commands.connections]
broadcast = {{ allow = ["list", "drop", "reload"], labels = ["*"] }}
'''
    return project(name, grants, [("connections", component("HOST_COMMANDS", "connections"))])


def bench_connections():
    with Redis() as redis:
        labels = [f"{number:07x}.production" for number in range(LABELS)]
        redis.cli("".join(f"HINCRBY connections {label} 3\nSET connections:{label} exists EX 600\n" for label in labels))
        ours = host(connections_project("connections", redis), "run", "connections", "list")
        listed = ours.output().count(".production")
        if listed != LABELS:
            sys.exit(f"bench: `connections list` shows {listed} labels, expected {LABELS}")
        theirs = Side(ours.folder, "redis-cli", "-p", redis.port, "HGETALL", "connections")
        compare(ours, theirs)
        row(f"connections list of {LABELS} labels, against redis-cli HGETALL", ours.median("wall_ms"), theirs.median("wall_ms"), "ms", 50, "ours")


def bench_flush_cache():
    with Redis() as redis:
        grants = f'''[redis.default]
url = "{redis.url()}"
[commands.flush_cache]
redis.default = {{ allow = ["read", "delete"], keys = ["shop:cache:*"] }}
'''
        folder = project("flush-cache", grants, [("flush_cache", component("HOST_COMMANDS", "flush_cache"))])
        ours = host(folder, "run", "flush_cache", "--yes")
        theirs = Side(folder, program("NATIVE") + "/native-flush", redis.url(), "shop:cache:*")
        fill = lambda: redis.cli(f"DEBUG POPULATE {FLUSH_KEYS} shop:cache {FLUSH_VALUE_BYTES}\n")
        for side, told in ((ours, f"{FLUSH_KEYS:,} keys"), (theirs, f"{FLUSH_KEYS} keys")):
            fill()
            if told not in side.output():
                sys.exit(f"bench: {' '.join(side.words)} did not tell that it removed {FLUSH_KEYS} keys")
        for _ in range(FLUSH_RUNS):
            for side in (ours, theirs):
                fill()
                side.samples.append(side.run())
        row(f"flush_cache of {FLUSH_KEYS} keys, against native SCAN and UNLINK", ours.median("wall_ms"), theirs.median("wall_ms"), "ms", 1.3)
        row("the same: processor time of the client", ours.median("processor_ms"), theirs.median("processor_ms"), "ms")


def gateway(folder, upstream_port, *options):
    port = free_port()
    words = ["gateway", "--listen", f"127.0.0.1:{port}", "--upstream", f"ws://127.0.0.1:{upstream_port}", "--handshake-rate", "0", *options]
    return port, Process(program("HOST"), *words, folder=folder)


def websockets(*words):
    done = subprocess.run([program("NATIVE") + "/websockets", *map(str, words)], capture_output=True, text=True)
    if done.returncode != 0:
        sys.exit(f"bench: websockets {' '.join(map(str, words))} failed\n{done.stderr}")
    return done.stdout.strip()


def bench_gateway_echo():
    upstream = free_port()
    with Process(program("NATIVE") + "/websockets", "serve", f"127.0.0.1:{upstream}", ready="serving"):
        port, edge = gateway(project("gateway-echo"), upstream, "--no-redis")
        with edge:
            answers(port)
            direct, through = [], []
            for _ in range(3):
                for address, rates in ((upstream, direct), (port, through)):
                    rates.append(float(websockets("echo", f"ws://127.0.0.1:{address}/", CLIENTS, SECONDS, FRAME_BYTES)))
    direct, through = statistics.median(direct), statistics.median(through)
    print_row(f"echo of {FRAME_BYTES} bytes by {CLIENTS} clients: round trips a second", f"{through:.0f}", f"{direct:.0f}", f"{through / direct:.3f}", "-")


class Held:
    """Idle connections through a gateway of our own, registered in Redis, and the command that reaches them."""

    def __init__(self, name, redis, upstream, count):
        self.folder, self.count = connections_project(name, redis), count
        self.port, self.edge = gateway(self.folder, upstream, "--label", "bench.production", "--mode", "core")

    def __enter__(self):
        self.edge.__enter__()
        answers(self.port)
        self.before = self.edge.memory_kib()
        self.clients = Process(program("NATIVE") + "/websockets", "hold", f"ws://127.0.0.1:{self.port}/", self.count, ready="open")
        self.clients.__enter__()
        # All are registered some moments after they are open.
        time.sleep(3)
        return self

    def __exit__(self, *_):
        self.clients.__exit__()
        self.edge.__exit__()

    def tell(self, verb, what, *options):
        """Runs the command; answers when the first and the last client noticed, in seconds after its start."""
        started = time.time()
        side = host(self.folder, "run", "connections", verb, "--all", "--yes", *options)
        side.output()
        words = self.clients.line(what)
        if int(words[1]) != self.count:
            sys.exit(f"bench: {verb} reached {words[1]} of {self.count} connections")
        return (float(words[2]) / 1e6 - started, float(words[3]) / 1e6 - started)


def bench_gateway_idle():
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    count = min(IDLE, (hard - 200) // 2)
    if count < IDLE:
        print(f"(this machine lets a process open {hard} files, two for each connection: {count} connections instead of {IDLE})")
    upstream = free_port()
    with Redis() as redis, Process(program("NATIVE") + "/websockets", "serve", f"127.0.0.1:{upstream}", ready="serving"):
        with Held("gateway-idle", redis, upstream, count) as held:
            memory = (held.edge.memory_kib() - held.before) / count
            row(f"gateway: memory of each of {count} idle connections", memory, None, "KiB", 16, "ours")
            row(f"gateway: force_reload reaches {count} connections", held.tell("force_reload", "reloaded")[1], None, "s", 2, "ours")
            row(f"gateway: drop closes {count} connections", held.tell("drop", "closed")[1], None, "s", 5, "ours")
        with Held("gateway-paced", redis, upstream, PACED) as held:
            first, last = held.tell("drop", "closed", "--rate", f"{PACED_RATE}/s")
            rate = (PACED - 1) / (last - first)
            row(f"gateway: drop of {PACED} at {PACED_RATE}/s: measured rate, off by a share of", abs(rate / PACED_RATE - 1), None, "", 0.05, "ours")
    resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


UP_GRANTS = """[docker]
endpoint = "{url}"
[commands.up]
files = {{ "*.yml" = "read", "*.yaml" = "read", ".env" = "read", ".env.sample" = "read", ".env.example" = "read" }}
env = ["*"]
[commands.up.docker]
allow = ["inspect", "logs", "create", "start-stop", "remove", "network", "volume", "pull", "build"]
project = "bench"
images = ["busybox"]
ports = ["127.0.0.1:18001-18003"]
"""


def bench_up():
    with engine.Engine(WORK / "engine") as docker:
        folder = project("up", UP_GRANTS.format(url=docker.url), [("up", component("HOST_COMMANDS", "up"))])
        (folder / "docker-compose.yml").write_text(engine.COMPOSE)
        (folder / ".env").write_text("COMPOSE_PROJECT_NAME=bench\n")
        compose = {"DOCKER_HOST": docker.url, "PATH": engine.PATH}
        programs = [host, lambda folder, *words: Side(folder, "docker-compose", *words, **compose)]
        first = [program(folder, *words) for program, words in zip(programs, [("run", "up"), ("up", "-d")])]
        again = [program(folder, *words) for program, words in zip(programs, [("run", "up"), ("up", "-d")])]
        bare = []
        # The first round is not counted.
        for counts in [False] + [True] * UP_RUNS:
            for fresh, no_op in zip(first, again):
                docker.clear()
                for side in (fresh, no_op):
                    sample = side.run()
                    if docker.running() != engine.SERVICES:
                        sys.exit(f"bench: after `{' '.join(side.words)}` {docker.running()} containers run, expected {engine.SERVICES}")
                    if counts:
                        side.samples.append(sample)
            bare.append(docker.bare_starts() * 1000)
        services = f"of {engine.SERVICES} services, against docker-compose"
        for what, (ours, theirs) in (("up from nothing", first), ("no-op up", again)):
            row(f"{what} {services}: wall time", ours.median("wall_ms"), theirs.median("wall_ms"), "ms", 0.5)
            row(f"{what} {services}: processor time", ours.median("processor_ms"), theirs.median("processor_ms"), "ms")
        # Below this nobody comes.
        row("the same engine's starts alone, by bare calls: wall time", statistics.median(bare[1:]), first[1].median("wall_ms"), "ms")


BENCHMARKS = {
    "hello": bench_hello,
    "django": bench_django,
    "list": bench_list,
    "size": bench_size,
    "rows-sqlite": bench_rows_sqlite,
    "rows-postgres": bench_rows_postgres,
    "migrate": bench_migrate,
    "connections": bench_connections,
    "gateway-echo": bench_gateway_echo,
    "gateway-idle": bench_gateway_idle,
    "flush-cache": bench_flush_cache,
    "up": bench_up,
}


def main():
    names = sys.argv[1:] or list(BENCHMARKS)
    for name in names:
        if name not in BENCHMARKS:
            sys.exit(f"bench: no benchmark is called `{name}`; there are: {', '.join(BENCHMARKS)}")
    print_row("what", "ours", "theirs", "ratio", "goal")
    for name in names:
        BENCHMARKS[name]()


if __name__ == "__main__":
    with tempfile.TemporaryDirectory(prefix="host-bench.") as scratch:
        WORK = Path(scratch)
        main()
