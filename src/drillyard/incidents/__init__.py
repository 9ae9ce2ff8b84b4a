"""
The catalogue: one folder of data per incident, and the reader that checks it.
"""
