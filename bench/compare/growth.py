#!/usr/bin/env python3
"""Measures how Downlink's cost grows: with open sockets, with channels, and with what lies in the journal.

    bench/compare/growth.py [--program target/release/downlink] [--quick]

Writes growth.json, growth.md and growth-sockets.svg into --out. The floor is measured beside each step of sockets.
"""
import argparse
import http.client
import json
import statistics
import subprocess
import time
from pathlib import Path

import compare
import plots
import servers
from cases import Case

# A call takes 16 MiB at most, and 10,000 messages.
CALL_ITEMS, CALL_BYTES = 10_000, 12_000_000


def case(measure, sockets, figure, *options):
    return Case(measure, measure, measure, sockets, figure, "µs", options)


def fill(server, channels, messages, size):
    """Stores so many messages of so many bytes, spread over so many channels that nobody has open."""
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=60)
    headers = {"Authorization": f"Bearer {server.api_key}", "Content-Type": "application/x-ndjson"}
    data, step = "x" * size, min(CALL_ITEMS, CALL_BYTES // (size + 60))
    for first in range(0, messages, step):
        items = (f'{{"to":"filled-{number % channels}","data":"{data}"}}\n'
                 for number in range(first, min(first + step, messages)))
        connection.request("POST", "/v1/messages", "".join(items), headers)
        answer = connection.getresponse()
        body = answer.read()
        if answer.status != 200 or b'"code"' in body:
            raise SystemExit(f"the server refused what was to fill it: {answer.status} {body[:200]}")
    connection.close()


class Kept(servers.Downlink):
    """A Downlink whose limits let it keep what it is filled with, and that can be killed and started again."""

    def __init__(self, program, directory, durability, name):
        super().__init__(name, program, directory, durability, False, "")

    def environment(self):
        return super().environment() | {"DOWNLINK_RETENTION_BYTES": str(4 << 30),
                                        "DOWNLINK_RETENTION_MESSAGES": "1000000"}

    def start_again_seconds(self):
        """`kill -9`, and the time until it answers again with the same data."""
        self.process.kill()
        self.process.wait()
        began = time.monotonic()
        command = [str(self.program), "serve", "--listen", f"127.0.0.1:{self.port}",
                   "--data-dir", str(self.directory / "data")]
        self.process = subprocess.Popen(command, env=self.environment(), stdout=subprocess.DEVNULL,
                                        stderr=subprocess.DEVNULL, preexec_fn=servers.raise_descriptors)
        while not self.is_ready():
            if time.monotonic() - began > 120:
                raise SystemExit(f"{self.name} did not start again within two minutes")
            time.sleep(0.005)
        return time.monotonic() - began

    def is_ready(self):
        if not servers.is_open(self.port):
            return False
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)
        try:
            connection.request("GET", "/healthz")
            return connection.getresponse().status == 200
        except OSError:
            return False
        finally:
            connection.close()


def figure(args, server, wanted):
    result = compare.measure(args.program, server, wanted, argparse.Namespace(quick=False, seconds=args.seconds), 1)
    if result.get("error") or result["faults"]:
        raise SystemExit(f"{server.name}: {result.get('error') or result['faults']}")
    noisy = " (busy)" if result["noisy"] else ""
    print(f"{server.name:<20} {wanted.measure} {result['sockets']:>6} sockets: {result[wanted.figure]}{noisy}", flush=True)
    return result[wanted.figure]


def medians(args, server, wanted):
    return statistics.median(figure(args, server, wanted) for _ in range(args.rounds))


def over_sockets(args):
    """(sockets, floor, Downlink) for each step: servers in turn, so that both meet the same machine."""
    steps = [100, 200] if args.quick else [1_000, 5_000, 10_000, 19_000]
    found = {step: ([], []) for step in steps}
    for _ in range(args.rounds):
        for place, server in enumerate([servers.Floor(args.floor, args.out), Kept(args.program, args.out, "memory", "sockets")]):
            with server:
                for step in steps:
                    found[step][place].append(figure(args, server, case("unicast", step, "server_cpu_us_per_message")))
    return [(step, statistics.median(floor), statistics.median(own)) for step, (floor, own) in found.items()]


def over_channels(args):
    """(channels that have messages, a send's CPU)."""
    rows = []
    for channels in [10, 1_000] if args.quick else [10, 10_000, 1_000_000]:
        with Kept(args.program, args.out, "memory", "channels") as server:
            fill(server, channels, channels, 10)
            rows.append((channels, medians(args, server, case("unicast", 1_000, "server_cpu_us_per_message"))))
    return rows


def over_journal(args):
    """(messages, bytes in the journal, a send's CPU, a resume's CPU, seconds of a start after a kill)."""
    rows = []
    for messages, size in [(10, 1_000), (1_000, 1_000)] if args.quick else [(10, 1_000), (1_000_000, 1_000), (10_000_000, 100)]:
        with Kept(args.program, args.out, "os", "journal") as server:
            fill(server, 10_000, messages, size)
            files = (server.directory / "data").rglob("*")
            stored = messages * size if messages < 1_000 else sum(file.stat().st_blocks * 512 for file in files if file.is_file())
            send = medians(args, server, case("unicast", 1_000, "server_cpu_us_per_message"))
            resume = medians(args, server, case("resume", 200 if args.quick else 10_000, "server_cpu_us_per_socket"))
            rows.append((messages, stored, send, resume, server.start_again_seconds()))
    return rows


def markdown(growth):
    lines = ["| sockets open | floor | Downlink | ratio |", "|---|---|---|---|"]
    lines += [f"| {step:,} | {floor:.1f} µs | {own:.1f} µs | {own / floor:.2f} |" for step, floor, own in growth["sockets"]]
    lines += ["", "| channels with messages | a send |", "|---|---|"]
    lines += [f"| {channels:,} | {send:.1f} µs |" for channels, send in growth["channels"]]
    lines += ["", "| messages in the journal | bytes | a send | a socket that resumes | start after a kill |", "|---|---|---|---|---|"]
    lines += [f"| {messages:,} | {stored / 1e6:,.2f} MB | {send:.1f} µs | {resume:.1f} µs | {seconds * 1000:,.0f} ms |"
              for messages, stored, send, resume, seconds in growth["journal"]]
    return "\n".join(lines) + "\n"


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seconds", type=int, default=4, help="for each measure")
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--out", type=Path, default=compare.ROOT / "target/compare")
    parser.add_argument("--program", type=Path, default=compare.ROOT / "target/release/downlink")
    parser.add_argument("--floor", type=Path, default=compare.ROOT / "bench/floor/target/release/downlink-floor")
    args = parser.parse_args()
    if args.quick:
        args.rounds, args.seconds = 1, 1
    args.out.mkdir(parents=True, exist_ok=True)
    growth = {"sockets": over_sockets(args), "channels": over_channels(args), "journal": over_journal(args)}
    (args.out / "growth.json").write_text(json.dumps(growth, indent=1) + "\n")
    (args.out / "growth.md").write_text(markdown(growth))
    steps = growth["sockets"]
    (args.out / "growth-sockets.svg").write_text(plots.lines(
        "One POST to one of so many open sockets: CPU", "microseconds of the server, 128-byte messages",
        [f"{step:,}" for step, _, _ in steps],
        {"floor": [floor for _, floor, _ in steps], "downlink": [own for _, _, own in steps]}))
    print(markdown(growth))


if __name__ == "__main__":
    main()
