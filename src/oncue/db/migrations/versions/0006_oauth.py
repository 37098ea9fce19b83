"""Accounts that their owners connect on the network's page, and credentials that end."""

import sqlalchemy as sa
from alembic import op

import oncue.db.base

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    with op.batch_alter_table("account_secret", schema=None) as batch_op:
        batch_op.add_column(
            sa.Column("generation", sa.Integer(), server_default="1", nullable=False)
        )
        batch_op.add_column(sa.Column("renew_at", oncue.db.base.Moment(), nullable=True))
        batch_op.add_column(sa.Column("lease", sa.Uuid(), nullable=True))
        batch_op.add_column(sa.Column("lease_until", oncue.db.base.Moment(), nullable=True))
        batch_op.add_column(sa.Column("tries", sa.Integer(), server_default="0", nullable=False))
        batch_op.create_index(
            "ix_account_secret_renewal",
            ["renew_at"],
            unique=False,
            postgresql_where=sa.text("renew_at IS NOT NULL"),
            sqlite_where=sa.text("renew_at IS NOT NULL"),
        )

    op.create_table(
        "oauth_flow",
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("workspace_id", sa.Uuid(), nullable=False),
        sa.Column("platform", sa.Text(), nullable=False),
        sa.Column("server", sa.Text(), nullable=False),
        sa.Column("redirect_uri", sa.Text(), nullable=False),
        sa.Column("sealed", sa.Text(), nullable=False),
        sa.Column("key_id", sa.Text(), nullable=False),
        sa.Column("created_at", oncue.db.base.Moment(), nullable=False),
        sa.Column("expires_at", oncue.db.base.Moment(), nullable=False),
        sa.Column("used_at", oncue.db.base.Moment(), nullable=True),
        sa.ForeignKeyConstraint(
            ["workspace_id"], ["workspace.id"], name=op.f("fk_oauth_flow_workspace_id_workspace")
        ),
        sa.PrimaryKeyConstraint("state", name=op.f("pk_oauth_flow")),
    )
    with op.batch_alter_table("oauth_flow", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_oauth_flow_expires_at"), ["expires_at"], unique=False)
        batch_op.create_index(batch_op.f("ix_oauth_flow_key_id"), ["key_id"], unique=False)

    op.create_table(
        "workspace_app",
        sa.Column("workspace_id", sa.Uuid(), nullable=False),
        sa.Column("platform", sa.Text(), nullable=False),
        sa.Column("client_id", sa.Text(), nullable=False),
        sa.Column("sealed", sa.Text(), nullable=False),
        sa.Column("key_id", sa.Text(), nullable=False),
        sa.Column("created_at", oncue.db.base.Moment(), nullable=False),
        sa.Column("updated_at", oncue.db.base.Moment(), nullable=False),
        sa.ForeignKeyConstraint(
            ["workspace_id"], ["workspace.id"], name=op.f("fk_workspace_app_workspace_id_workspace")
        ),
        sa.PrimaryKeyConstraint("workspace_id", "platform", name=op.f("pk_workspace_app")),
    )
    with op.batch_alter_table("workspace_app", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_workspace_app_key_id"), ["key_id"], unique=False)

    op.create_table(
        "registered_app",
        sa.Column("workspace_id", sa.Uuid(), nullable=False),
        sa.Column("platform", sa.Text(), nullable=False),
        sa.Column("server", sa.Text(), nullable=False),
        sa.Column("client_id", sa.Text(), nullable=False),
        sa.Column("redirect_uri", sa.Text(), nullable=False),
        sa.Column("sealed", sa.Text(), nullable=False),
        sa.Column("key_id", sa.Text(), nullable=False),
        sa.Column("created_at", oncue.db.base.Moment(), nullable=False),
        sa.ForeignKeyConstraint(
            ["workspace_id"],
            ["workspace.id"],
            name=op.f("fk_registered_app_workspace_id_workspace"),
        ),
        sa.PrimaryKeyConstraint(
            "workspace_id", "platform", "server", "client_id", name=op.f("pk_registered_app")
        ),
    )
    with op.batch_alter_table("registered_app", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_registered_app_key_id"), ["key_id"], unique=False)

    op.create_table(
        "client_key",
        sa.Column("id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("sealed", sa.Text(), nullable=False),
        sa.Column("key_id", sa.Text(), nullable=False),
        sa.Column("created_at", oncue.db.base.Moment(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_client_key")),
    )
