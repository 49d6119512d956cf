"""Campaigns say whom of their list they are for."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("campaigns", sa.Column("audience", sa.Text(), nullable=False, server_default=sa.text("''")))
