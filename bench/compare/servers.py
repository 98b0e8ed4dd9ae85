"""The servers that are compared: how each is installed, started and spoken to, with the settings that stand beside figures."""
import os
import resource
import secrets
import shutil
import socket
import subprocess
import time
from pathlib import Path

import machine

HERE = Path(__file__).resolve().parent
PEERS = HERE / "peers"
NCHAN = Path("/usr/lib/nginx/modules/ngx_nchan_module.so")

NAMES = ["floor", "downlink-memory", "downlink-fsync", "downlink-fsync-key", "nchan", "nats", "node-ws"]


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class Server:
    """One that is started, measured and stopped, as a context."""

    settings = ""
    packages = ()
    has_batch = False

    def __init__(self, name, directory):
        self.name, self.directory, self.process = name, directory / name, None

    @property
    def pid(self):
        return self.process.pid

    def takes(self, case):
        return case.needs == "" or (case.needs == "batch" and self.has_batch)

    def is_there(self):
        return True

    def version(self):
        return ""

    def bench_options(self):
        return ["--peer", self.directory / "peer.toml"]

    def bench_environment(self):
        return {}

    def command(self):
        raise NotImplementedError

    def fill(self, source, to):
        """Copies a file with this run's ports and directories in it."""
        words = {"@PORT@": str(self.port), "@PORT2@": str(self.port2), "@DIRECTORY@": str(self.directory),
                 "@DESCRIPTORS@": str(resource.getrlimit(resource.RLIMIT_NOFILE)[1]),
                 "@USER@": "user root;" if os.geteuid() == 0 else ""}
        text = (PEERS / source).read_text()
        for word, value in words.items():
            text = text.replace(word, value)
        (self.directory / to).write_text(text)

    def __enter__(self):
        self.directory.mkdir(parents=True, exist_ok=True)
        self.port, self.port2 = free_port(), free_port()
        if (PEERS / f"{self.name}.toml").exists():
            self.fill(f"{self.name}.toml", "peer.toml")
        log = (self.directory / "log").open("w")
        self.process = subprocess.Popen([str(part) for part in self.command()], stdin=subprocess.DEVNULL, stdout=log,
                                        stderr=log, env=self.environment(), preexec_fn=raise_descriptors)
        deadline = time.monotonic() + 20
        while not is_open(self.port):
            if self.process.poll() is not None or time.monotonic() > deadline:
                self.__exit__()
                raise SystemExit(f"{self.name} did not start; see {self.directory / 'log'}")
            time.sleep(0.05)
        return self

    def environment(self):
        return {name: value for name, value in os.environ.items() if not name.startswith("DOWNLINK_")}

    def __exit__(self, *_):
        self.process.terminate()
        try:
            self.process.wait(15)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()


def raise_descriptors():
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))


def is_open(port):
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


class Floor(Server):
    settings = "one thread; no key, no check, nothing kept"

    def __init__(self, program, directory):
        super().__init__("floor", directory)
        self.program = program

    def command(self):
        return [self.program, f"127.0.0.1:{self.port}"]


class Downlink(Server):
    has_batch = True

    def __init__(self, name, program, directory, durability, key, settings):
        super().__init__(name, directory)
        self.program, self.durability, self.key, self.settings = program, durability, key, settings
        self.api_key, self.token_key = secrets.token_hex(16), secrets.token_hex(32)

    def takes(self, case):
        # What does not depend on how a send is kept is measured once.
        return self.durability == "memory" or case.sends

    def version(self):
        return machine.said(str(self.program), "--version")

    def command(self):
        data = self.directory / "data"
        shutil.rmtree(data, ignore_errors=True)
        return [self.program, "serve", "--listen", f"127.0.0.1:{self.port}", "--data-dir", data]

    def environment(self):
        return super().environment() | {"DOWNLINK_DURABILITY": self.durability, "DOWNLINK_LOG": "warn",
                                        "DOWNLINK_TOKEN_KEY": self.token_key, **self.keys()}

    def keys(self):
        return {"DOWNLINK_API_KEY": self.api_key}

    def bench_options(self):
        return ["--url", f"http://127.0.0.1:{self.port}", *(["--idempotent"] if self.key else [])]

    def bench_environment(self):
        return self.keys()

    def __exit__(self, *_):
        super().__exit__()
        shutil.rmtree(self.directory / "data", ignore_errors=True)


class Nchan(Server):
    settings = "one worker; messages in shared memory, 10 a channel, 30 s"
    packages = ("nginx", "libnginx-mod-nchan")

    def __init__(self, directory):
        super().__init__("nchan", directory)

    def is_there(self):
        return NCHAN.exists()

    def version(self):
        return f"nchan {machine.package('libnginx-mod-nchan')}, nginx {machine.package('nginx')}"

    def command(self):
        self.fill("nchan.conf", "nchan.conf")
        return ["/usr/sbin/nginx", "-c", self.directory / "nchan.conf", "-e", self.directory / "error.log"]


class Nats(Server):
    settings = "core NATS: nothing kept; messages by its own protocol, each acknowledged"
    packages = ("nats-server",)
    has_batch = True

    def __init__(self, directory):
        super().__init__("nats", directory)

    def is_there(self):
        return shutil.which("nats-server") is not None

    def version(self):
        return f"nats-server {machine.package('nats-server')}"

    def command(self):
        self.fill("nats.conf", "nats.conf")
        return ["nats-server", "-c", self.directory / "nats.conf"]


class NodeWs(Server):
    settings = "one process; a map of channels, nothing kept"
    has_batch = True

    def __init__(self, directory):
        super().__init__("node-ws", directory)
        self.home = directory / "node-ws-packages"

    def install(self):
        self.home.mkdir(parents=True, exist_ok=True)
        for file in ("package.json", "package-lock.json", "server.js"):
            shutil.copy(PEERS / "node-ws" / file, self.home)
        subprocess.run(["npm", "ci", "--no-audit", "--no-fund", "--silent"], cwd=self.home, check=True)

    def is_there(self):
        return (self.home / "node_modules/ws").exists() and shutil.which("node") is not None

    def version(self):
        return f"ws 8.18.3, Node {machine.said('node', '--version')}"

    def command(self):
        return ["node", "--max-old-space-size=8192", self.home / "server.js", self.port]


def all_of(program, floor, directory):
    """In the order in which a round goes over them."""
    return [
        Floor(floor, directory),
        Downlink("downlink-memory", program, directory, "memory", False, "durability memory"),
        Downlink("downlink-fsync", program, directory, "fsync", False, "durability fsync (the default)"),
        Downlink("downlink-fsync-key", program, directory, "fsync", True,
                 "durability fsync, an Idempotency-Key for each message (what the SDKs do)"),
        Nchan(directory),
        Nats(directory),
        NodeWs(directory),
    ]


def install(contenders):
    """What is missing of Debian's packages and npm's."""
    missing = [name for server in contenders for name in server.packages if not machine.package(name)]
    if missing:
        root = [] if os.geteuid() == 0 else ["sudo"]
        subprocess.run([*root, "apt-get", "update", "-q"], check=True, stdout=subprocess.DEVNULL)
        subprocess.run([*root, "apt-get", "install", "-y", "-q", "--no-install-recommends", *missing], check=True,
                       stdout=subprocess.DEVNULL, env=os.environ | {"DEBIAN_FRONTEND": "noninteractive"})
    for server in contenders:
        if hasattr(server, "install"):
            server.install()
