"""
alembic's entry for the catalogue database.
"""

from drillyard.shop.migrate.environment import run

run()
