"""Client ids that earlier makers of the Channel API stumbled over."""

from __future__ import annotations

DIFFICULT_CLIENT_IDS = [
    ".",
    "..",
    "/",
    "a/b",
    "a-b",
    "me@Example.com",
    "~user",
    "a:b",
    "100%",
    "%2F",
    "a&b=c;d",
    "a+b",
    " a  b ",
    "CAPITALS",
    "?#",
    '"quoted" \\back\'',
    "<b>&amp;</b>",
    "line\r\nbreak",
    "tab\there",
    "--downlink",
    "\u0001",
    "žluťoučký 🐎",
    "é" * 128,
]
