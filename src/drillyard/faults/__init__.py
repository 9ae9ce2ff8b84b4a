"""
One file per breakage: how to put it in, the proof that it is on, and its cure.
"""
