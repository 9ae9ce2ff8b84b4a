"""
The long tests: what `make test` has no time for.

One a file, each with TITLE, `add_options(parser)` and `play(options, home) -> bool` (True when every promise was kept);
`python -m torture` (run with `scripts` on the path) plays them one after the other, each in a home of its own.
"""
