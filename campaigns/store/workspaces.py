"""The store's own row."""

from sqlalchemy import Connection, select

from campaigns.store.tables import workspace


def uuid_of(conn: Connection) -> str:
    """The store's own name, which its copies share."""
    found: str = conn.scalars(select(workspace.c.uuid)).one()
    return found
