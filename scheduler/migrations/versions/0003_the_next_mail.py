"""An index that leads to the next mail, however many wait."""

from __future__ import annotations

from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_index("ix_message_next", "message", ["statutory", "next_try_at"])


def downgrade() -> None:
    op.drop_index("ix_message_next", "message")
