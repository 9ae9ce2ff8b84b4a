"""Drillyard breaks a real shop on purpose and finds out whether the on-call can tell, repair it, and account for it."""
