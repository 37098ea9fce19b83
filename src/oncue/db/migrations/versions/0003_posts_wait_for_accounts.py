"""Posts wait for accounts."""

import sqlalchemy as sa
from alembic import op

import oncue.db.base

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

KNOWN = sa.text("reconnect_by IS NOT NULL")
HELD = sa.text("state = 'held'")


def upgrade() -> None:
    with op.batch_alter_table("account", schema=None) as batch_op:
        batch_op.add_column(sa.Column("reconnect_by", oncue.db.base.Moment(), nullable=True))
        batch_op.add_column(sa.Column("told_of", oncue.db.base.Moment(), nullable=True))
    op.create_index(
        "ix_account_reconnect_by",
        "account",
        ["reconnect_by"],
        postgresql_where=KNOWN,
        sqlite_where=KNOWN,
    )
    op.create_index(
        "ix_destination_held",
        "destination",
        ["account_id"],
        postgresql_where=HELD,
        sqlite_where=HELD,
    )


def downgrade() -> None:
    op.drop_index("ix_destination_held", "destination")
    op.drop_index("ix_account_reconnect_by", "account")
    with op.batch_alter_table("account", schema=None) as batch_op:
        batch_op.drop_column("told_of")
        batch_op.drop_column("reconnect_by")
