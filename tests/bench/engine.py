"""A Docker Engine of the benchmarks' own, in namespaces of its own, and the stack that it runs."""

import http.client
import json
import os
import shutil
import socket
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor

# What `docker` and docker-compose need of the machine's PATH; another `docker` may come first in somebody's.
PATH = "/usr/bin:/bin:/usr/sbin"
# `/run` is its own, for containerd's sockets and the lock of iptables. All of it ends with its standard input, so
# that nothing is left when the benchmarks are killed.
HOLD = 'mount -t tmpfs run /run && busybox ip link set lo up && : >"$1/held" && exec docker-init -- cat'
# Rests, and ends at once when it is asked to.
REST = "#!/bin/sh\ntrap 'exit 0' TERM INT\nsleep 1000000 &\nwait\n"

SERVICES = 10
# More at once take longer each and are over no sooner.
STARTS_AT_ONCE = 4
# Five deep where services wait for each other; three publish ports, two are on both networks.
COMPOSE = """version: '3.8'
x-common: &common
  image: busybox
  restart: unless-stopped
  environment: {DEBUG: '0', DATABASE_URL: 'postgres://db/app', REDIS_URL: 'redis://cache/0'}
  labels: {shop.team: core}
  networks: [back]
services:
  db:
    <<: *common
    volumes: ['data:/var/lib/data']
  cache: *common
  queue: *common
  backend:
    <<: *common
    depends_on: [db, cache, queue]
    networks: [back, front]
  worker:
    <<: *common
    depends_on: [backend]
  beat:
    <<: *common
    depends_on: [backend]
  api:
    <<: *common
    depends_on: [backend]
    networks: [back, front]
    ports: ['127.0.0.1:18001:80']
  frontend:
    <<: *common
    depends_on: [api]
    networks: [front]
    ports: ['127.0.0.1:18002:80']
  mail:
    <<: *common
    depends_on: [queue]
  proxy:
    <<: *common
    depends_on: [frontend, api]
    networks: [front]
    ports: ['127.0.0.1:18003:80']
networks: {back: {}, front: {}}
volumes: {data: {}}
"""


class Engine:
    """Its published ports are in its own network, so that no other program's are in the way."""

    def __init__(self, folder):
        self.folder, self.socket = folder, folder / "docker.sock"
        self.url = f"unix://{self.socket}"

    def __enter__(self):
        self.folder.mkdir()
        (self.folder / "daemon.json").write_text("{}")
        log = open(self.folder / "log", "w")
        quiet = {"stdout": log, "stderr": log}
        unshare = ["unshare", "--mount", "--net", "--pid", "--ipc", "--fork", "--kill-child", "--mount-proc"]
        self.holder = subprocess.Popen([*unshare, "sh", "-c", HOLD, "hold", self.folder], stdin=subprocess.PIPE, **quiet)
        self.until("its namespaces are made (as root only)", (self.folder / "held").exists)
        with open(f"/proc/{self.holder.pid}/task/{self.holder.pid}/children") as children:
            enter = ["nsenter", "-t", children.read().split()[0], "--mount", "--net", "--pid", "--ipc"]
        files = {"--config-file": "daemon.json", "--data-root": "data", "--exec-root": "exec", "--pidfile": "docker.pid"}
        options = [word for option, name in files.items() for word in (option, self.folder / name)]
        options += ["--exec-opt", "native.cgroupdriver=cgroupfs", "--cgroup-parent", f"/{self.group()}"]
        self.daemon = subprocess.Popen([*enter, "dockerd", "-H", self.url, *options], stdin=subprocess.DEVNULL, **quiet)
        self.until("the engine answers", self.answers)
        self.busybox()
        return self

    def __exit__(self, *_):
        # The first process of the namespaces ends with it, and everything in them.
        self.holder.kill()
        self.holder.wait()
        self.daemon.wait()
        shutil.rmtree(self.folder, ignore_errors=True)
        groups = f"find /sys/fs/cgroup -depth -type d -path '*/{self.group()}*' -exec rmdir {{}} +"
        subprocess.run(["sh", "-c", groups], stderr=subprocess.DEVNULL)

    def group(self):
        return f"{self.folder.parent.name}-{self.folder.name}"

    def until(self, what, condition):
        end = time.monotonic() + 60
        while not condition():
            if time.monotonic() > end:
                sys.exit(f"bench: did not happen within 60 s: {what}\n{(self.folder / 'log').read_text()[-3000:]}")
            time.sleep(0.02)

    def answers(self):
        try:
            return self.ask("GET", "/_ping")[0] == 200
        except OSError:
            return False

    def ask(self, method, path):
        connection = http.client.HTTPConnection("docker")
        connection.sock = socket.socket(socket.AF_UNIX)
        connection.sock.connect(str(self.socket))
        connection.request(method, path)
        answer = connection.getresponse()
        body = answer.read()
        connection.close()
        return answer.status, body

    def list(self, path):
        return json.loads(self.ask("GET", path)[1])

    def busybox(self):
        root = self.folder / "image"
        for name in ("bin", "tmp"):
            (root / name).mkdir(parents=True)
        shutil.copy("/bin/busybox", root / "bin")
        for name in ("sh", "sleep"):
            (root / "bin" / name).symlink_to("busybox")
        (root / "bin/rest").write_text(REST)
        os.chmod(root / "bin/rest", 0o755)
        (root / "Dockerfile").write_text('FROM scratch\nCOPY . /\nCMD ["rest"]\n')
        environment = {"PATH": PATH, "HOME": str(self.folder), "DOCKER_HOST": self.url}
        done = subprocess.run(["docker", "build", "-q", "-t", "busybox", root], env=environment, capture_output=True, text=True)
        if done.returncode != 0:
            sys.exit(f"bench: busybox cannot be built\n{done.stderr}")

    def running(self):
        return len(self.list("/containers/json"))

    def bare_starts(self):
        """Seconds that the engine takes to start the containers again, asked by nothing but the calls, in no order."""
        ids = [container["Id"] for container in self.list("/containers/json")]
        for id in ids:
            self.ask("POST", f"/containers/{id}/stop?t=1")
        with ThreadPoolExecutor(STARTS_AT_ONCE) as pool:
            begin = time.monotonic()
            codes = [code for code, _ in pool.map(lambda id: self.ask("POST", f"/containers/{id}/start"), ids)]
            took = time.monotonic() - begin
        if codes != [204] * len(ids):
            sys.exit(f"bench: the engine does not start its containers again: {codes}")
        return took

    def clear(self):
        """Removes every container, network and volume."""
        for container in self.list("/containers/json?all=1"):
            self.ask("DELETE", f"/containers/{container['Id']}?force=1&v=1")
        for network in self.list("/networks"):
            if network["Name"] not in ("bridge", "host", "none"):
                # For a moment it still counts the containers that were removed.
                self.until("a network is removed", lambda: self.ask("DELETE", f"/networks/{network['Id']}")[0] in (204, 404))
        for volume in self.list("/volumes")["Volumes"] or []:
            self.ask("DELETE", f"/volumes/{volume['Name']}")
