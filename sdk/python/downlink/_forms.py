"""Reads the form of a presence notice (multipart/form-data). No I/O.

The boundary is the body's own first line. The header that names it is not signed, so a reader that
went by it could be made to see other fields than those that were signed.
"""

from __future__ import annotations

import re

_NAME = re.compile(
    rb'\r\ncontent-disposition:[ \t]*form-data[^\r\n]*?;[ \t]*name="([^"\r\n]*)"', re.IGNORECASE
)


def read_form(body: bytes) -> dict[str, str]:
    """The fields by their names; raises `ValueError` for what is no such form."""
    boundary, line_end, _ = body.partition(b"\r\n")
    if not (boundary.startswith(b"--") and line_end):
        raise ValueError("the first line is no boundary")
    # With the line end before it, the first boundary looks like all others.
    before, *parts = (line_end + body).split(line_end + boundary)
    closing = parts.pop()
    if before or not closing.startswith(b"--"):
        raise ValueError("the form does not end")
    fields: dict[str, str] = {}
    for part in parts:
        head, blank_line, value = part.partition(b"\r\n\r\n")
        name = _NAME.match(head)
        if not blank_line or name is None:
            raise ValueError("a part without a name")
        key = name[1].decode()
        if key in fields:
            raise ValueError("a field twice")
        fields[key] = value.decode()
    return fields
