"""Several rows for one person: what a sheet does with them, and a way from the first to the others."""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("sheets", sa.Column("repeated", sa.Text(), nullable=False, server_default="first"))
    joined = sa.text("verdict = 3")
    op.create_index(
        "ix_recipients_joined",
        "recipients",
        ["sheet_id", "address_id", "row"],
        sqlite_where=joined,
        postgresql_where=joined,
    )
