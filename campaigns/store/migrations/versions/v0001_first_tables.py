"""All tables of the first release."""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

# SQLite gives a rowid, and counts it up by itself, only to a column that is INTEGER.
KEY = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    op.create_table(
        "attempts",
        sa.Column("message_id", sa.BigInteger(), nullable=False),
        sa.Column("n", sa.SmallInteger(), nullable=False),
        sa.Column("handover_id", sa.BigInteger(), nullable=True),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.Column("outcome", sa.Text(), nullable=False),
        sa.Column("code", sa.Text(), nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("message_id", "n", name="pk_attempts"),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "domains",
        sa.Column("id", KEY, nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("lane", sa.SmallInteger(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_domains"),
        sa.UniqueConstraint("name", name="uq_domains_name"),
    )
    op.create_table(
        "history",
        sa.Column("id", KEY, nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.Column("who", sa.Text(), nullable=False),
        sa.Column("verb", sa.Text(), nullable=False),
        sa.Column("thing", sa.Text(), nullable=False),
        sa.Column("thing_id", sa.BigInteger(), nullable=True),
        sa.Column("detail", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_history"),
    )
    op.create_table(
        "lists",
        sa.Column("id", KEY, nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("folded", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_lists"),
        sa.UniqueConstraint("folded", name="uq_lists_folded"),
    )
    op.create_table(
        "throttle_use",
        sa.Column("throttle", sa.Text(), nullable=False),
        sa.Column("slice", sa.BigInteger(), nullable=False),
        sa.Column("used", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("throttle", "slice", name="pk_throttle_use"),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "versions",
        sa.Column("id", KEY, nullable=False),
        sa.Column("template", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("sha256", sa.Text(), nullable=False),
        sa.Column("source", sa.LargeBinary(), nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.Column("who", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_versions"),
        sa.UniqueConstraint("template", "sha256", name="uq_versions_template_sha256"),
    )
    op.create_table(
        "workers",
        sa.Column("id", KEY, nullable=False),
        sa.Column("host", sa.Text(), nullable=False),
        sa.Column("pid", sa.Integer(), nullable=False),
        sa.Column("machine_id", sa.Text(), nullable=False),
        sa.Column("boot_id", sa.Text(), nullable=False),
        sa.Column("version", sa.Text(), nullable=False),
        sa.Column("started_at", sa.BigInteger(), nullable=False),
        sa.Column("beat_at", sa.BigInteger(), nullable=False),
        sa.Column("stopped_at", sa.BigInteger(), nullable=True),
        sa.Column("doing", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_workers"),
    )
    op.create_table(
        "workspace",
        sa.Column("uuid", sa.String(length=36), nullable=False),
        sa.Column("machine_id", sa.Text(), nullable=False),
        sa.Column("made_by", sa.Text(), nullable=False),
        sa.Column("made_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("uuid", name="pk_workspace"),
    )
    op.create_table(
        "addresses",
        sa.Column("id", KEY, nullable=False),
        sa.Column("folded", sa.Text(), nullable=False),
        sa.Column("domain_id", KEY, nullable=False),
        sa.ForeignKeyConstraint(["domain_id"], ["domains.id"], name="fk_addresses_domain_id"),
        sa.PrimaryKeyConstraint("id", name="pk_addresses"),
        sa.UniqueConstraint("folded", name="uq_addresses_folded"),
    )
    op.create_table(
        "constants",
        sa.Column("id", KEY, nullable=False),
        sa.Column("version_id", KEY, nullable=False),
        sa.Column("sha256", sa.LargeBinary(), nullable=False),
        sa.Column("body", sa.LargeBinary(), nullable=False),
        sa.ForeignKeyConstraint(["version_id"], ["versions.id"], name="fk_constants_version_id"),
        sa.PrimaryKeyConstraint("id", name="pk_constants"),
        sa.UniqueConstraint("version_id", "sha256", name="uq_constants_version_id_sha256"),
    )
    op.create_table(
        "handovers",
        sa.Column("id", KEY, nullable=False),
        sa.Column("worker_id", KEY, nullable=False),
        sa.Column("transport", sa.Text(), nullable=False),
        sa.Column("host", sa.Text(), nullable=False),
        sa.Column("remote_id", sa.Text(), nullable=False),
        sa.Column("code", sa.Text(), nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.Column("rows", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(["worker_id"], ["workers.id"], name="fk_handovers_worker_id"),
        sa.PrimaryKeyConstraint("id", name="pk_handovers"),
    )
    op.create_table(
        "sheets",
        sa.Column("id", KEY, nullable=False),
        sa.Column("list_id", KEY, nullable=False),
        sa.Column("n", sa.Integer(), nullable=True),
        sa.Column("sha256", sa.Text(), nullable=False),
        sa.Column("file_name", sa.Text(), nullable=False),
        sa.Column("kept", sa.Boolean(), nullable=False),
        sa.Column("worksheet", sa.Text(), nullable=False),
        sa.Column("encoding", sa.Text(), nullable=False),
        sa.Column("delimiter", sa.Text(), nullable=False),
        sa.Column("header_row", sa.Integer(), nullable=False),
        sa.Column("rows", sa.Integer(), nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.Column("who", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(["list_id"], ["lists.id"], name="fk_sheets_list_id"),
        sa.PrimaryKeyConstraint("id", name="pk_sheets"),
        sa.UniqueConstraint("list_id", "n", name="uq_sheets_list_id_n"),
    )
    op.create_table(
        "campaigns",
        sa.Column("id", KEY, nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("list_id", KEY, nullable=False),
        sa.Column("sheet_id", KEY, nullable=True),
        sa.Column("template", sa.Text(), nullable=False),
        sa.Column("version_id", KEY, nullable=True),
        sa.Column("sender_given", sa.Text(), nullable=False),
        sa.Column("sender", sa.Text(), nullable=False),
        sa.Column("reply_to", sa.Text(), nullable=False),
        sa.Column("public_url", sa.Text(), nullable=False),
        sa.Column("transport", sa.Text(), nullable=False),
        sa.Column("leaves", sa.Boolean(), nullable=False),
        sa.Column("zone", sa.Text(), nullable=False),
        sa.Column("starts_wall", sa.Text(), nullable=False),
        sa.Column("starts_at", sa.BigInteger(), nullable=True),
        sa.Column("late_after", sa.Integer(), nullable=False),
        sa.Column("give_up_after", sa.Integer(), nullable=False),
        sa.Column("throttles", sa.Text(), nullable=False),
        sa.Column("tag_salt", sa.LargeBinary(), nullable=False),
        sa.Column("prints_today", sa.Boolean(), nullable=False),
        sa.Column("checking", sa.Text(), nullable=False),
        sa.Column("prepared", sa.Text(), nullable=False),
        sa.Column("fingerprint", sa.Text(), nullable=False),
        sa.Column("series", sa.Text(), nullable=True),
        sa.Column("occurrence", sa.Text(), nullable=True),
        sa.Column("rows", sa.Integer(), nullable=False),
        sa.Column("made_at", sa.BigInteger(), nullable=False),
        sa.Column("who", sa.Text(), nullable=False),
        sa.Column("queued_at", sa.BigInteger(), nullable=True),
        sa.Column("finished_at", sa.BigInteger(), nullable=True),
        sa.ForeignKeyConstraint(["list_id"], ["lists.id"], name="fk_campaigns_list_id"),
        sa.ForeignKeyConstraint(["sheet_id"], ["sheets.id"], name="fk_campaigns_sheet_id"),
        sa.ForeignKeyConstraint(["version_id"], ["versions.id"], name="fk_campaigns_version_id"),
        sa.PrimaryKeyConstraint("id", name="pk_campaigns"),
        sa.UniqueConstraint("name", name="uq_campaigns_name"),
        sa.UniqueConstraint("series", "occurrence", name="uq_campaigns_series_occurrence"),
    )
    op.create_index("ix_campaigns_fingerprint", "campaigns", ["fingerprint"], unique=False)
    op.create_table(
        "columns",
        sa.Column("sheet_id", KEY, nullable=False),
        sa.Column("place", sa.Integer(), nullable=False),
        sa.Column("header", sa.Text(), nullable=False),
        sa.Column("field", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("format", sa.Text(), nullable=False),
        sa.Column("locale", sa.Text(), nullable=False),
        sa.Column("empty", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(["sheet_id"], ["sheets.id"], name="fk_columns_sheet_id"),
        sa.PrimaryKeyConstraint("sheet_id", "place", name="pk_columns"),
    )
    op.create_table(
        "recipients",
        sa.Column("id", KEY, nullable=False),
        sa.Column("sheet_id", KEY, nullable=False),
        sa.Column("row", sa.Integer(), nullable=False),
        sa.Column("address_id", KEY, nullable=True),
        sa.Column("given", sa.Text(), nullable=True),
        sa.Column("cells", sa.Text(), nullable=False),
        sa.Column("verdict", sa.SmallInteger(), nullable=False),
        sa.Column("note", sa.Text(), nullable=True),
        sa.ForeignKeyConstraint(["address_id"], ["addresses.id"], name="fk_recipients_address_id"),
        sa.ForeignKeyConstraint(["sheet_id"], ["sheets.id"], name="fk_recipients_sheet_id"),
        sa.PrimaryKeyConstraint("id", name="pk_recipients"),
        sa.UniqueConstraint("sheet_id", "row", name="uq_recipients_sheet_id_row"),
    )
    op.create_table(
        "findings",
        sa.Column("id", KEY, nullable=False),
        sa.Column("campaign_id", KEY, nullable=True),
        sa.Column("sheet_id", KEY, nullable=True),
        sa.Column("code", sa.Text(), nullable=False),
        sa.Column("severity", sa.Text(), nullable=False),
        sa.Column("rows", sa.Integer(), nullable=False),
        sa.Column("first_rows", sa.Text(), nullable=False),
        sa.Column("place", sa.Text(), nullable=False),
        sa.Column("sentence", sa.Text(), nullable=False),
        sa.Column("remedy", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(["campaign_id"], ["campaigns.id"], name="fk_findings_campaign_id"),
        sa.ForeignKeyConstraint(["sheet_id"], ["sheets.id"], name="fk_findings_sheet_id"),
        sa.PrimaryKeyConstraint("id", name="pk_findings"),
    )
    op.create_index("ix_findings_campaign_id", "findings", ["campaign_id"], unique=False)
    op.create_index("ix_findings_sheet_id", "findings", ["sheet_id"], unique=False)
    op.create_table(
        "left_out",
        sa.Column("campaign_id", KEY, nullable=False),
        sa.Column("recipient_id", KEY, nullable=False),
        sa.Column("code", sa.SmallInteger(), nullable=False),
        sa.Column("message_id", sa.BigInteger(), nullable=True),
        sa.Column("note", sa.Text(), nullable=True),
        sa.ForeignKeyConstraint(["campaign_id"], ["campaigns.id"], name="fk_left_out_campaign_id"),
        sa.PrimaryKeyConstraint("campaign_id", "recipient_id", name="pk_left_out"),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "messages",
        sa.Column("id", KEY, nullable=False),
        sa.Column("campaign_id", KEY, nullable=False),
        sa.Column("recipient_id", KEY, nullable=False),
        sa.Column("address_id", KEY, nullable=False),
        sa.Column("ordinal", sa.SmallInteger(), nullable=False),
        sa.Column("wave", sa.SmallInteger(), nullable=False),
        sa.Column("state", sa.SmallInteger(), nullable=False),
        sa.Column("due_at", sa.BigInteger(), nullable=False),
        sa.Column("lane", sa.SmallInteger(), nullable=False),
        sa.Column("attempts", sa.SmallInteger(), nullable=False),
        sa.Column("shape_id", KEY, nullable=False),
        sa.Column("to_addr", sa.Text(), nullable=True),
        sa.Column("slots", sa.LargeBinary(), nullable=True),
        sa.Column("token", sa.LargeBinary(), nullable=False),
        sa.Column("worker_id", sa.Integer(), nullable=True),
        sa.Column("handover_id", sa.BigInteger(), nullable=True),
        sa.Column("leased_at", sa.BigInteger(), nullable=True),
        sa.Column("settled_at", sa.BigInteger(), nullable=True),
        sa.Column("remote_id", sa.Text(), nullable=True),
        sa.ForeignKeyConstraint(["address_id"], ["addresses.id"], name="fk_messages_address_id"),
        sa.ForeignKeyConstraint(["campaign_id"], ["campaigns.id"], name="fk_messages_campaign_id"),
        sa.PrimaryKeyConstraint("id", name="pk_messages"),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_messages_address", "messages", ["address_id"], unique=False)
    op.create_index(
        "ix_messages_leased",
        "messages",
        ["worker_id"],
        unique=False,
        sqlite_where=sa.text("state = 2"),
        postgresql_where=sa.text("state = 2"),
    )
    op.create_index(
        "ix_messages_proofs",
        "messages",
        ["id"],
        unique=False,
        sqlite_where=sa.text("state = 1 AND wave = 0"),
        postgresql_where=sa.text("state = 1 AND wave = 0"),
    )
    op.create_index(
        "ix_messages_queued",
        "messages",
        ["campaign_id", "lane", "due_at", "id"],
        unique=False,
        sqlite_where=sa.text("state = 1"),
        postgresql_where=sa.text("state = 1"),
    )
    op.create_index(
        "ix_messages_settled",
        "messages",
        ["campaign_id", "state", "wave"],
        unique=False,
        sqlite_where=sa.text("state > 2"),
        postgresql_where=sa.text("state > 2"),
    )
    op.create_index(
        "uq_messages_campaign_person",
        "messages",
        ["campaign_id", "address_id", "ordinal"],
        unique=True,
        sqlite_where=sa.text("wave > 0"),
        postgresql_where=sa.text("wave > 0"),
    )
    op.create_table(
        "shapes",
        sa.Column("id", KEY, nullable=False),
        sa.Column("campaign_id", KEY, nullable=False),
        sa.Column("version_id", KEY, nullable=False),
        sa.Column("parts", sa.LargeBinary(), nullable=False),
        sa.Column("sha256", sa.LargeBinary(), nullable=False),
        sa.ForeignKeyConstraint(["campaign_id"], ["campaigns.id"], name="fk_shapes_campaign_id"),
        sa.ForeignKeyConstraint(["version_id"], ["versions.id"], name="fk_shapes_version_id"),
        sa.PrimaryKeyConstraint("id", name="pk_shapes"),
        sa.UniqueConstraint("campaign_id", "sha256", name="uq_shapes_campaign_id_sha256"),
    )
    op.create_table(
        "suppressions",
        sa.Column("id", KEY, nullable=False),
        sa.Column("address_id", KEY, nullable=True),
        sa.Column("domain_id", KEY, nullable=True),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("campaign_id", KEY, nullable=True),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.Column("who", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(["address_id"], ["addresses.id"], name="fk_suppressions_address_id"),
        sa.ForeignKeyConstraint(["campaign_id"], ["campaigns.id"], name="fk_suppressions_campaign_id"),
        sa.ForeignKeyConstraint(["domain_id"], ["domains.id"], name="fk_suppressions_domain_id"),
        sa.PrimaryKeyConstraint("id", name="pk_suppressions"),
        sa.UniqueConstraint("address_id", name="uq_suppressions_address_id"),
        sa.UniqueConstraint("domain_id", name="uq_suppressions_domain_id"),
    )
