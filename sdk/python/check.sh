#!/bin/sh
# Checks the Python packages: builds both wheels, installs them, lints, types, tests.
#
# DOWNLINK_VENV  where the virtual environment lies (default: .venv beside this file)
# DOWNLINK_BIN   the program to test against (default: target/release/downlink of this repository)
# Arguments go to pytest.
set -eu
cd "$(dirname "$0")"
venv="${DOWNLINK_VENV:-.venv}"
[ -x "$venv/bin/python" ] || "${PYTHON:-python3}" -m venv "$venv"
venv="$(cd "$venv" && pwd)"
bin="$venv/bin"
export PIP_DISABLE_PIP_VERSION_CHECK=1

"$bin/pip" install --quiet --requirement requirements-dev.txt --requirement ../../examples/requirements.txt

# Google's own package, only its files: tests put the channel module beside it.
google="$venv/google"
google_wheel=appengine-python-standard==3.1.0
[ -d "$google" ] || "$bin/pip" download --quiet --no-deps --dest "$google" "$google_wheel"

# The tests run what users install, never the files here.
wheels="$venv/wheels"
rm -rf "$wheels"
for package in . gae; do
  (cd "$package" && "$bin/hatchling" build --target wheel --directory "$wheels" >/dev/null)
done
"$bin/pip" install --quiet --no-deps --force-reinstall "$wheels"/*.whl

classic=../../examples/classic/app.py
game=../../examples/tic-tac-toe/python
chat=../../examples/chat
"$bin/ruff" format --check --config pyproject.toml . "$classic" "$game" "$chat"
"$bin/ruff" check --config pyproject.toml . "$classic" "$game" "$chat"
"$bin/mypy" downlink gae/src/google/appengine/api/channel tests "$classic"
# Apart, since all programs are called `app`.
MYPYPATH="$game" "$bin/mypy" "$game/app.py"
"$bin/mypy" "$chat/app.py"
"$bin/pytest" "$@"
