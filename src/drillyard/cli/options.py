"""
Options that several commands share, with their help.
"""

from __future__ import annotations

from typing import Annotated

import typer

YardName = Annotated[
    str, typer.Option("--yard", envvar="DRILL_YARD", metavar="NAME", help="Which yard; several can be up side by side.")
]
Json = Annotated[bool, typer.Option("--json", help="Print JSON, for programs.")]
DEFAULT_YARD = "default"
