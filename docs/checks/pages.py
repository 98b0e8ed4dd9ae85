"""The pages: which there are, what they link to, and the site that is made of them."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent
SUMMARY = ROOT / "docs" / "SUMMARY.md"
FENCE = re.compile(r"^( *)(```+)(.*?)^\1\2 *$", re.M | re.S)
LINK = re.compile(r"\]\(<?([^)>\s]+)>?\)")


def summary() -> list[Path]:
    """The pages of the site, in its order."""
    return [(SUMMARY.parent / target).resolve() for target in LINK.findall(SUMMARY.read_text())]


def prose(page: Path) -> str:
    """A page without its code."""
    return re.sub(r"`[^`\n]*`", "", FENCE.sub("", page.read_text()))


def anchors(page: Path) -> set[str]:
    """What can stand behind `#` in a link to this page."""
    headings = re.findall(r"^#+ (.*?)\s*$", FENCE.sub("", page.read_text()), re.M)
    words = (re.sub(r"\[([^\]]*)\]\([^)]*\)|[`*]", r"\1", heading) for heading in headings)
    return {re.sub(r"[^\w\- ]", "", text.lower()).strip().replace(" ", "-") for text in words}


def resolve(page: Path, target: str) -> Path:
    """The file behind a link; a folder's is its README."""
    file = (page.parent / target.partition("#")[0]).resolve() if target[0] != "#" else page
    return file / "README.md" if file.is_dir() else file


def local(page: Path) -> list[str]:
    """The links of a page that lead into the repository."""
    return [
        target
        for target in LINK.findall(prose(page))
        if "://" not in target and not target.startswith("mailto:")
    ]


def check_pages() -> list[str]:
    """Every page is in the site, every link leads somewhere."""
    wrong = []
    pages = summary()
    for page in pages:
        if not page.is_file():
            wrong.append(f"docs/SUMMARY.md names {page}, which is not there")
    for page in sorted(ROOT.glob("docs/**/*.md")):
        if page != SUMMARY and page not in pages:
            wrong.append(f"docs/SUMMARY.md does not name {page.relative_to(ROOT)}")
    for page in pages:
        for target in local(page) if page.is_file() else []:
            file, anchor = resolve(page, target), target.partition("#")[2]
            name = f"{page.relative_to(ROOT)}: ({target})"
            if not file.exists():
                wrong.append(f"{name} leads nowhere")
            elif file.suffix == ".md" and file not in pages:
                wrong.append(f"{name} leads to a page that docs/SUMMARY.md does not name")
            elif anchor and file.suffix == ".md" and anchor not in anchors(file):
                wrong.append(f"{name}: that page has no such heading")
    return wrong


def stage(folder: Path) -> None:
    """Puts the pages and what they show into one folder, from which mdBook makes the site."""
    shutil.rmtree(folder, ignore_errors=True)
    source = folder / "src"
    for page in summary():
        copy = source / page.relative_to(ROOT)
        copy.parent.mkdir(parents=True, exist_ok=True)
        text = page.read_text()
        for target in local(page):
            file = resolve(page, target)
            if (page.parent / target).is_dir():
                text = text.replace(f"]({target})", f"]({target.rstrip('/')}/README.md)")
            if file.suffix != ".md":
                (source / file.relative_to(ROOT)).parent.mkdir(parents=True, exist_ok=True)
                shutil.copy(file, source / file.relative_to(ROOT))
        copy.write_text(text)
    shutil.copy(ROOT / "docs" / "book.toml", folder / "book.toml")
    # In the repository its links start in `docs`, in the site where the README is.
    links = re.sub(
        r"\]\(([^)]+)\)",
        lambda found: f"]({(SUMMARY.parent / found[1]).resolve().relative_to(ROOT)})",
        SUMMARY.read_text(),
    )
    (source / "SUMMARY.md").write_text(links)
