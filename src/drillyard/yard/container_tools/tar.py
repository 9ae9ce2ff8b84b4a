"""
tar in a container, for `kubectl cp`: an absolute path is one below the container's own folder.

A container has no root of its own here, so the script that stands for tar puts that folder before each absolute path,
and takes it out of the members' names again. GNU tar's own words for it: `--transform`.
"""

from __future__ import annotations

import shlex

_SCRIPT = r"""#!/bin/sh
root=${0%%/bin/*}
for word; do
    shift
    case $word in
        "$root"*) ;;
        /*) word=$root$word ;;
        -*[Cf=]/*) word=${word%%%%/*}$root/${word#*/} ;;
    esac
    if [ -L "$word" ] && [ -d "$word" ]; then word=$word/.; fi # A mount is a link here.
    set -- "$@" "$word"
done
TAR_OPTIONS="--transform=flags=r;s,^/*${root#/}/*,," exec %(real)s "$@"
"""


def script(real: str) -> str:
    """The text of the script; `real` is this machine's tar."""
    return _SCRIPT % {"real": shlex.quote(real)}
