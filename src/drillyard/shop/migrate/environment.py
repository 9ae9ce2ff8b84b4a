"""
What every env.py does: runs the versions over the connection that `migrate` opened.
"""

from __future__ import annotations

from alembic import context


def run() -> None:
    """Runs inside the caller's transaction, so that a version that fails leaves nothing behind."""
    context.configure(connection=context.config.attributes["connection"])
    with context.begin_transaction():
        context.run_migrations()
