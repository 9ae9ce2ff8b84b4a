"""
Plays drills: baseline, inject, hold, heal, verify, report.
"""
