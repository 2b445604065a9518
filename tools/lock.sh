#!/bin/sh
# Compiles the three lock files from pyproject.toml; run it after changing a dependency.
# Arguments go to uv, e.g. --upgrade or --upgrade-package icalendar. Needs uv on the PATH.
set -eu
cd -- "$(dirname -- "$(readlink -f -- "$0")")/.."

compile() {
    out=$1
    shift
    UV_CUSTOM_COMPILE_COMMAND="tools/lock.sh" uv pip compile --quiet --universal \
        --python-version 3.11 --generate-hashes --no-emit-index-url \
        --output-file "$out" pyproject.toml "$@"
}
# The larger files contain the smaller ones at the same versions, so one .venv can hold any of them.
compile requirements.lock "$@"
compile requirements-postgresql.lock --extra postgresql --constraint requirements.lock "$@"
compile requirements-dev.lock --extra dev --constraint requirements-postgresql.lock "$@"
