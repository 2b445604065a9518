"""Dates that move to and fro; what the store knows of the journal of hand-overs."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

KEY = ["key", "rung", "due", "recipient", "channel"]
NAMES = {"uq": "uq_%(table_name)s_%(column_0_name)s"}  # SQLite has no name for the first one
POSTGRESQL = "notice_key_rung_due_recipient_channel_key"


def upgrade() -> None:
    postgresql = op.get_bind().dialect.name == "postgresql"
    with op.batch_alter_table("notice", naming_convention=NAMES) as notice:
        notice.add_column(sa.Column("move", sa.Integer(), nullable=False, server_default="0"))
        notice.add_column(
            sa.Column("restored", sa.Boolean(), nullable=False, server_default=sa.false())
        )
        notice.drop_constraint(POSTGRESQL if postgresql else "uq_notice_key", type_="unique")
        notice.create_unique_constraint("uq_notice", [*KEY, "move"])
    op.create_table(
        "journal_file",
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("size", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("name"),
    )


def downgrade() -> None:
    op.drop_table("journal_file")
    op.execute("DELETE FROM notice WHERE move > 0")
    with op.batch_alter_table("notice") as notice:
        notice.drop_constraint("uq_notice", type_="unique")
        notice.drop_column("restored")
        notice.drop_column("move")
        notice.create_unique_constraint(POSTGRESQL, KEY)
