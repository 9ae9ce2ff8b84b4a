"""
The metric query language: nodes, scope, parser; evaluation stands beside it.
"""
