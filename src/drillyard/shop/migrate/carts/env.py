"""
alembic's entry for the carts database.
"""

from drillyard.shop.migrate.environment import run

run()
