"""
alembic environment of one database.
"""
