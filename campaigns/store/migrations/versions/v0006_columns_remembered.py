"""Columns say what they were taken for, and what the list's next sheet keeps of it."""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("columns", sa.Column("role", sa.Text(), nullable=False, server_default=""))
    op.add_column("columns", sa.Column("why", sa.Text(), nullable=False, server_default="content"))
    op.add_column("columns", sa.Column("holds", sa.Text(), nullable=False, server_default=""))
