"""The workspace says where its last worker ran, so that a copy of it is known."""

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("workspace", sa.Column("inode", sa.BigInteger()))
    op.add_column("workspace", sa.Column("turn", sa.BigInteger(), nullable=False, server_default=sa.text("0")))
    op.add_column("workspace", sa.Column("copied_since", sa.BigInteger()))
    # It was the maker's; where a worker has run since, that machine is its home.
    last = "SELECT machine_id FROM workers ORDER BY id DESC LIMIT 1"
    op.execute(f"UPDATE workspace SET machine_id = coalesce(({last}), machine_id)")  # noqa: S608
