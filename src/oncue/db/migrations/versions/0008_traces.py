"""What deleted destinations leave on the networks."""

import sqlalchemy as sa
from alembic import op

import oncue.db.base

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "trace",
        sa.Column("destination_id", sa.Uuid(), nullable=False),
        sa.Column("workspace_id", sa.Uuid(), nullable=False),
        sa.Column("account_id", sa.Uuid(), nullable=False),
        sa.Column("told", sa.JSON(none_as_null=True), nullable=False),
        sa.Column("left_at", oncue.db.base.Moment(), nullable=False),
        sa.PrimaryKeyConstraint("destination_id", name=op.f("pk_trace")),
    )
    op.create_index(op.f("ix_trace_left_at"), "trace", ["left_at"])


def downgrade() -> None:
    op.drop_table("trace")
