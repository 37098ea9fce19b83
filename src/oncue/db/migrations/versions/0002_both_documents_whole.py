"""Both documents whole."""

import sqlalchemy as sa
from alembic import op

import oncue.db.base

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "rate_window",
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("minute", sa.BigInteger(), nullable=False),
        sa.Column("used", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("key", "minute", name=op.f("pk_rate_window")),
    )
    if op.get_bind().dialect.name == "postgresql":
        op.execute("ALTER TABLE rate_window SET UNLOGGED")
    op.create_table(
        "bulk_retry",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("workspace_id", sa.Uuid(), nullable=False),
        sa.Column("asked_at", oncue.db.base.Moment(), nullable=False),
        sa.Column("finished_at", oncue.db.base.Moment(), nullable=True),
        sa.ForeignKeyConstraint(
            ["workspace_id"], ["workspace.id"], name=op.f("fk_bulk_retry_workspace_id_workspace")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_bulk_retry")),
    )
    with op.batch_alter_table("bulk_retry", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_bulk_retry_asked_at"), ["asked_at"], unique=False)

    op.create_table(
        "import_job",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("workspace_id", sa.Uuid(), nullable=False),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("dry_run", sa.Boolean(), nullable=False),
        sa.Column("filename", sa.Text(), nullable=False),
        sa.Column("content", sa.LargeBinary(), nullable=False),
        sa.Column("sha256", sa.Text(), nullable=False),
        sa.Column("total_rows", sa.Integer(), nullable=False),
        sa.Column("processed_rows", sa.Integer(), nullable=False),
        sa.Column("success_count", sa.Integer(), nullable=False),
        sa.Column("failure_count", sa.Integer(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=True),
        sa.Column("warning", sa.Text(), nullable=True),
        sa.Column("fence", sa.Integer(), nullable=False),
        sa.Column("lease_until", oncue.db.base.Moment(), nullable=True),
        sa.Column("created_at", oncue.db.base.Moment(), nullable=False),
        sa.Column("finished_at", oncue.db.base.Moment(), nullable=True),
        sa.ForeignKeyConstraint(
            ["workspace_id"], ["workspace.id"], name=op.f("fk_import_job_workspace_id_workspace")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_import_job")),
    )
    with op.batch_alter_table("import_job", schema=None) as batch_op:
        batch_op.create_index(
            "ix_import_job_open",
            ["created_at"],
            unique=False,
            postgresql_where=sa.text("finished_at IS NULL"),
            sqlite_where=sa.text("finished_at IS NULL"),
        )
        batch_op.create_index(
            batch_op.f("ix_import_job_workspace_id"), ["workspace_id"], unique=False
        )

    op.create_table(
        "persona",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("workspace_id", sa.Uuid(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("description", sa.Text(), nullable=True),
        sa.Column("created_at", oncue.db.base.Moment(), nullable=False),
        sa.Column("updated_at", oncue.db.base.Moment(), nullable=False),
        sa.ForeignKeyConstraint(
            ["workspace_id"], ["workspace.id"], name=op.f("fk_persona_workspace_id_workspace")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_persona")),
    )
    with op.batch_alter_table("persona", schema=None) as batch_op:
        batch_op.create_index(
            batch_op.f("ix_persona_workspace_id_created_at_id"),
            ["workspace_id", "created_at", "id"],
            unique=False,
        )

    op.create_table(
        "webhook_endpoint",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("workspace_id", sa.Uuid(), nullable=False),
        sa.Column("url", sa.Text(), nullable=False),
        sa.Column("description", sa.Text(), nullable=False),
        sa.Column("events", sa.JSON(none_as_null=True), nullable=False),
        sa.Column("signature_header", sa.Text(), nullable=False),
        sa.Column("secret", sa.Text(), nullable=False),
        sa.Column("old_secret", sa.Text(), nullable=True),
        sa.Column("old_secret_until", oncue.db.base.Moment(), nullable=True),
        sa.Column("enabled", sa.Boolean(), nullable=False),
        sa.Column("disabled_reason", sa.Text(), nullable=True),
        sa.Column("failing_since", oncue.db.base.Moment(), nullable=True),
        sa.Column("failure_count", sa.Integer(), nullable=False),
        sa.Column("recent_failures", sa.Integer(), nullable=False),
        sa.Column("recent_failures_since", oncue.db.base.Moment(), nullable=True),
        sa.Column("last_delivery_at", oncue.db.base.Moment(), nullable=True),
        sa.Column("created_at", oncue.db.base.Moment(), nullable=False),
        sa.Column("updated_at", oncue.db.base.Moment(), nullable=False),
        sa.ForeignKeyConstraint(
            ["workspace_id"],
            ["workspace.id"],
            name=op.f("fk_webhook_endpoint_workspace_id_workspace"),
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_webhook_endpoint")),
        sa.UniqueConstraint("workspace_id", "id", name=op.f("uq_webhook_endpoint_workspace_id_id")),
    )
    with op.batch_alter_table("webhook_endpoint", schema=None) as batch_op:
        batch_op.create_index(
            batch_op.f("ix_webhook_endpoint_workspace_id_created_at_id"),
            ["workspace_id", "created_at", "id"],
            unique=False,
        )

    op.create_table(
        "bulk_retry_part",
        sa.Column("retry_id", sa.Uuid(), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("workspace_id", sa.Uuid(), nullable=False),
        sa.Column("requeued", sa.JSON(none_as_null=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["retry_id"],
            ["bulk_retry.id"],
            name=op.f("fk_bulk_retry_part_retry_id_bulk_retry"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("retry_id", "number", name=op.f("pk_bulk_retry_part")),
    )
    op.create_table(
        "delivery",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("workspace_id", sa.Uuid(), nullable=False),
        sa.Column("endpoint_id", sa.Uuid(), nullable=True),
        sa.Column("url", sa.Text(), nullable=True),
        sa.Column("event_id", sa.Uuid(), nullable=False),
        sa.Column("type", sa.Text(), nullable=False),
        sa.Column("payload", sa.Text(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("next_at", oncue.db.base.Moment(), nullable=True),
        sa.Column("fence", sa.Integer(), nullable=False),
        sa.Column("status_code", sa.Integer(), nullable=True),
        sa.Column("latency_ms", sa.Integer(), nullable=True),
        sa.Column("error", sa.Text(), nullable=True),
        sa.Column("created_at", oncue.db.base.Moment(), nullable=False),
        sa.Column("delivered_at", oncue.db.base.Moment(), nullable=True),
        sa.ForeignKeyConstraint(
            ["workspace_id", "endpoint_id"],
            ["webhook_endpoint.workspace_id", "webhook_endpoint.id"],
            name=op.f("fk_delivery_workspace_id_endpoint_id_webhook_endpoint"),
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["workspace_id"], ["workspace.id"], name=op.f("fk_delivery_workspace_id_workspace")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_delivery")),
        sa.UniqueConstraint(
            "endpoint_id", "event_id", name=op.f("uq_delivery_endpoint_id_event_id")
        ),
    )
    with op.batch_alter_table("delivery", schema=None) as batch_op:
        batch_op.create_index(
            "ix_delivery_due",
            ["next_at"],
            unique=False,
            postgresql_where=sa.text("next_at IS NOT NULL"),
            sqlite_where=sa.text("next_at IS NOT NULL"),
        )
        batch_op.create_index(
            batch_op.f("ix_delivery_workspace_id_created_at_id"),
            ["workspace_id", "created_at", "id"],
            unique=False,
        )

    op.create_table(
        "import_row",
        sa.Column("job_id", sa.Uuid(), nullable=False),
        sa.Column("row", sa.Integer(), nullable=False),
        sa.Column("workspace_id", sa.Uuid(), nullable=False),
        sa.Column("post_id", sa.Uuid(), nullable=True),
        sa.Column("messages", sa.JSON(none_as_null=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["job_id"],
            ["import_job.id"],
            name=op.f("fk_import_row_job_id_import_job"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("job_id", "row", name=op.f("pk_import_row")),
    )
    op.create_table(
        "recurrence",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("workspace_id", sa.Uuid(), nullable=False),
        sa.Column("post_id", sa.Uuid(), nullable=False),
        sa.Column("rule", sa.Text(), nullable=False),
        sa.Column("timezone", sa.Text(), nullable=False),
        sa.Column("anchor", oncue.db.base.Moment(), nullable=False),
        sa.Column("max_occurrences", sa.Integer(), nullable=True),
        sa.Column("occurrence_count", sa.Integer(), nullable=False),
        sa.Column("start_at", oncue.db.base.Moment(), nullable=False),
        sa.Column("next_run_at", oncue.db.base.Moment(), nullable=True),
        sa.Column("enabled", sa.Boolean(), nullable=False),
        sa.Column("exdates", sa.JSON(none_as_null=True), nullable=False),
        sa.Column("created_at", oncue.db.base.Moment(), nullable=False),
        sa.Column("updated_at", oncue.db.base.Moment(), nullable=False),
        sa.Column("deleted_at", oncue.db.base.Moment(), nullable=True),
        sa.ForeignKeyConstraint(
            ["workspace_id", "post_id"],
            ["post.workspace_id", "post.id"],
            name=op.f("fk_recurrence_workspace_id_post_id_post"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_recurrence")),
        sa.UniqueConstraint("workspace_id", "id", name=op.f("uq_recurrence_workspace_id_id")),
    )
    with op.batch_alter_table("recurrence", schema=None) as batch_op:
        batch_op.create_index(
            "ix_recurrence_due",
            ["next_run_at"],
            unique=False,
            postgresql_where=sa.text("next_run_at IS NOT NULL"),
            sqlite_where=sa.text("next_run_at IS NOT NULL"),
        )
        batch_op.create_index(
            "ux_recurrence_post",
            ["post_id"],
            unique=True,
            postgresql_where=sa.text("deleted_at IS NULL"),
            sqlite_where=sa.text("deleted_at IS NULL"),
        )

    op.create_table(
        "comment",
        sa.Column("destination_id", sa.Uuid(), nullable=False),
        sa.Column("workspace_id", sa.Uuid(), nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("due_at", oncue.db.base.Moment(), nullable=True),
        sa.Column("fence", sa.Integer(), nullable=False),
        sa.Column("runs", sa.Integer(), nullable=False),
        sa.Column("retry_count", sa.Integer(), nullable=False),
        sa.Column("native_id", sa.Text(), nullable=True),
        sa.Column("error", sa.Text(), nullable=True),
        sa.Column("created_at", oncue.db.base.Moment(), nullable=False),
        sa.Column("settled_at", oncue.db.base.Moment(), nullable=True),
        sa.ForeignKeyConstraint(
            ["destination_id"],
            ["destination.id"],
            name=op.f("fk_comment_destination_id_destination"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("destination_id", name=op.f("pk_comment")),
    )
    with op.batch_alter_table("comment", schema=None) as batch_op:
        batch_op.create_index(
            "ix_comment_due",
            ["due_at"],
            unique=False,
            postgresql_where=sa.text("due_at IS NOT NULL"),
            sqlite_where=sa.text("due_at IS NOT NULL"),
        )

    op.create_table(
        "delivery_attempt",
        sa.Column("delivery_id", sa.Uuid(), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("workspace_id", sa.Uuid(), nullable=False),
        sa.Column("attempted_at", oncue.db.base.Moment(), nullable=False),
        sa.Column("status_code", sa.Integer(), nullable=True),
        sa.Column("latency_ms", sa.Integer(), nullable=True),
        sa.Column("response_body", sa.Text(), nullable=True),
        sa.Column("error", sa.Text(), nullable=True),
        sa.ForeignKeyConstraint(
            ["delivery_id"],
            ["delivery.id"],
            name=op.f("fk_delivery_attempt_delivery_id_delivery"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("delivery_id", "number", name=op.f("pk_delivery_attempt")),
    )
    op.create_table(
        "recurrence_run",
        sa.Column("recurrence_id", sa.Uuid(), nullable=False),
        sa.Column("due_at", oncue.db.base.Moment(), nullable=False),
        sa.Column("workspace_id", sa.Uuid(), nullable=False),
        sa.Column("outcome", sa.Text(), nullable=False),
        sa.Column("post_id", sa.Uuid(), nullable=True),
        sa.Column("note", sa.Text(), nullable=True),
        sa.Column("created_at", oncue.db.base.Moment(), nullable=False),
        sa.ForeignKeyConstraint(
            ["workspace_id", "recurrence_id"],
            ["recurrence.workspace_id", "recurrence.id"],
            name=op.f("fk_recurrence_run_workspace_id_recurrence_id_recurrence"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("recurrence_id", "due_at", name=op.f("pk_recurrence_run")),
    )
    with op.batch_alter_table("destination", schema=None) as batch_op:
        batch_op.add_column(sa.Column("held_reason", sa.Text(), nullable=True))
        batch_op.add_column(sa.Column("media_ids", sa.JSON(none_as_null=True), nullable=True))

    with op.batch_alter_table("event", schema=None) as batch_op:
        batch_op.add_column(
            sa.Column("dispatch_after", oncue.db.base.Moment(), nullable=False, server_default="0")
        )
        batch_op.add_column(sa.Column("callback_url", sa.Text(), nullable=True))
        batch_op.alter_column("post_id", existing_type=sa.Uuid(), nullable=True)
        batch_op.drop_index(
            batch_op.f("ix_event_outbox"), sqlite_where=sa.text("dispatched_at IS NULL")
        )
        batch_op.create_index(
            "ix_event_outbox",
            ["dispatch_after", "seq"],
            unique=False,
            postgresql_where=sa.text("dispatched_at IS NULL"),
            sqlite_where=sa.text("dispatched_at IS NULL"),
        )
        batch_op.drop_constraint(
            batch_op.f("fk_event_workspace_id_post_id_post"), type_="foreignkey"
        )
        batch_op.create_foreign_key(
            batch_op.f("fk_event_workspace_id_workspace"), "workspace", ["workspace_id"], ["id"]
        )

    with op.batch_alter_table("post", schema=None) as batch_op:
        batch_op.add_column(sa.Column("slot", oncue.db.base.Moment(), nullable=True))
        batch_op.add_column(sa.Column("recurrence_id", sa.Uuid(), nullable=True))
        batch_op.add_column(sa.Column("is_recurring", sa.Boolean(), nullable=True))
        batch_op.add_column(sa.Column("late_policy", sa.Text(), nullable=True))
        batch_op.add_column(sa.Column("callback_url", sa.Text(), nullable=True))
        batch_op.add_column(
            sa.Column("approval_requested_at", oncue.db.base.Moment(), nullable=True)
        )
        batch_op.add_column(sa.Column("approved_at", oncue.db.base.Moment(), nullable=True))
        batch_op.create_index(
            "ux_post_slot",
            ["workspace_id", "slot"],
            unique=True,
            postgresql_where=sa.text("slot IS NOT NULL"),
            sqlite_where=sa.text("slot IS NOT NULL"),
        )

    with op.batch_alter_table("workspace", schema=None) as batch_op:
        batch_op.add_column(sa.Column("queue_timezone", sa.Text(), nullable=True))
        batch_op.add_column(sa.Column("queue_slots", sa.JSON(none_as_null=True), nullable=True))
        batch_op.add_column(
            sa.Column("late_policy", sa.Text(), nullable=False, server_default="publish")
        )
        batch_op.add_column(
            sa.Column("late_window", sa.Integer(), nullable=False, server_default="43200")
        )


def downgrade() -> None:
    with op.batch_alter_table("workspace", schema=None) as batch_op:
        batch_op.drop_column("late_window")
        batch_op.drop_column("late_policy")
        batch_op.drop_column("queue_slots")
        batch_op.drop_column("queue_timezone")

    with op.batch_alter_table("post", schema=None) as batch_op:
        batch_op.drop_index(
            "ux_post_slot",
            postgresql_where=sa.text("slot IS NOT NULL"),
            sqlite_where=sa.text("slot IS NOT NULL"),
        )
        batch_op.drop_column("approved_at")
        batch_op.drop_column("approval_requested_at")
        batch_op.drop_column("callback_url")
        batch_op.drop_column("late_policy")
        batch_op.drop_column("is_recurring")
        batch_op.drop_column("recurrence_id")
        batch_op.drop_column("slot")

    with op.batch_alter_table("event", schema=None) as batch_op:
        batch_op.drop_constraint(batch_op.f("fk_event_workspace_id_workspace"), type_="foreignkey")
        batch_op.create_foreign_key(
            batch_op.f("fk_event_workspace_id_post_id_post"),
            "post",
            ["workspace_id", "post_id"],
            ["workspace_id", "id"],
            ondelete="CASCADE",
        )
        batch_op.drop_index(
            "ix_event_outbox",
            postgresql_where=sa.text("dispatched_at IS NULL"),
            sqlite_where=sa.text("dispatched_at IS NULL"),
        )
        batch_op.create_index(
            batch_op.f("ix_event_outbox"),
            ["seq"],
            unique=False,
            sqlite_where=sa.text("dispatched_at IS NULL"),
        )
        batch_op.alter_column("post_id", existing_type=sa.Uuid(), nullable=False)
        batch_op.drop_column("callback_url")
        batch_op.drop_column("dispatch_after")

    with op.batch_alter_table("destination", schema=None) as batch_op:
        batch_op.drop_column("media_ids")
        batch_op.drop_column("held_reason")

    op.drop_table("recurrence_run")
    op.drop_table("delivery_attempt")
    with op.batch_alter_table("comment", schema=None) as batch_op:
        batch_op.drop_index(
            "ix_comment_due",
            postgresql_where=sa.text("due_at IS NOT NULL"),
            sqlite_where=sa.text("due_at IS NOT NULL"),
        )

    op.drop_table("comment")
    with op.batch_alter_table("recurrence", schema=None) as batch_op:
        batch_op.drop_index(
            "ux_recurrence_post",
            postgresql_where=sa.text("deleted_at IS NULL"),
            sqlite_where=sa.text("deleted_at IS NULL"),
        )
        batch_op.drop_index(
            "ix_recurrence_due",
            postgresql_where=sa.text("next_run_at IS NOT NULL"),
            sqlite_where=sa.text("next_run_at IS NOT NULL"),
        )

    op.drop_table("recurrence")
    op.drop_table("import_row")
    with op.batch_alter_table("delivery", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_delivery_workspace_id_created_at_id"))
        batch_op.drop_index(
            "ix_delivery_due",
            postgresql_where=sa.text("next_at IS NOT NULL"),
            sqlite_where=sa.text("next_at IS NOT NULL"),
        )

    op.drop_table("delivery")
    op.drop_table("bulk_retry_part")
    with op.batch_alter_table("webhook_endpoint", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_webhook_endpoint_workspace_id_created_at_id"))

    op.drop_table("webhook_endpoint")
    with op.batch_alter_table("persona", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_persona_workspace_id_created_at_id"))

    op.drop_table("persona")
    with op.batch_alter_table("import_job", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_import_job_workspace_id"))
        batch_op.drop_index(
            "ix_import_job_open",
            postgresql_where=sa.text("finished_at IS NULL"),
            sqlite_where=sa.text("finished_at IS NULL"),
        )

    op.drop_table("import_job")
    with op.batch_alter_table("bulk_retry", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_bulk_retry_asked_at"))

    op.drop_table("bulk_retry")
    op.drop_table("rate_window")
