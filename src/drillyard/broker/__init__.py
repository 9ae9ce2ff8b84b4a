"""
An AMQP 0-9-1 broker of our own, on pamqp and SQLite. Runs alone, and names itself honestly.
"""
