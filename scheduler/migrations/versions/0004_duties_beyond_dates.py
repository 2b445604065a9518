"""Stationing terms, activities, events, evidence, and deadlines that were extended."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def _recorded() -> list[sa.Column[object]]:
    return [
        sa.Column("recorded_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("recorded_by", sa.String(), nullable=False),
    ]


def _withdrawn() -> list[sa.Column[object]]:
    return [
        sa.Column("withdrawn_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("superseded_by", sa.Integer(), nullable=True),
        sa.Column("reason", sa.String(), nullable=True),
    ]


def upgrade() -> None:
    with op.batch_alter_table("occurrence") as occurrence:
        occurrence.add_column(sa.Column("extended_to", sa.Date(), nullable=True))
        occurrence.add_column(
            sa.Column("history", sa.Boolean(), server_default=sa.false(), nullable=False)
        )
    op.create_index("ix_occurrence_party_key", "occurrence_party", ["key"])
    op.execute("update occurrence set history = (status = 'history')")
    op.create_table(
        "shift",
        sa.Column("id", sa.Integer(), primary_key=True),
        sa.Column("document", sa.String(), nullable=False),
        sa.Column("supporter", sa.String(), nullable=False),
        sa.Column("recipient", sa.String(), nullable=False),
        sa.Column("from_", sa.Date(), nullable=False),
        sa.Column("until", sa.Date(), nullable=False),
        sa.Column("people", sa.Integer(), nullable=False),
        sa.Column("staff", sa.String(), nullable=False),
        sa.Column("persons", sa.Text(), nullable=False),
        *_recorded(),
        *_withdrawn(),
    )
    op.create_index("ix_shift_document", "shift", ["document"])
    op.create_table(
        "activity",
        sa.Column("id", sa.Integer(), primary_key=True),
        sa.Column("document", sa.String(), nullable=False),
        sa.Column("obligation", sa.String(), nullable=False),
        sa.Column("subject", sa.String(), nullable=False),
        sa.Column("on", sa.Date(), nullable=False),
        sa.Column("count", sa.Integer(), nullable=False),
        sa.Column("item", sa.String(), nullable=True),
        sa.Column("evidence", sa.String(), nullable=True),
        *_recorded(),
        *_withdrawn(),
    )
    op.create_index(
        "ix_activity_subject", "activity", ["document", "obligation", "subject", "on"]
    )
    op.create_table(
        "event",
        sa.Column("id", sa.Integer(), primary_key=True),
        sa.Column("document", sa.String(), nullable=False),
        sa.Column("obligation", sa.String(), nullable=False),
        sa.Column("subject", sa.String(), nullable=False),
        sa.Column("on", sa.Date(), nullable=False),
        sa.Column("cause", sa.String(), nullable=False),
        sa.Column("origin", sa.String(), nullable=False, unique=True),
        *_recorded(),
        sa.Column("withdrawn_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("reason", sa.String(), nullable=True),
    )
    op.create_index("ix_event_document", "event", ["document"])
    op.create_table(
        "evidence",
        sa.Column("name", sa.String(), primary_key=True),
        sa.Column("original", sa.String(), nullable=False),
        sa.Column("media_type", sa.String(), nullable=False),
        sa.Column("size", sa.Integer(), nullable=False),
        sa.Column("sha256", sa.String(), nullable=False),
        sa.Column("body", sa.LargeBinary(), nullable=False),
        *_recorded(),
    )


def downgrade() -> None:
    for table in ("evidence", "event", "activity", "shift"):
        op.drop_table(table)
    op.drop_index("ix_occurrence_party_key", "occurrence_party")
    with op.batch_alter_table("occurrence") as occurrence:
        occurrence.drop_column("history")
        occurrence.drop_column("extended_to")
