"""Makes `google.appengine.api.channel` importable when it lies apart from Google's own package.

Google's ``google.appengine`` is a regular package: Python then looks for what is below it in that
one folder only. So the module of ``downlink-sdk-gae`` is found alone, and beside Google's package
in the same ``site-packages``, but not when the two lie in different entries of `sys.path` (a
``PYTHONPATH``, a user site). There, call this once, before the application's own imports:

    from downlink import channel_compat

    channel_compat.install()
"""

from __future__ import annotations

import sys
from importlib import import_module, invalidate_caches
from pathlib import Path
from typing import Optional

_MODULE = "google.appengine.api.channel"
_PARENTS = ("google", "google.appengine", "google.appengine.api")


def install() -> None:
    """Lets each parent package look into the folder of ``downlink-sdk-gae`` too.

    Does nothing where the module can be imported anyway. Raises `ModuleNotFoundError` if
    ``downlink-sdk-gae`` is not on `sys.path`.
    """
    try:
        import_module(_MODULE)
    except ModuleNotFoundError as missing:
        # Whatever else cannot be found is not about where this module lies.
        if missing.name not in (_MODULE, *_PARENTS):
            raise
    else:
        return
    entry = _entry_with_module()
    if entry is None:
        raise ModuleNotFoundError(
            f"no {_MODULE} on sys.path; install downlink-sdk-gae", name=_MODULE
        )
    # From the top down: each parent has to be found before its own path can be extended.
    for parent in _PARENTS:
        path = import_module(parent).__path__
        portion = str(entry.joinpath(*parent.split(".")))
        # At the end, so that whatever Google ships still comes first.
        if portion not in path:
            path.append(portion)
    invalidate_caches()
    import_module(_MODULE)


def _entry_with_module() -> Optional[Path]:
    for entry in map(Path, sys.path):
        if entry.joinpath(*_MODULE.split("."), "__init__.py").is_file():
            return entry
    return None
