"""References that are made from the program, and the list of errors, which is compared with its source."""

from __future__ import annotations

import json
import re
import subprocess
import tempfile
from pathlib import Path

from checks.monitoring import ALL, scrape
from checks.pages import ROOT
from checks.sayings import sayings
from checks.server import Server

CLI = ROOT / "docs" / "reference" / "cli.md"
CONFIGURATION = ROOT / "docs" / "reference" / "configuration.md"
METRICS = ROOT / "docs" / "reference" / "metrics.md"
OPENAPI = ROOT / "docs" / "openapi.json"
ERRORS = ROOT / "docs" / "reference" / "errors.md"
MADE = "<!-- Made by `docs/check.py --write` from the program; edit its source instead. -->\n"


def output(program: Path, *arguments: str, cwd: str | None = None) -> str:
    """What the program prints, with nothing of the environment in it."""
    return subprocess.run(
        ["downlink", *arguments],
        executable=program,
        check=True,
        capture_output=True,
        text=True,
        cwd=cwd,
        env={"PATH": "/usr/bin:/bin"},
    ).stdout


def cli(program: Path) -> str:
    """The reference of the command line: what `--help` says, of every command."""
    parts = ["# The command line\n", MADE]

    def add(*command: str) -> None:
        text = output(program, *command, "--help")
        parts.append(f"## downlink {' '.join(command)}".rstrip() + "\n")
        parts.append(
            "```text\n" + "\n".join(line.rstrip() for line in text.strip().splitlines()) + "\n```\n"
        )
        commands = re.search(r"^Commands:\n((?:  .*\n)+)", text, re.M)
        for name in re.findall(r"^  ([a-z][a-z-]*)", commands[1], re.M) if commands else []:
            if name != "help":
                add(*command, name)

    add()
    parts.append(
        "Exit codes: 0 it went well, 1 it failed, 2 the command line is wrong, 64 the configuration is wrong, which is\n"
        "found before a port is bound.\n"
    )
    return "\n".join(parts)


def configuration(program: Path) -> str:
    """The reference of the configuration, from the file that `init` writes."""
    with tempfile.TemporaryDirectory() as folder:
        output(program, "init", "made.toml", cwd=folder)
        text = Path(folder, "made.toml").read_text()
    parts = ["# Configuration\n", MADE]
    parts.append(
        "`downlink init` writes this as a commented file with fresh keys. A variable is over the file, `--listen` and `--data-dir`\n"
        "are over both. `downlink config check --config FILE` finds all mistakes at once, with their lines.\n"
    )
    section = None
    for name, about, variable, key, value in re.findall(
        r"^\[([a-z.]+)\]$|^# (.+) \((DOWNLINK_[A-Z0-9_]+)\)\n(?:# )?([a-z0-9_]+) = (.*)$", text, re.M
    ):
        if name or section is None:
            section = name
            title = f"[{name}]" if name else "At the top"
            parts.append(
                f"## {title}\n\n| option | default or example | variable | what it does |\n|---|---|---|---|"
            )
        if key:
            fresh = re.fullmatch(r"\[?\"(whsec_)?[A-Za-z0-9+/=]{40,}\"\]?", value)
            shown = "made by `init`" if fresh else f"`{value}`"
            parts.append(
                f"| `{key}` | {shown} | `{variable}` | {about.replace('|', chr(92) + '|')} |"
            )
        if name and parts[-1].endswith("|---|"):
            continue
    shown_count = sum(part.startswith("| `") for part in parts)
    assert shown_count == text.count(" (DOWNLINK_"), "an option is not seen in what `init` writes"
    lines = "\n".join(parts)
    return re.sub(r"(\n\|.*)\n## ", r"\1\n\n## ", lines) + "\n"


def metrics(program: Path) -> str:
    """The reference of the metrics, from what a server answers that has just been started."""
    with Server(program, ALL) as server:
        text = scrape(server)
    parts = ["# Metrics\n", MADE]
    parts.append(
        "`GET /metrics`, without a key, for Prometheus. No label has a client id in it. A counter's samples end with\n"
        "`_total`, a histogram's with `_bucket`, `_sum` and `_count`.\n"
    )
    parts.append("| metric | kind | labels | what it is |\n|---|---|---|---|")
    rows = []
    for name, about, kind in re.findall(r"^# HELP (\S+) (.*)\n# TYPE \S+ (\w+)$", text, re.M):
        labels: dict[str, set[str]] = {}
        for sample in re.findall(rf"^{name}(?:_\w+)?\{{(.*)\}} ", text, re.M):
            for label, value in re.findall(r'(\w+)="([^"]*)"', sample):
                # Versions rise and codes are many; both are elsewhere.
                if label in ("version", "code"):
                    labels[label] = {"…"}
                elif label != "le":
                    labels.setdefault(label, set()).add(value)
        shown = ", ".join(
            f"`{label}`: {', '.join(sorted(values))}" for label, values in sorted(labels.items())
        )
        rows.append(f"| `{name}` | {kind} | {shown} | {about} |")
    return "\n".join(parts + sorted(rows)) + "\n"


def check_references(program: Path, write: bool) -> list[str]:
    """The generated pages are what the program says now."""
    wrong = []
    for page, text in [
        (CLI, cli(program)),
        (CONFIGURATION, configuration(program)),
        (METRICS, metrics(program)),
        (OPENAPI, output(program, "openapi")),
    ]:
        if write:
            page.write_text(text)
        elif not page.is_file() or page.read_text() != text:
            wrong.append(
                f"{page.relative_to(ROOT)} is not what the program says; `docs/check.py --write` writes it anew"
            )
    return wrong + check_errors()


def source_codes() -> set[str]:
    """Every code of a problem document that the server's source can answer."""
    codes: set[str] = set()
    for file in (ROOT / "crates" / "server" / "src" / "http").rglob("*.rs"):
        # It answers nothing; it describes what the others answer.
        if "openapi" in file.parts:
            continue
        text = re.split(r"^#\[cfg\(test\)\]\nmod \w+ \{", file.read_text(), flags=re.MULTILINE)[0]
        codes |= set(
            re.findall(r'(?:new|bad_request)\(\s*(?:StatusCode::\w+,\s*)?"([a-z0-9_]+)"', text)
        )
        codes |= set(re.findall(r'\(StatusCode::\w+, "([a-z0-9_]+)"\)', text))
        codes |= set(
            re.findall(
                r'(?:InvalidItem|TokenError)::\w+(?:\([^)]*\)|\s*\{[^}]*\})?[^"=]*=> "([a-z0-9_]+)"',
                text,
            )
        )
    return codes


def check_errors() -> list[str]:
    """The page of errors has every code of the source and of the conformance cases, and no other."""
    text = ERRORS.read_text()
    wrong = []
    listed = set(re.findall(r"^\| `([a-z0-9_]+)` \|", text, re.M))
    codes = source_codes()
    cases = (ROOT / "conformance" / "cases" / "errors.json").read_text()
    codes |= set(re.findall(r'"code": "([a-z0-9_]+)"', cases))
    wrong += [f"docs/reference/errors.md does not have {code}" for code in sorted(codes - listed)]
    wrong += [
        f"docs/reference/errors.md has {code}, which no source has"
        for code in sorted(listed - codes)
    ]
    closing = json.loads((ROOT / "conformance" / "cases" / "close-codes.json").read_text())["cases"]
    rows = dict(re.findall(r"^\| (\d{4}) \| (.*) \|$", text, re.M))
    for case in closing:
        row = rows.pop(str(case["code"]), "")
        comes_back = row.split("|")[-1].strip().startswith("yes")
        if f"`{case['reason']}`" not in row or comes_back != case["comes_back"]:
            wrong.append(
                f"docs/reference/errors.md: close code {case['code']} is not as in conformance/cases"
            )
    wrong += [
        f"docs/reference/errors.md has the close code {code}, which nobody sends" for code in rows
    ]
    return wrong + check_sayings(text)


def check_sayings(text: str) -> list[str]:
    """What the program says to an operator is there, and nothing that it does not say."""
    told = text[text.index("## It does not start") :]
    cells = re.findall(r"^\| (.*?) \| ", told, re.M)
    listed = {phrase for cell in cells for phrase in re.findall(r"`([^`]+)`", cell)}
    # The words of an authority stand alone.
    listed = {phrase for phrase in listed if " " in phrase}
    said = {phrase: file for file, phrase in sayings()}
    # Of the words of ACME that have advice of their own.
    failures = (ROOT / "crates/server/src/tls/acme/failure.rs").read_text().split("match word {")[1]
    words = re.findall(r'"(\w+)"(?= \||\s*=> f)', failures.split("_ => Ok")[0])
    wrong = [
        f"docs/reference/errors.md does not have {phrase!r}, which {file} says"
        for phrase, file in said.items()
        if phrase not in listed
    ]
    wrong += [f"docs/reference/errors.md does not have the word `{word}` of ACME" for word in words if f"`{word}`" not in told]
    wrong += [
        f"docs/reference/errors.md has {phrase!r}, which nobody says" for phrase in sorted(listed - set(said))
    ]
    return wrong
