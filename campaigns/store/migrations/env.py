"""Alembic runs this to migrate over the connection, and in the transaction, that `migrate.py` gives it."""

from alembic import context

context.configure(connection=context.config.attributes["connection"])
with context.begin_transaction():
    context.run_migrations()
