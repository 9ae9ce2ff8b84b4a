"""
alembic's entry for the orders database.
"""

from drillyard.shop.migrate.environment import run

run()
