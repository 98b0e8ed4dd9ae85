#!/usr/bin/env python3
"""What several nodes on NATS cost beside one node on its own disk: sends a second and CPU for each message, with one NATS
server and with three that keep everything three times, with one, two and three nodes; and the memory of idle sockets.

  cargo build --release -p downlink-server
  bench/cluster/cluster.py                   about four minutes; tables and raw results in target/cluster
  bench/cluster/cluster.py --quick           that it works: its figures say nothing

Everything runs on this machine, the load too: what is shared out there are its processors. CPU says more than sends a
second, and steadier. The load is `downlink bench`, which checks every message.
"""
import argparse
import contextlib
import json
import os
import secrets
import shutil
import subprocess
import sys
import time
import urllib.request
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "bench/compare"))

import machine  # noqa: E402
from servers import free_port, raise_descriptors  # noqa: E402

TICK = os.sysconf("SC_CLK_TCK")
PAYLOAD = 128


def arguments():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--program", type=Path, default=ROOT / "target/release/downlink")
    parser.add_argument("--nats", type=Path,
                        default=os.environ.get("DOWNLINK_NATS_SERVER", ROOT / "target/tools/nats/bin/nats-server"))
    parser.add_argument("--out", type=Path, default=ROOT / "target/cluster")
    parser.add_argument("--seconds", type=int, default=5, help="of each measurement")
    parser.add_argument("--rounds", type=int, default=2, help="of which the medians are told")
    parser.add_argument("--sockets", type=int, default=300, help="open while messages are sent, on each node")
    parser.add_argument("--idle", type=int, default=6_000, help="sockets whose memory is measured")
    parser.add_argument("--quick", action="store_true")
    options = parser.parse_args()
    if options.quick:
        options.seconds, options.rounds, options.sockets, options.idle = 1, 1, 50, 200
    return options


class Process:
    """One of those that are measured."""

    def __init__(self, command, environment, log):
        clean = {name: value for name, value in os.environ.items() if not name.startswith("DOWNLINK_")}
        self.log = log
        self.running = subprocess.Popen([str(part) for part in command], stdin=subprocess.DEVNULL,
                                        stdout=log.open("w"), stderr=subprocess.STDOUT, env=clean | environment,
                                        preexec_fn=raise_descriptors)

    def cpu(self):
        """Microseconds, in user space and in the system."""
        fields = Path(f"/proc/{self.running.pid}/stat").read_text().rsplit(")", 1)[1].split()
        return (int(fields[11]) + int(fields[12])) * 1_000_000 // TICK

    def resident(self):
        status = Path(f"/proc/{self.running.pid}/status").read_text()
        return int(next(line for line in status.splitlines() if line.startswith("VmRSS")).split()[1]) * 1024

    def stop(self):
        self.running.terminate()
        try:
            self.running.wait(20)
        except subprocess.TimeoutExpired:
            self.running.kill()
            self.running.wait()


def answer(url):
    with urllib.request.urlopen(url, timeout=5) as response:
        return response.read().decode()


def until_it_answers(url, process):
    deadline = time.monotonic() + 30
    while True:
        with contextlib.suppress(OSError):
            return answer(url)
        if process.running.poll() is not None or time.monotonic() > deadline:
            raise SystemExit(f"{url} does not answer; see {process.log}")
        time.sleep(0.05)


class Cluster:
    """So many nodes on so many NATS servers (none: one node with a disk of its own), as a context."""

    def __init__(self, options, nats, nodes, durability="fsync"):
        self.options, self.nats_count, self.node_count, self.durability = options, nats, nodes, durability
        self.directory = options.out / f"nats-{nats}-nodes-{nodes}-{durability}"
        self.api_key, self.token_key = secrets.token_hex(16), secrets.token_hex(32)

    def __enter__(self):
        shutil.rmtree(self.directory, ignore_errors=True)
        self.directory.mkdir(parents=True)
        self.nats, self.nodes, self.urls = [], [], []
        try:
            self.start_nats()
            for number in range(self.node_count):
                self.start_node(number)
        except BaseException:
            self.__exit__()
            raise
        return self

    def start_nats(self):
        ports = [(free_port(), free_port(), free_port()) for _ in range(self.nats_count)]
        routes = ", ".join(f'"nats://127.0.0.1:{route}"' for _, _, route in ports)
        always = ", sync_interval: always" if self.durability == "fsync" else ""
        for number, (port, monitor, route) in enumerate(ports):
            folder = self.directory / f"nats-{number}"
            text = (f'server_name: "n{number}"\nlisten: "127.0.0.1:{port}"\nhttp: "127.0.0.1:{monitor}"\n'
                    f'jetstream {{ store_dir: "{folder}"{always} }}\n')
            if self.nats_count > 1:
                text += f'cluster {{ name: "downlink", listen: "127.0.0.1:{route}", routes: [{routes}] }}\n'
            file = self.directory / f"nats-{number}.conf"
            file.write_text(text)
            self.nats.append(Process([self.options.nats, "-c", file], {}, self.directory / f"nats-{number}.log"))
        for process, (_, monitor, _) in zip(self.nats, ports):
            until_it_answers(f"http://127.0.0.1:{monitor}/healthz", process)
        self.environment = {
            "DOWNLINK_BROKER": "nats",
            "DOWNLINK_NATS_REPLICAS": str(self.nats_count),
            "DOWNLINK_NATS_SERVERS": ",".join(f"nats://127.0.0.1:{port}" for port, _, _ in ports),
            "DOWNLINK_NATS_MONITORS": ",".join(f"http://127.0.0.1:{monitor}" for _, monitor, _ in ports),
        } if ports else {"DOWNLINK_DATA_DIR": str(self.directory / "data")}

    def start_node(self, number):
        port = free_port()
        keys = {"DOWNLINK_API_KEY": self.api_key, "DOWNLINK_TOKEN_KEY": self.token_key, "DOWNLINK_LOG": "warn",
                "DOWNLINK_DURABILITY": self.durability}
        command = [self.options.program, "serve", "--listen", f"127.0.0.1:{port}"]
        self.nodes.append(Process(command, keys | self.environment, self.directory / f"node-{number}.log"))
        self.urls.append(f"http://127.0.0.1:{port}")
        until_it_answers(f"{self.urls[-1]}/healthz", self.nodes[-1])

    def __exit__(self, *_):
        for process in [*self.nodes, *self.nats]:
            process.stop()
        for folder in self.directory.glob("*"):
            if folder.is_dir():
                shutil.rmtree(folder)

    def stored(self):
        """Messages that the nodes have answered as stored."""
        lines = "".join(answer(f"{url}/metrics") for url in self.urls).splitlines()
        found = [line for line in lines if line.startswith('downlink_messages_total{result="stored"}')]
        return sum(float(line.split()[-1]) for line in found)

    def bench(self, measure, *more):
        """The same load on every node at once; what each of them came to."""
        command = [self.options.program, "bench", measure, "--seconds", self.options.seconds, "--json", "-"]
        command = [str(part) for part in [*command, *more]]
        environment = os.environ | {"DOWNLINK_API_KEY": self.api_key}
        running = [subprocess.Popen([*command, "--url", url], stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                                    env=environment, text=True) for url in self.urls]
        results = []
        for process in running:
            out, complaints = process.communicate(timeout=120 + 10 * self.options.seconds)
            if process.returncode:
                raise SystemExit(f"{' '.join(command)}: {complaints}")
            results.append(json.loads(out)["results"][0])
        return results


def sends(options, nats, nodes, durability, batched):
    with Cluster(options, nats, nodes, durability) as cluster:
        before = cluster.stored(), [p.cpu() for p in cluster.nodes], [p.cpu() for p in cluster.nats]
        load = ["--sockets", options.sockets, "--payload", PAYLOAD, "--idempotent"]
        results = cluster.bench("batch", "--batch", 100, "--publishers", 4, *load) if batched else cluster.bench("unicast", *load)
        count = max(1, cluster.stored() - before[0])
        of_nodes = sum(p.cpu() for p in cluster.nodes) - sum(before[1])
        of_nats = sum(p.cpu() for p in cluster.nats) - sum(before[2])
        return {"nats": nats, "nodes": nodes, "durability": durability, "batched": batched, "messages": count,
                "messages_per_second": sum(result["messages_per_second"] for result in results),
                "latency_p50_us": median([result.get("latency_p50_us", 0) for result in results]),
                "node_cpu_us": of_nodes / count, "nats_cpu_us": of_nats / count}


def idle(options, nats):
    """Sockets on the first of two nodes: what it takes for each, and what the other one and NATS do, who hear of them."""
    with Cluster(options, nats, 2 if nats else 1) as cluster:
        time.sleep(2)
        others = [p.resident() for p in cluster.nodes[1:]], [p.resident() for p in cluster.nats]
        cluster.urls = cluster.urls[:1]
        result = cluster.bench("idle", "--sockets", options.idle)[0]
        grown = [p.resident() - was for p, was in zip(cluster.nodes[1:], others[0])]
        grown_nats = [p.resident() - was for p, was in zip(cluster.nats, others[1])]
        return {"nats": nats, "sockets": options.idle, "node_bytes": result["resident_bytes_per_socket"],
                "other_node_bytes": sum(grown) / options.idle,
                "nats_bytes": max(grown_nats, default=0) / options.idle}


def median(values):
    ordered = sorted(values)
    return (ordered[(len(ordered) - 1) // 2] + ordered[len(ordered) // 2]) / 2


def name(nats):
    return {0: "its own disk", 1: "one NATS server", 3: "three replicas"}[nats]


def table(rows):
    lines = ["| messages kept by | durability | nodes | one a call, /s | CPU of the nodes | CPU of NATS | 100 a call, /s | CPU of the nodes "
             "| CPU of NATS |", "|---|---|---|---|---|---|---|---|---|"]
    kinds = list(dict.fromkeys((row["nats"], row["durability"], row["nodes"]) for row in rows))
    for nats, durability, nodes in kinds:
        cells = [name(nats), durability, str(nodes)]
        for batched in (False, True):
            own = [row for row in rows
                   if (row["nats"], row["durability"], row["nodes"], row["batched"]) == (nats, durability, nodes, batched)]
            of = lambda figure: median([row[figure] for row in own])  # noqa: E731
            cells += [f"{of('messages_per_second'):,.0f}", f"{of('node_cpu_us'):.0f} µs",
                      f"{of('nats_cpu_us'):.0f} µs" if nats else ""]
        lines.append("| " + " | ".join(cells) + " |")
    return "\n".join(lines)


def idle_table(rows):
    lines = ["| messages kept by | sockets | memory for each, on its node | on each other node | on a NATS server |",
             "|---|---|---|---|---|"]
    for row in rows:
        shown = [f"{row[figure]:,.0f} bytes" if row["nats"] else "" for figure in ("other_node_bytes", "nats_bytes")]
        lines.append(f"| {name(row['nats'])} | {row['sockets']:,} | {row['node_bytes']:,.0f} bytes | " + " | ".join(shown)
                     + " |")
    return "\n".join(lines)


def main():
    options = arguments()
    for program in (options.program, Path(options.nats)):
        if not program.exists():
            raise SystemExit(f"{program} is not there; `scripts/test rust` installs and builds it")
    raise_descriptors()
    kinds = [(0, 1, "fsync"), (1, 1, "fsync"), (3, 1, "os")] if options.quick else [
        (0, 1, "fsync"), (0, 1, "os"), *((nats, n, how) for how in ("fsync", "os") for nats in (1, 3) for n in (1, 2, 3))]
    measured, rested = [], []
    for number in range(options.rounds):
        for nats, nodes, durability in kinds:
            for batched in (False, True):
                measured.append(sends(options, nats, nodes, durability, batched))
                print(f"round {number + 1}: {json.dumps(measured[-1])}", file=sys.stderr)
    for nats in (0, 1, 3):
        rested.append(idle(options, nats))
        print(json.dumps(rested[-1]), file=sys.stderr)
    about = machine.about()
    results = {"machine": about, "nats": machine.said(str(options.nats), "--version"), "sends": measured, "idle": rested}
    (options.out / "results.json").write_text(json.dumps(results, indent=2) + "\n")
    text = "\n\n".join([
        table(measured), idle_table(rested),
        f"Medians of {options.rounds} rounds of {options.seconds} s; {options.sockets} sockets on each node, {PAYLOAD} bytes a "
        "message, each with an Idempotency-Key; with 64 senders a node, or 4 of 100 a call; CPU is for each message, of all nodes "
        f"and of all NATS servers together. {about['processors']} processors ({about['model']}), {about['system']}, Linux "
        f"{about['kernel']}, {about['network']}. {results['nats']}.",
    ]) + "\n"
    (options.out / "cluster.md").write_text(text)
    print(text)


if __name__ == "__main__":
    main()
