"""Reads the conformance cases: behaviour as data, the same for every part of Downlink."""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping
from typing import Any

from downlink.models import Data
from support.server import REPOSITORY

_CASES = REPOSITORY / "conformance" / "cases"


def read_cases(name: str) -> dict[str, dict[str, Any]]:
    """The cases of one file, by their names, with all repetitions written out."""
    file = json.loads((_CASES / f"{name}.json").read_text(encoding="utf-8"))
    cases: list[dict[str, Any]] = _written_out(file["cases"])
    by_name = {case["name"]: case for case in cases}
    assert len(by_name) == len(cases) > 0, f"{name}.json: each case has a name of its own"
    return by_name


def data_of(case: Mapping[str, Any]) -> Data:
    """What a case sends."""
    if "base64" in case:
        return base64.b64decode(case["base64"], validate=True)
    return str(case["text"])


def _written_out(value: Any) -> Any:
    if isinstance(value, list):
        return [_written_out(one) for one in value]
    if not isinstance(value, dict):
        return value
    if value.keys() == {"repeat"}:
        text, times = value["repeat"]
        return text * times
    return {key: _written_out(one) for key, one in value.items()}
