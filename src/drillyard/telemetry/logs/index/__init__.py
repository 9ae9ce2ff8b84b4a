"""
How lines are found without reading them: their kinds, the counts of each, and one full-text expression for the rest.

Log lines are printed by few statements. What such a statement fixes (the text around the numbers and ids) and where it
runs (service, host, source, status, tags) is stored once as a *kind*; a line then is a kind and the words that vary.
A query is asked once of each kind, not of each line: most kinds match wholly or not at all, and only the others need
the full-text index of the varying words.
"""
