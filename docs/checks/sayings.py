"""What the program says to an operator, found in its source: lines of the log, and why it does not start."""

from __future__ import annotations

import re
from collections.abc import Iterator

from checks.pages import ROOT

CRATES = ROOT / "crates"

# Where something is said: the folder or file, and what opens the sentence there.
LOGGED = r"tracing::(?:error|warn)!\("
SAYINGS = [
    ("delivery/src", LOGGED),
    ("broker/src", LOGGED),
    ("server/src", LOGGED),
    ("broker/src/nats", r"\bOpenError::(?:lasting|passing)\("),
    ("broker/src/nats/connect.rs", r"=> (?:\{\s*)?format!\("),
    ("broker/src/nats/durability.rs", r"const \w+: &str ="),
    ("journal/src/error.rs", r"#\[error\("),
    ("server/src/serve.rs", r"(?:Failure::new|=> format!)\("),
    ("server/src/node.rs", r"map_err\(\|error\| format!\("),
    ("server/src/config/secrets.rs", r"Err\(format!\(|let damaged ="),
    ("server/src/tls/acme/failure.rs", r"=> (?:write!\(f, |f\.write_str\()"),
]

# What the journal says of a single record is not said to an operator.
ONLY = {"journal/src/error.rs": r"pub enum OpenError \{.*?^\}"}

STRING = re.compile(r'"((?:[^"\\]|\\.)*)"', re.S)


def literals(text: str, start: int) -> list[str]:
    """The strings of an expression that begins here, up to where its parentheses or its statement end."""
    depth, at, found = 0, start, []
    while at < len(text):
        if text[at] == '"' and (string := STRING.match(text, at)):
            # A statement's own strings, not what is done with a part of it.
            found.append(string[1])
            at = string.end()
            continue
        depth += {"(": 1, "[": 1, "{": 1, ")": -1, "]": -1, "}": -1}.get(text[at], 0)
        if depth < 0 or (depth == 0 and text[at] == ";"):
            break
        at += 1
    return found


def statement(literal: str) -> str:
    """What a sentence states, before what it says to do; `…` for what differs."""
    text = re.sub(r"\\\n\s*", "", literal).replace('\\"', '"').replace("{{", "{").replace("}}", "}")
    text = re.sub(r"\{[a-z_0-9]*(?::[^}]*)?\}", "…", text)
    return re.split(r"; | \(|\. |: …$", text)[0].strip(" .")


def sayings() -> Iterator[tuple[str, str]]:
    """Where each stands, and what it states."""
    for place, opening in SAYINGS:
        path = CRATES / place
        for file in sorted(path.rglob("*.rs")) if path.is_dir() else [path]:
            text = re.split(r"#\[cfg\(test\)\]\s*mod \w+ \{", file.read_text())[0]
            # Comments may have anything in them.
            text = re.sub(r"^\s*//.*$", "", text, flags=re.M)
            if only := ONLY.get(place):
                found = re.search(only, text, re.M | re.S)
                assert found, f"{place} has changed"
                text = found[0]
            for found in re.finditer(opening, text):
                for literal in literals(text, found.end()):
                    stated = statement(literal)
                    if len(stated) > 10 and " " in stated:
                        yield str(file.relative_to(ROOT)), stated
                        break
