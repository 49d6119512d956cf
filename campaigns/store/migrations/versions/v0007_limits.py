"""Recipient-domain groups, adaptive paces, automatic pauses and canaries."""

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "lanes",
        sa.Column("id", sa.SmallInteger(), autoincrement=False, nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_lanes"),
        sa.UniqueConstraint("name", name="uq_lanes_name"),
    )
    op.create_table(
        "paces",
        sa.Column("whose", sa.Text(), nullable=False),
        sa.Column("top", sa.Float(), nullable=False),
        sa.Column("rate", sa.Float(), nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.Column("held_until", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("whose", name="pk_paces"),
        sqlite_with_rowid=False,
    )
    op.add_column("campaigns", sa.Column("pause_above", sa.Text(), nullable=False, server_default=""))
    op.add_column("campaigns", sa.Column("canary", sa.Text(), nullable=False, server_default=""))
    op.add_column("campaigns", sa.Column("canary_mails", sa.Integer(), nullable=False, server_default=sa.text("0")))
    op.add_column("campaigns", sa.Column("hold", sa.Integer(), nullable=False, server_default=sa.text("0")))
    op.add_column("campaigns", sa.Column("holds_until", sa.BigInteger(), nullable=True))
