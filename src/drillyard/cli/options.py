"""
Options that several commands share, with their help.
"""

from __future__ import annotations

from typing import Annotated

import typer

from drillyard.yard.home import DEFAULT_NAME

YardName = Annotated[
    str, typer.Option("--yard", envvar="DRILL_YARD", metavar="NAME", help="Which yard; several can be up side by side.")
]
Json = Annotated[bool, typer.Option("--json", help="Print JSON, for programs.")]
DEFAULT_YARD = DEFAULT_NAME
