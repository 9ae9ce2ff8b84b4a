#!/bin/sh
# Installs into .venv what is locked, once: a stamp with the lock's checksum says that it is done.
#   setup.sh runtime   what `drill` needs        setup.sh dev   that, and what the tests need
set -u
kind=${1:-runtime}
lock=requirements.lock
[ "$kind" = dev ] && lock=requirements-dev.lock
stamp=.venv/.installed-$kind-$(cat "$lock" pyproject.toml | cksum | cut -d' ' -f1)

fail() { printf '%s\n' "$1" >&2; [ -n "${2:-}" ] && printf '  %s\n' "$2" >&2; exit 1; }

[ -f "$stamp" ] && [ -x .venv/bin/drill ] && exit 0

if [ ! -x .venv/bin/python ]; then
  for candidate in ${PYTHON:-} python3.13 python3.12 python3.11 python3.14 python3; do
    if "$candidate" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then python=$candidate; break; fi
  done
  [ -n "${python:-}" ] || fail "No Python 3.11 or newer was found on PATH." "Install one, or name it: make PYTHON=/path/to/python3"
  "$python" -m venv .venv 2>.setup-log || { cat .setup-log >&2; rm -rf .venv .setup-log
    fail "$python could not make a virtual environment in .venv." "On Debian and Ubuntu its venv module is a package of its own: python3-venv"; }
  rm -f .setup-log
fi

printf 'Installing what Drillyard needs into .venv (%s, once; about half a minute) …\n' "$lock"
.venv/bin/python -m pip install -q --disable-pip-version-check --no-input --only-binary :all: --require-hashes -r "$lock" || {
  fail "Not every wheel of $lock could be installed for $(.venv/bin/python -V) on $(uname -sm)." \
    "The lines above name it. Drillyard needs wheels for Linux x86_64/aarch64 or macOS, and a reachable package index."; }
.venv/bin/python -m pip install -q --disable-pip-version-check --no-input --no-deps -e . ||
  fail "Drillyard itself could not be installed into .venv." "The lines above say why."
rm -f .venv/.installed-"$kind"-*
: > "$stamp"
