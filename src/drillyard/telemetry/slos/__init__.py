"""
Service level objectives: what was promised, and what the metrics and monitors say of it.
"""
