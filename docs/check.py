#!/usr/bin/env python3
"""Checks the documentation: links and structure, what is made from the program, every snippet, and the site.

    docs/check.py            everything
    docs/check.py --write    first writes anew what is made from the program: the references of commands, options and metrics
    docs/check.py --only X   only the snippets of pages whose path has X in it
    docs/check.py --site     only makes the site, target/site/book/index.html, with the mdBook of $MDBOOK or of the path

DOWNLINK_BIN is the program (target/release/downlink), CHROMIUM the browser. Python 3.9 with httpx, for the SDK.
"""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

sys.dont_write_bytecode = True
sys.path.insert(0, str(Path(__file__).parent))

from checks.monitoring import check_monitoring  # noqa: E402
from checks.pages import ROOT, check_pages, stage, summary  # noqa: E402
from checks.references import check_references  # noqa: E402
from checks.snippets import check_snippets  # noqa: E402


def make_site() -> list[str]:
    """Makes the site; what mdBook complains of."""
    mdbook = os.environ.get("MDBOOK") or shutil.which("mdbook")
    if mdbook is None:
        return ["there is no mdBook: `cargo install mdbook`, or MDBOOK says where it is"]
    folder = ROOT / "target" / "site"
    stage(folder)
    done = subprocess.run(
        [mdbook, "build", folder], text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT
    )
    complaints = [line for line in done.stdout.splitlines() if "WARN" in line or "ERROR" in line]
    if done.returncode != 0 or complaints:
        return [f"mdBook: {done.stdout}"]
    made = folder / "book" / "index.html"
    return [] if made.is_file() else [f"mdBook did not make {made}"]


def main() -> int:
    """Says what is wrong, and how many snippets were run."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--write", action="store_true")
    parser.add_argument("--only", default="")
    parser.add_argument("--site", action="store_true")
    arguments = parser.parse_args()
    began = time.monotonic()
    program = Path(
        os.environ.get("DOWNLINK_BIN") or ROOT / "target" / "release" / "downlink"
    ).resolve()
    wrong = []
    if not arguments.site:
        wrong = check_references(program, arguments.write) + check_monitoring(program)
    wrong += check_pages()
    # A site of pages that are not there cannot be made.
    if not wrong:
        wrong = make_site()
    if not arguments.site:
        # The other SDKs and the browser library show parts of programs; their folders test the whole ones.
        shown = {"docs", "examples", "e2e", "python"}
        pages = [
            page
            for page in summary()
            if page.parent == ROOT or shown & set(page.relative_to(ROOT).parts)
        ]
        mistakes, count = check_snippets(pages, program, arguments.only)
        wrong += mistakes
        print(f"{len(summary())} pages, {count} snippets run, {time.monotonic() - began:.0f} s")
    for mistake in wrong:
        print(f"docs/check.py: {mistake}", file=sys.stderr)
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
