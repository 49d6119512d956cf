"""The store's own row: which workspace it is, and whether it is a copy."""

from sqlalchemy import Connection, select

from campaigns.store.tables import workspace


def uuid_of(conn: Connection) -> str:
    found: str = conn.scalars(select(workspace.c.uuid)).one()
    return found


def copied(conn: Connection) -> int | None:
    """When this copy was made of another store, or was restored (microseconds UTC); None: it is the original."""
    found: int | None = conn.scalars(select(workspace.c.copied)).one()
    return found
