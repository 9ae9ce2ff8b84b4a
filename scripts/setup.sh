#!/bin/sh
# Installs into .venv what is locked, once: a stamp with the checksum of the locks and of this folder says that it is done.
#   setup.sh runtime   what `drill` needs        setup.sh dev   that, and what the tests need
set -u
exec 4>&2
cd "$(dirname "$0")/.." || exit 1
kind=${1:-runtime}
python=.venv/bin/python

fail() { printf '%s\n' "$1" >&2; [ -n "${2:-}" ] && printf '  %s\n' "$2" >&2; exit 1; }
lock_of() { [ "$1" = dev ] && echo requirements-dev.lock || echo requirements.lock; }
stamp_of() { echo ".venv/.installed-$1-$({ cat "$(lock_of "$1")" pyproject.toml; pwd -P; } | cksum | cut -d' ' -f1)"; }
pip() { "$python" -m pip --disable-pip-version-check --no-input "$@"; }

# A virtual environment holds the path of its folder and of its Python; when either is gone, nothing in it works.
sound() {
  "$python" -c '' 2>/dev/null && [ "$(sed -n 's/^command = .* -m venv //p' .venv/pyvenv.cfg)" = "$(pwd -P)/.venv" ] &&
    ls .venv/.installed-* >/dev/null 2>&1
}

make_venv() {
  rm -rf .venv
  said=""
  for candidate in ${PYTHON:-} python3.13 python3.12 python3.11 python3.14 python3; do
    "$candidate" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null || continue
    said="$candidate: $("$candidate" -m venv .venv 2>&1)" && : > .venv/.installed-venv && return
    rm -rf .venv
  done
  [ -n "$said" ] || fail "No Python 3.11 or newer was found on PATH." "Install one, or name it: make PYTHON=/path/to/python3"
  printf '%s\n' "$said" >&2
  fail "No Python here could make a virtual environment." "On Debian and Ubuntu its venv module is a package of its own: python3-venv"
}

# pip says nothing for a minute, or a thousand lines: counted, they are one line that moves, or one in twenty in a log.
install_counted() {
  of=$(grep -c '^[a-zA-Z].*==' "$1")
  if [ -t 2 ]; then every=1 end='\r' after='\n'; else every=20 end='\n' after=''; fi
  code=$({ { pip install --progress-bar off --only-binary :all: --require-hashes -r "$1" 2>&4; echo $? >&3; } |
    awk -v of="$of" -v every="$every" -v end="$end" -v after="$after" '
      /^Collecting|^Requirement already/ { n += 1; if (n % every == 0) { printf "  %d of at most %d packages%s", n, of, end; fflush() } }
      /^Installing/ { printf "  unpacking them%24s" end, ""; fflush() }
      END { printf after }' >&4; } 3>&1)
  return "$code"
}

if sound; then
  [ -f "$(stamp_of "$kind")" ] && exit 0
  [ "$kind" = runtime ] && [ -f "$(stamp_of dev)" ] && exit 0
fi
printf 'Installing what Drillyard needs into .venv (%s, once; half a minute, or two on a slow line) …\n' "$(lock_of "$kind")"
sound || make_venv
install_counted "$(lock_of "$kind")" ||
  fail "Not every wheel of $(lock_of "$kind") could be installed for $("$python" -V) on $(uname -sm)." \
    "The lines above say why. Drillyard needs wheels for Linux x86_64/aarch64 or macOS, and a reachable package index."
pip install -q --no-deps -e . || fail "Drillyard itself could not be installed into .venv." "The lines above say why."
rm -f .venv/.installed-"$kind"-*
: > "$(stamp_of "$kind")"
