#!/usr/bin/env python3
"""Measures Downlink beside other push servers and beside the floor, all in one run on this machine.

    bench/compare/compare.py                     three rounds, about half an hour; needs Rust, Node and a Debian's apt-get
    bench/compare/compare.py --quick             a minute, to see that it works; its figures are worth nothing
    bench/compare/compare.py --only floor,downlink-memory,nchan --rounds 5

Rounds go over all servers in turn, so that what the machine does meanwhile meets all of them alike. It writes results.json
(everything that was measured), table.md, and plots as SVG, into --out.
"""
import argparse
import json
import os
import subprocess
import sys
from pathlib import Path

import machine
import plots
import servers
import tables
from cases import CASES

ROOT = Path(__file__).resolve().parents[2]

# Above this share of a core, taken by the hypervisor or by other work here, a figure is marked and left out of medians.
NOISE_CORES = 0.2


def options():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seconds", type=int, default=4, help="for each measure")
    parser.add_argument("--only", help="these servers, with commas between them: " + ", ".join(servers.NAMES))
    parser.add_argument("--cases", help="these measures: " + ", ".join(case.name for case in CASES))
    parser.add_argument("--quick", action="store_true", help="one round, one second, few sockets")
    parser.add_argument("--out", type=Path, default=ROOT / "target/compare")
    parser.add_argument("--again", action="store_true", help="add rounds to those in --out, and draw all anew")
    parser.add_argument("--program", type=Path, help="a built downlink, instead of building one")
    parser.add_argument("--floor", type=Path, help="a built floor, instead of building one")
    parser.add_argument("--no-install", action="store_true", help="install nothing; leave out what is not there")
    return parser.parse_args()


def built(path, arguments, directory):
    """A program that was given, or that is built now."""
    if path:
        return path.resolve()
    subprocess.run(["cargo", "build", "--release", "--locked", *arguments], cwd=directory, check=True)
    # Where cargo puts it: CARGO_TARGET_DIR, else target beside its Cargo.toml.
    target = Path(os.environ.get("CARGO_TARGET_DIR", directory / "target"))
    return target / "release" / ("downlink" if "downlink" in arguments else "downlink-floor")


def measure(program, server, case, args, round_number):
    """One measure of one server: what `downlink bench` reports, or why there is nothing."""
    sockets = 200 if args.quick else case.sockets
    command = [program, "bench", case.measure, "--json", "-", "--pid", str(server.pid), "--sockets", str(sockets),
               "--seconds", str(1 if args.quick else args.seconds), *case.options, *server.bench_options()]
    environment = {name: value for name, value in os.environ.items() if not name.startswith("DOWNLINK_")}
    try:
        done = subprocess.run([str(part) for part in command], env=environment | server.bench_environment(),
                              capture_output=True, text=True, timeout=180)
    except subprocess.TimeoutExpired:
        return {"server": server.name, "case": case.name, "round": round_number, "error": "took over 180 seconds"}
    if not done.stdout.strip():
        return {"server": server.name, "case": case.name, "round": round_number, "error": done.stderr.strip()[-300:]}
    result = json.loads(done.stdout)["results"][0]
    noise = max(result.get("steal_cores", 0), result.get("other_cores", 0))
    return {"server": server.name, "case": case.name, "round": round_number, "noisy": noise > NOISE_CORES, **result}


def one_round(program, contenders, cases, args, number):
    for server in contenders:
        wanted = [case for case in cases if server.takes(case)]
        if not wanted:
            continue
        with server:
            for case in wanted:
                result = measure(program, server, case, args, number)
                value = result.get(case.figure)
                said = result.get("error") or ", ".join(result["faults"]) or f"{value} {case.unit}"
                noisy = " (the machine was busy)" if result.get("noisy") else ""
                print(f"round {number} {server.name:<22} {case.name:<16} {said}{noisy}", file=sys.stderr, flush=True)
                yield result


def main():
    args = options()
    args.out.mkdir(parents=True, exist_ok=True)
    program = built(args.program, ["-p", "downlink-server", "--bin", "downlink"], ROOT)
    floor = built(args.floor, [], ROOT / "bench/floor")
    only = args.only.split(",") if args.only else servers.NAMES
    contenders = [server for server in servers.all_of(program, floor, args.out) if server.name in only]
    if not args.no_install:
        servers.install(contenders)
    contenders = [server for server in contenders if server.is_there()]
    cases = [case for case in CASES if not args.cases or case.name in args.cases.split(",")]
    path = args.out / "results.json"
    results = json.loads(path.read_text())["results"] if args.again and path.exists() else []
    first = 1 + max((result["round"] for result in results), default=0)
    for number in range(first, first + (1 if args.quick else args.rounds)):
        for result in one_round(program, contenders, cases, args, number):
            results.append(result)
            about = {"machine": machine.about(), "versions": {server.name: server.version() for server in contenders},
                     "settings": {server.name: server.settings for server in contenders}}
            path.write_text(json.dumps({**about, "results": results}, indent=1, ensure_ascii=False) + "\n")
    written = json.loads(path.read_text())
    (args.out / "table.md").write_text(tables.markdown(written, CASES))
    plots.write(written, CASES, args.out)
    print((args.out / "table.md").read_text())
    if args.quick:
        print("QUICK: 200 sockets and a second each, which shows that it works; the figures are worth nothing.")
    failed = [f"{result['server']} {result['case']}" for result in results
              if result["server"].startswith("downlink") and (result.get("error") or result.get("faults"))]
    if failed:
        sys.exit("Downlink failed in: " + ", ".join(failed))


if __name__ == "__main__":
    main()
