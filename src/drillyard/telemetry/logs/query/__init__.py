"""
The log search language of Datadog: lexer, parser, nodes, matcher, plan, one stage per file.

`parse(text)` gives a tree or raises QueryError; `matches(tree, record)` is the meaning; `plan(tree, …)` is the fast way
to the same answer. Grammar and precedence as in Datadog's "Log Search Syntax" (AND binds tighter than OR).
"""

from __future__ import annotations

from drillyard.telemetry.logs.query.errors import QueryError
from drillyard.telemetry.logs.query.matcher import matches
from drillyard.telemetry.logs.query.parser import parse

__all__ = ["QueryError", "matches", "parse"]
