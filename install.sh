#!/bin/sh
# Installs into a venv: install.sh VENV/bin PACKAGE...   By uv where it is there or can be had, otherwise by pip.
set -eu
bin=$1
shift
uv=$(command -v uv || true)
if [ -z "$uv" ] && "$bin/python" -m pip install --quiet --disable-pip-version-check uv 2>/dev/null; then
    uv=$bin/uv
fi
if [ -n "$uv" ] && "$uv" pip install --quiet --python "$bin/python" --constraint constraints.txt "$@"; then
    exit 0
fi
exec "$bin/python" -m pip install --quiet --disable-pip-version-check --constraint constraints.txt "$@"
