"""
Agent, intake, store and search: what an on-call can see, behind a Datadog-compatible API.
"""
