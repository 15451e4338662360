#!/bin/sh
# Installs requirements/$1.txt and this project into $2 (.venv), with uv for speed or pip otherwise.
# Every download is checked against the hashes in the requirement files.
set -eu

group=${1:-dev}
python=${PYTHON:-python3}
venv=${2:-.venv}
bin=$venv/bin

if ! "$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))'; then
    echo "Peyvand needs Python 3.11 or newer; choose one with PYTHON=…" >&2
    exit 1
fi
echo "Installing into $venv, with each download checked against its hash; this takes half a minute or so."
if [ ! -x "$bin/python" ] || ! "$bin/python" -m pip --version >/dev/null 2>&1; then
    if ! "$python" -m venv --clear "$venv"; then
        echo "Python's venv is missing; on Debian: apt-get install python3-venv" >&2
        exit 1
    fi
fi

pip() { "$bin/python" -m pip --disable-pip-version-check "$@"; }

# uv does not read pip's configuration: hand it the index that pip would use.
index=${PIP_INDEX_URL:-$(pip config get global.index-url 2>/dev/null || true)}
if [ -n "$index" ] && [ -z "${UV_DEFAULT_INDEX:-}" ]; then
    UV_DEFAULT_INDEX=$index
    export UV_DEFAULT_INDEX
fi
UV_PYTHON_DOWNLOADS=never
export UV_PYTHON_DOWNLOADS

if pip install --quiet --require-hashes --requirement requirements/uv.txt >/dev/null 2>&1 &&
    "$bin/uv" pip install --quiet --python "$bin/python" --require-hashes \
        --requirement "requirements/$group.txt"; then
    :
else
    echo "uv is not available here; installing with pip" >&2
    pip install --quiet --require-hashes --requirement "requirements/$group.txt"
fi
pip install --quiet --no-build-isolation --no-deps --editable .
