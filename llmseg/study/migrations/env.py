"""Run by alembic for each migration, on the connection that the store hands over."""

from __future__ import annotations

from alembic import context

# SQLite too can undo a change of its schema: the store begins the transaction itself.
context.configure(connection=context.config.attributes["connection"], transactional_ddl=True)
with context.begin_transaction():
    context.run_migrations()
