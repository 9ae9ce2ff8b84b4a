"""What survives a kill: a journal that gathers changes and commits them together, and the SQLite file behind it."""
