"""
What every room needs: clock, random, processes, files, errors. Knows nothing of socks.
"""
