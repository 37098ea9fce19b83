"""Mended files."""

import sqlalchemy as sa
from alembic import op

import oncue.db.base

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    with op.batch_alter_table("workspace", schema=None) as batch_op:
        batch_op.add_column(
            sa.Column("mend_media", sa.Boolean(), server_default="1", nullable=False)
        )
    op.create_table(
        "media_copy",
        sa.Column("media_id", sa.Uuid(), nullable=False),
        sa.Column("recipe", sa.Text(), nullable=False),
        sa.Column("workspace_id", sa.Uuid(), nullable=False),
        sa.Column("storage_key", sa.Text(), nullable=False),
        sa.Column("content_type", sa.Text(), nullable=False),
        sa.Column("size_bytes", sa.Integer(), nullable=False),
        sa.Column("sha256", sa.Text(), nullable=False),
        sa.Column("width", sa.Integer(), nullable=True),
        sa.Column("height", sa.Integer(), nullable=True),
        sa.Column("seconds", sa.Double(), nullable=True),
        sa.Column("used_at", oncue.db.base.Moment(), nullable=False),
        sa.ForeignKeyConstraint(
            ["workspace_id", "media_id"],
            ["media.workspace_id", "media.id"],
            name=op.f("fk_media_copy_workspace_id_media_id_media"),
        ),
        sa.ForeignKeyConstraint(
            ["workspace_id", "storage_key"],
            ["media_object.workspace_id", "media_object.key"],
            name=op.f("fk_media_copy_workspace_id_storage_key_media_object"),
        ),
        sa.PrimaryKeyConstraint("media_id", "recipe", name=op.f("pk_media_copy")),
    )
    with op.batch_alter_table("media_copy", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_media_copy_storage_key"), ["storage_key"])
        batch_op.create_index(batch_op.f("ix_media_copy_used_at"), ["used_at"])


def downgrade() -> None:
    op.drop_table("media_copy")
    with op.batch_alter_table("workspace", schema=None) as batch_op:
        batch_op.drop_column("mend_media")
