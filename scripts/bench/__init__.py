"""
Measures what README and docs say of speed and size.

One section a file, each with TITLE and `measure(rounds) -> Section`; `python -m bench` (run with `scripts` on the path)
writes docs/figures.md and docs/figures.json.
"""
