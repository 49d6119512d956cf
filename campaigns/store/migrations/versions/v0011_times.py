"""Send windows, recipients' own times and zones, and what becomes of mail that is late."""

import sqlalchemy as sa
from alembic import op

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None


def upgrade() -> None:
    for name in ("windows", "holidays", "late", "zone_by", "starts_by", "at_column"):
        op.add_column("campaigns", sa.Column(name, sa.Text(), nullable=False, server_default=sa.text("''")))
    op.add_column("lanes", sa.Column("part_of", sa.SmallInteger()))
    op.add_column("lanes", sa.Column("zone", sa.Text(), nullable=False, server_default=sa.text("''")))
