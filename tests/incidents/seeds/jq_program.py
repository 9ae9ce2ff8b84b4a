"""jq for the documents' pipes, where no jq is on PATH: the wheel's library behind the options that they use."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import jq

options = {argument for argument in sys.argv[1:] if argument.startswith("-")}
program, *files = (argument for argument in sys.argv[1:] if not argument.startswith("-"))
text = "\n".join(Path(file).read_text() for file in files) if files else sys.stdin.read()
for value in jq.compile(program).input_text(text):
    if "-r" in options and isinstance(value, str):
        sys.stdout.write(value + "\n")
    else:
        sys.stdout.write(json.dumps(value, **({"separators": (",", ":")} if "-c" in options else {"indent": 2})) + "\n")
