"""Attachments: each file once by its hash, which campaigns carry it, and the files of one person's message."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

KEY = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    op.create_table(
        "files",
        sa.Column("id", KEY, nullable=False),
        sa.Column("sha256", sa.Text(), nullable=False),
        sa.Column("size", sa.BigInteger(), nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_files"),
        sa.UniqueConstraint("sha256", name="uq_files_sha256"),
    )
    op.create_table(
        "campaign_files",
        sa.Column("campaign_id", KEY, nullable=False),
        sa.Column("file_id", KEY, nullable=False),
        sa.ForeignKeyConstraint(["campaign_id"], ["campaigns.id"], name="fk_campaign_files_campaign_id"),
        sa.ForeignKeyConstraint(["file_id"], ["files.id"], name="fk_campaign_files_file_id"),
        sa.PrimaryKeyConstraint("campaign_id", "file_id", name="pk_campaign_files"),
        sqlite_with_rowid=False,
    )
    op.create_index("ix_campaign_files_file_id", "campaign_files", ["file_id"])
    op.create_table(
        "message_files",
        sa.Column("message_id", sa.BigInteger(), nullable=False),
        sa.Column("place", sa.SmallInteger(), nullable=False),
        sa.Column("file_id", sa.BigInteger(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("message_id", "place", name="pk_message_files"),
        sqlite_with_rowid=False,
    )
