"""Every event of a feed remembers what it last said, and since when."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    # What the feeds said so far stands in their bytes, and is learned from there at the first
    # rendering (notifications/feed_changes.py): no stamp begins anew.
    with op.batch_alter_table("feed") as feed:
        feed.add_column(sa.Column("state", sa.String(), server_default="", nullable=False))
        feed.add_column(sa.Column("state_at", sa.DateTime(timezone=True), nullable=True))
    op.create_table(
        "feed_event",
        sa.Column("owner", sa.String(), primary_key=True),
        sa.Column("uid", sa.String(), primary_key=True),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("frequent", sa.Boolean(), nullable=False),
        sa.Column("alarms", sa.Boolean(), nullable=False),
        sa.Column("due", sa.Date(), nullable=False),
        sa.Column("source", sa.String(), nullable=False),
        sa.Column("hash", sa.String(), nullable=False),
        sa.Column("sequence", sa.Integer(), nullable=False),
        sa.Column("modified_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("cancelled_on", sa.Date(), nullable=True),
        sa.Column("body", sa.LargeBinary(), nullable=False),
    )


def downgrade() -> None:
    op.drop_table("feed_event")
    with op.batch_alter_table("feed") as feed:
        feed.drop_column("state_at")
        feed.drop_column("state")
