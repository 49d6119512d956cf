"""Recurring campaigns."""

import sqlalchemy as sa
from alembic import op

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None

# SQLite gives a rowid, and counts it up by itself, only to a column that is INTEGER.
KEY = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    op.create_table(
        "series",
        sa.Column("campaign_id", KEY, autoincrement=False, nullable=False),
        sa.Column("every", sa.Text(), nullable=False),
        sa.Column("whom", sa.Text(), nullable=False),
        sa.Column("sheet_path", sa.Text(), nullable=False),
        sa.Column("late", sa.Text(), nullable=False),
        sa.Column("first_rows", sa.Integer(), nullable=False, server_default=sa.text("0")),
        sa.Column("since", sa.BigInteger(), nullable=True),
        sa.Column("latest", sa.Text(), nullable=True),
        sa.Column("next_at", sa.BigInteger(), nullable=True),
        sa.Column("put_off_until", sa.BigInteger(), nullable=True),
        sa.Column("preparing", KEY, nullable=True),
        sa.Column("due_at", sa.BigInteger(), nullable=True),
        sa.ForeignKeyConstraint(["campaign_id"], ["campaigns.id"], name="fk_series_campaign_id"),
        sa.ForeignKeyConstraint(["preparing"], ["campaigns.id"], name="fk_series_preparing"),
        sa.PrimaryKeyConstraint("campaign_id", name="pk_series"),
    )
