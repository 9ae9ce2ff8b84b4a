"""
The command drill: parse, one call, print.
"""
