"""
Text of strangers on a terminal: what a log, event or tag holds is shown, and never obeyed.

A log line can carry terminal escapes that set titles, move the cursor or hide what follows. Of all those only the
colours that morgan writes are rendered; every other control character is shown as a visible sign.
"""

from __future__ import annotations

import re
import unicodedata

from rich.text import Text

_COLOUR = re.compile(r"\x1b\[(?:(?:0|1|2|22|3[1-79]|9[0-7])(?:;(?=\d)|(?=m)))*m")
"""Foreground colours, bold and dim. Not black, backgrounds or "conceal": with them, text could be hidden."""
_INDENT = "\n    "


def plain(text: str) -> str:
    """The text on one line with no control character left: `\\x1b` is shown as `␛`, a line break as `␊`."""
    return "".join(_sign(char) for char in text)


def rendered(text: str) -> Text:
    """The text with its colours; further lines are indented, so that none can pass for a log line of its own."""
    shown, at = [], 0
    for colour in _COLOUR.finditer(text):
        shown += [_kept_lines(text[at : colour.start()]), colour[0]]
        at = colour.end()
    shown.append(_kept_lines(text[at:]))
    # Text.from_ansi drops a line break at the end, and would take the indent of an empty last line with it.
    return Text.from_ansi("".join(shown).rstrip("\n "))


def _kept_lines(text: str) -> str:
    return _INDENT.join(plain(line) for line in text.replace("\r\n", "\n").split("\n"))


def _sign(char: str) -> str:
    if char == "\t":
        return "    "
    code = ord(char)
    if code < 0x20:
        return chr(0x2400 + code)
    if code == 0x7F:
        return "␡"
    # Cc: C1 controls; Cf: among others what turns the direction of writing; Cs: half a character; Zl, Zp: breaks.
    return f"<U+{code:04X}>" if code > 0x7F and unicodedata.category(char) in ("Cc", "Cf", "Cs", "Zl", "Zp") else char
