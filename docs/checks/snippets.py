"""Runs what the pages show, against a real server.

Blocks of `sh` of one page are one session of a shell, blocks of `python` one program; blocks of `html` and of `js` that load
the browser library run in a real browser each, other `js` in Node. A comment before a block says what else is to be known of it:

    <!-- first line stays: TEXT -->   the first line runs beside the others, and prints TEXT in the end
    <!-- prints: TEXT -->             the block prints TEXT
    <!-- stays: TEXT -->              the block runs until it prints TEXT, and is ended then
    <!-- from: FILE -->               the block is part of that file, which has tests of its own
    <!-- not run: WHY -->             the block is not run, for this reason

A block in one of these languages that is neither is a mistake.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
import textwrap
from dataclasses import dataclass
from pathlib import Path

from checks.browser import in_browser
from checks.pages import FENCE, ROOT
from checks.server import Server, ended, until

RUN = {"sh", "bash", "python", "js", "html", "toml"}
OTHERS = {
    "shell",
    "console",
    "go",
    "java",
    "rust",
    "javascript",
    "ts",
    "typescript",
    "nginx",
    "ini",
}
# A block that a reader is to paste takes less.
PATIENCE = 60


@dataclass
class Block:
    """A piece of code in a page."""

    page: Path
    line: int
    language: str
    text: str
    word: str
    """What the comment before it says: `prints`, `not run` …"""
    more: str

    def __str__(self) -> str:
        return f"{self.page.relative_to(ROOT)}:{self.line}"


def blocks(page: Path) -> list[Block]:
    """The code of a page."""
    text = page.read_text()
    found = []
    for match in FENCE.finditer(text):
        language, _, code = match[3].partition("\n")
        comment = re.search(r"<!-- ([a-z ]+): ([^>]*?) -->\s*\Z", text[: match.start()])
        word, more = (comment[1], comment[2]) if comment else ("", "")
        line = text.count("\n", 0, match.start()) + 1
        found.append(Block(page, line, language.strip(), textwrap.dedent(code), word, more))
    return found


def check_snippets(pages: list[Path], program: Path, chosen: str) -> tuple[list[str], int]:
    """Runs the blocks of all pages; what went wrong, and how many were run."""
    wrong, count = [], 0
    for page in pages:
        here = blocks(page)
        wrong += [mistake for block in here for mistake in judge(block)]
        run = [
            block
            for block in here
            if block.language in RUN and block.word not in ("not run", "from")
        ]
        if not run or chosen not in str(page):
            continue
        count += len(run)
        with Server(program) as server:
            wrong += Session(server).run(run)
    return wrong, count


def judge(block: Block) -> list[str]:
    """Whether it is known what to do with a block."""
    if block.language not in RUN | OTHERS:
        return []
    if block.word == "from":
        source = "\n".join(line.strip() for line in (ROOT / block.more).read_text().splitlines())
        part = "\n".join(line.strip() for line in block.text.strip().splitlines())
        return [] if part in source else [f"{block} is not part of {block.more}"]
    if block.word == "not run":
        return [] if len(block.more) > 10 else [f"{block}: say why it is not run"]
    return (
        [f"{block}: {block.language} is not run; say why, before it"]
        if block.language in OTHERS
        else []
    )


class Session:
    """What the blocks of one page share: a folder, a server, the keys."""

    def __init__(self, server: Server) -> None:
        self.server = server
        self.folder = server.folder
        tools = self.folder / "bin"
        tools.mkdir()
        (tools / "downlink").symlink_to(server.program)
        # `cargo run --release -- ARGUMENTS` runs what was built already.
        (tools / "cargo").write_text(
            '#!/bin/sh\n[ "$1 $2 $3" = "run --release --" ] && shift 3 && exec downlink "$@"\nexit 1\n'
        )
        (tools / "cargo").chmod(0o755)
        for name in ("sdk", "examples", "target"):
            if name != "target":
                (self.folder / name).symlink_to(ROOT / name)
        (self.folder / "target" / "release").mkdir(parents=True)
        (self.folder / "target" / "release" / "downlink").symlink_to(server.program)
        own = {
            name: value for name, value in os.environ.items() if not name.startswith("DOWNLINK_")
        }
        self.environment = {
            **own,
            **server.environment,
            "PATH": f"{tools}:{Path(sys.executable).parent}:{os.environ['PATH']}",
            "PYTHONPATH": f"{ROOT / 'sdk/python'}:{ROOT / 'sdk/python/gae/src'}",
            # A second server finds a port of its own.
            "DOWNLINK_LISTEN": "127.0.0.1:0",
        }

    def run(self, page: list[Block]) -> list[str]:
        """Runs all, in the order of the page; the first mistake of a shell or a program is its last."""
        wrong = self.shell([block for block in page if block.language in ("sh", "bash")])
        wrong += self.python([block for block in page if block.language == "python"])
        for block in page:
            if block.language == "toml":
                wrong += self.config(block)
            elif block.language == "html" or "downlink.mjs" in block.text:
                heard = in_browser(self.server, self.here(block.text), block.language)
                wrong += [] if heard is None else [f"{block}: {heard}"]
            elif block.language == "js":
                wrong += [f"{block}: JavaScript that loads no browser library is not known here"]
        return wrong

    def here(self, text: str) -> str:
        """The page's text with the address of this server."""
        return text.replace("http://127.0.0.1:7171", self.server.url)

    def shell(self, page: list[Block]) -> list[str]:
        """One session of a shell: each block sees the variables and files of those before it."""
        state = self.folder / "state.sh"
        state.write_text("")
        for block in page:
            script = f". {state}\n{self.here(block.text)}\nexport -p >{state}\n"
            first, _, rest = block.text.partition("\n")
            if block.word == "first line stays":
                wrong = self.beside(self.here(first), f". {state}\n{self.here(rest)}", block.more)
            elif block.word == "stays":
                wrong = self.beside(self.here(block.text), "", block.more)
            else:
                wrong = self.once(script, block.more if block.word == "prints" else "")
            if wrong:
                return [f"{block}: {wrong}"]
        return []

    def once(self, script: str, expected: str) -> str:
        """Runs a script to its end; what is wrong with it."""
        log = self.folder / "once.log"
        with log.open("w") as out:
            child = subprocess.Popen(
                ["bash", "-euo", "pipefail", "-c", script],
                cwd=self.folder,
                env=self.environment,
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        over = until(lambda: child.poll() is not None, PATIENCE)
        ended(child)
        printed = log.read_text()
        if not over or child.returncode != 0:
            return f"ended with {child.returncode}{'' if over else ' when its time was over'}:\n{printed}"
        return "" if expected in printed else f"did not print {expected!r} but:\n{printed}"

    def beside(self, command: str, script: str, expected: str) -> str:
        """Runs a command, a script beside it, and waits until the command prints something."""
        log = self.folder / "beside.log"
        with log.open("w") as out:
            child = subprocess.Popen(
                [
                    "bash",
                    "-c",
                    f". {self.folder / 'state.sh'}\nexec {command}"
                    if "\n" not in command.strip()
                    else command,
                ],
                cwd=self.folder,
                env=self.environment,
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        try:
            wrong = self.once(script, "") if script.strip() else ""
            if not wrong and not until(
                lambda: expected in log.read_text() or child.poll() is not None, PATIENCE
            ):
                wrong = f"did not print {expected!r} in {PATIENCE} s"
            return wrong or (
                ""
                if expected in log.read_text()
                else f"printed, without {expected!r}:\n{log.read_text()}"
            )
        finally:
            ended(child)

    def python(self, page: list[Block]) -> list[str]:
        """The blocks of a page are one program."""
        if not page:
            return []
        program = self.folder / "page.py"
        program.write_text("\n".join(self.here(block.text) for block in page))
        wrong = self.once(
            f"python3 {program}", next((block.more for block in page if block.word == "prints"), "")
        )
        return [f"{page[0]}: {wrong}"] if wrong else []

    def config(self, block: Block) -> list[str]:
        """A piece of a configuration is right."""
        file = self.folder / f"piece-{block.line}.toml"
        file.write_text(block.text)
        data = self.folder / "piece"
        wrong = self.once(
            f"DOWNLINK_DATA_DIR={data} DOWNLINK_TOKEN_KEY={'k' * 32} downlink config check --config {file}",
            "",
        )
        return [f"{block}: {wrong}"] if wrong else []
