"""The wheels: what they hold, and that the old module is found wherever it lies."""

from __future__ import annotations

import subprocess
import sys
import venv
import zipfile
from importlib import metadata
from pathlib import Path

import pytest

import downlink

WHEELS = Path(sys.prefix) / "wheels"
GOOGLE = Path(sys.prefix) / "google"

IMPORT = """
from google.appengine.api import channel
assert channel.MAXIMUM_MESSAGE_LENGTH == 32767
import google.appengine.api.channel
print(google.appengine.api.channel.__file__)
"""
INSTALL = "from downlink import channel_compat; channel_compat.install()\n"


def wheel(folder: Path, pattern: str) -> Path:
    found = list(folder.glob(pattern))
    assert len(found) == 1, f"{pattern} is not in {folder}: run check.sh"
    return found[0]


OURS = "downlink_sdk_gae-*.whl"
GOOGLES = "appengine_python_standard-*.whl"


def unpack(folder: Path, pattern: str, into: Path) -> None:
    with zipfile.ZipFile(wheel(folder, pattern)) as archive:
        archive.extractall(into)


class Installation:
    """A bare environment with `downlink` and what it needs, and nothing of Google's."""

    def __init__(self, folder: Path) -> None:
        venv.create(folder / "venv", symlinks=True, with_pip=False)
        self.python = folder / "venv" / "bin" / "python"
        [self.site] = (folder / "venv" / "lib").glob("python*/site-packages")
        unpack(WHEELS, "downlink_sdk-*.whl", self.site)
        for name in ("httpx", "httpcore", "h11", "anyio", "idna", "certifi", "typing_extensions"):
            _copy_distribution(name, self.site)
        if sys.version_info < (3, 11):
            _copy_distribution("exceptiongroup", self.site)

    def run(self, code: str, *path: Path) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [str(self.python), "-c", code],
            env={"PYTHONPATH": ":".join(map(str, path))},
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )


def _copy_distribution(name: str, site: Path) -> None:
    for file in metadata.distribution(name).files or ():
        source = Path(str(file.locate()))
        if source.suffix == ".py":
            target = site / file
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(source.read_bytes())


@pytest.fixture
def installation(tmp_path: Path) -> Installation:
    return Installation(tmp_path)


def fake_google(site: Path) -> None:
    """What Google's package is, in small: regular packages below a namespace."""
    api = site / "google" / "appengine" / "api"
    api.mkdir(parents=True)
    (api.parent / "__init__.py").touch()
    (api / "__init__.py").touch()
    (api / "users.py").write_text("name = 'users'\n")


def the_file(run: subprocess.CompletedProcess[str]) -> Path:
    assert run.returncode == 0, run.stderr
    return Path(run.stdout.strip())


def test_the_tests_run_what_was_installed() -> None:
    assert Path(downlink.__file__).is_relative_to(sys.prefix)
    assert downlink.__version__ == metadata.version("downlink-sdk")


def test_the_main_wheel_is_typed_and_bears_no_tests() -> None:
    with zipfile.ZipFile(wheel(WHEELS, "downlink_sdk-*.whl")) as archive:
        names = archive.namelist()
    assert "downlink/py.typed" in names
    assert {name.split("/")[0].split("-")[0] for name in names} == {"downlink", "downlink_sdk"}


def test_the_module_s_wheel_holds_nothing_above_the_module() -> None:
    with zipfile.ZipFile(wheel(WHEELS, OURS)) as archive:
        names = [name for name in archive.namelist() if ".dist-info/" not in name]
    assert "google/appengine/api/channel/__init__.py" in names
    assert all(name.startswith("google/appengine/api/channel/") for name in names)


def test_the_module_is_found_alone(installation: Installation) -> None:
    unpack(WHEELS, OURS, installation.site)
    assert the_file(installation.run(IMPORT)).is_relative_to(installation.site)


def test_the_module_is_found_beside_a_regular_package(installation: Installation) -> None:
    fake_google(installation.site)
    unpack(WHEELS, OURS, installation.site)
    run = installation.run("from google.appengine.api import users\n" + IMPORT)
    assert the_file(run).is_relative_to(installation.site)


RAW_ERROR = """
from google.appengine.api import channel
from google.appengine.runtime import apiproxy_errors
try:
    channel.create_channel("ada")
except apiproxy_errors.ApplicationError as error:
    print(error.application_error)
"""


def test_the_module_is_found_beside_google_s_own_package(installation: Installation) -> None:
    unpack(GOOGLE, GOOGLES, installation.site)
    unpack(WHEELS, OURS, installation.site)
    assert the_file(installation.run(IMPORT)).is_relative_to(installation.site)
    assert installation.run(RAW_ERROR).stdout == "1\n"


@pytest.mark.parametrize("order", ["ours first", "ours last"])
@pytest.mark.parametrize("whose", ["fake", "google"])
def test_the_module_is_found_in_another_path_entry_after_install(
    installation: Installation, tmp_path: Path, order: str, whose: str
) -> None:
    ours, theirs = tmp_path / "ours", tmp_path / "theirs"
    unpack(WHEELS, OURS, ours)
    if whose == "fake":
        fake_google(theirs)
    else:
        unpack(GOOGLE, GOOGLES, theirs)
    path = [ours, theirs] if order == "ours first" else [theirs, ours]
    refused = installation.run(IMPORT, *path)
    assert "cannot import name 'channel'" in refused.stderr, "this is what install() is for"
    run = installation.run(INSTALL + IMPORT, *path)
    assert the_file(run).is_relative_to(ours)


@pytest.mark.parametrize("whose", ["fake", "google"])
def test_the_module_is_found_on_the_path_when_google_s_is_in_site_packages(
    installation: Installation, tmp_path: Path, whose: str
) -> None:
    if whose == "fake":
        fake_google(installation.site)
    else:
        unpack(GOOGLE, GOOGLES, installation.site)
    unpack(WHEELS, OURS, tmp_path / "ours")
    assert installation.run(IMPORT, tmp_path / "ours").returncode != 0
    run = installation.run(INSTALL + INSTALL + IMPORT, tmp_path / "ours")
    assert the_file(run).is_relative_to(tmp_path / "ours")


def test_install_changes_nothing_where_nothing_is_needed(installation: Installation) -> None:
    unpack(WHEELS, OURS, installation.site)
    before = "import google.appengine.api as a; before = list(a.__path__)\n"
    after = "\nassert list(a.__path__) == before\n"
    the_file(installation.run(before + INSTALL + IMPORT + after))


def test_install_says_what_is_missing(installation: Installation) -> None:
    run = installation.run(INSTALL)
    assert "install downlink-sdk-gae" in run.stderr


def test_install_does_not_hide_what_else_cannot_be_found(
    installation: Installation, tmp_path: Path
) -> None:
    unpack(WHEELS, OURS, installation.site)
    broken = installation.site / "httpx"
    broken.rename(tmp_path / "httpx")
    assert "No module named 'httpx'" in installation.run(INSTALL).stderr
