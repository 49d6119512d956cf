"""Campaigns and sheets say when their content was pruned."""

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("campaigns", sa.Column("pruned_at", sa.BigInteger()))
    op.add_column("sheets", sa.Column("pruned_at", sa.BigInteger()))
