"""Campaigns say what kinds of transports their mails were checked for: routes may lead them through several."""

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("campaigns", sa.Column("checked_for", sa.Text(), nullable=False, server_default=sa.text("''")))
