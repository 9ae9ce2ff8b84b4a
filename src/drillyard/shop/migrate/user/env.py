"""
alembic's entry for the user database.
"""

from drillyard.shop.migrate.environment import run

run()
