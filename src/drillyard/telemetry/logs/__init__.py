"""
Log lines: what one is, how it is stored, and how it is searched.
"""
