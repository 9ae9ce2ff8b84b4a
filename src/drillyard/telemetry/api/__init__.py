"""
The Datadog-compatible API: one file per surface, one gate before all of them.
"""
