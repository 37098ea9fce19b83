"""Media: bytes apart from files, uploads on their way, and which posts use which file."""

from collections.abc import Iterator
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from alembic import op

import oncue.db.base

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

BATCH = 1_000
KEYS = ("storage_key", "thumbnail", "upload_key")
DOOMED = sa.text("doomed_at IS NOT NULL")
IN_USE = sa.text("doomed_at IS NULL AND sha256 IS NOT NULL")
DUE = sa.text("due_at IS NOT NULL")


def upgrade() -> None:
    op.create_table(
        "media_object",
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("workspace_id", sa.Uuid(), nullable=False),
        sa.Column("sha256", sa.Text(), nullable=True),
        sa.Column("size_bytes", sa.Integer(), nullable=False),
        sa.Column("created_at", oncue.db.base.Moment(), nullable=False),
        sa.Column("doomed_at", oncue.db.base.Moment(), nullable=True),
        sa.ForeignKeyConstraint(
            ["workspace_id"], ["workspace.id"], name=op.f("fk_media_object_workspace_id_workspace")
        ),
        sa.PrimaryKeyConstraint("key", name=op.f("pk_media_object")),
        sa.UniqueConstraint("workspace_id", "key", name=op.f("uq_media_object_workspace_id_key")),
    )
    with op.batch_alter_table("media_object", schema=None) as batch_op:
        batch_op.create_index(
            "ux_media_object_bytes",
            ["workspace_id", "sha256"],
            unique=True,
            postgresql_where=IN_USE,
            sqlite_where=IN_USE,
        )
        batch_op.create_index(
            "ix_media_object_doomed",
            ["doomed_at"],
            unique=False,
            postgresql_where=DOOMED,
            sqlite_where=DOOMED,
        )

    with op.batch_alter_table("media", schema=None) as batch_op:
        batch_op.add_column(sa.Column("seconds", sa.Double(), nullable=True))
        batch_op.add_column(sa.Column("fps", sa.Double(), nullable=True))
        batch_op.add_column(sa.Column("frames", sa.Integer(), nullable=True))
        batch_op.add_column(sa.Column("video_codec", sa.Text(), nullable=True))
        batch_op.add_column(sa.Column("audio_codec", sa.Text(), nullable=True))
        batch_op.add_column(sa.Column("failure", sa.JSON(none_as_null=True), nullable=True))
        for column in KEYS:
            batch_op.add_column(sa.Column(column, sa.Text(), nullable=True))
        batch_op.add_column(sa.Column("upload_expires_at", oncue.db.base.Moment(), nullable=True))
        batch_op.add_column(sa.Column("source_url", sa.Text(), nullable=True))
        batch_op.add_column(sa.Column("due_at", oncue.db.base.Moment(), nullable=True))
        batch_op.add_column(sa.Column("fence", sa.Integer(), nullable=False, server_default="0"))
        batch_op.add_column(sa.Column("runs", sa.Integer(), nullable=False, server_default="0"))
        batch_op.add_column(sa.Column("settled_at", oncue.db.base.Moment(), nullable=True))
        batch_op.add_column(sa.Column("unused_since", oncue.db.base.Moment(), nullable=True))
        batch_op.alter_column("sha256", existing_type=sa.Text(), nullable=True)
    with op.batch_alter_table("media", schema=None) as batch_op:
        for column in ("fence", "runs"):
            batch_op.alter_column(column, existing_type=sa.Integer(), server_default=None)
        for column in KEYS:
            batch_op.create_foreign_key(
                batch_op.f(f"fk_media_workspace_id_{column}_media_object"),
                "media_object",
                ["workspace_id", column],
                ["workspace_id", "key"],
            )
            batch_op.create_index(batch_op.f(f"ix_media_{column}"), [column], unique=False)
        batch_op.create_index(
            "ix_media_due", ["due_at"], unique=False, postgresql_where=DUE, sqlite_where=DUE
        )

    op.create_table(
        "media_use",
        sa.Column("post_id", sa.Uuid(), nullable=False),
        sa.Column("media_id", sa.Uuid(), nullable=False),
        sa.Column("workspace_id", sa.Uuid(), nullable=False),
        sa.ForeignKeyConstraint(
            ["workspace_id", "media_id"],
            ["media.workspace_id", "media.id"],
            name=op.f("fk_media_use_workspace_id_media_id_media"),
        ),
        sa.ForeignKeyConstraint(
            ["workspace_id", "post_id"],
            ["post.workspace_id", "post.id"],
            name=op.f("fk_media_use_workspace_id_post_id_post"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("post_id", "media_id", name=op.f("pk_media_use")),
    )
    with op.batch_alter_table("media_use", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_media_use_media_id"), ["media_id"], unique=False)

    connection = op.get_bind()
    keep_the_bytes_apart(connection)
    note_the_uses(connection)


def keep_the_bytes_apart(connection: sa.Connection) -> None:
    """A file's bytes have lain under its own id. Of the same bytes the first may be shared."""
    media = table("media", "id workspace_id size_bytes created_at sha256 storage_key settled_at")
    objects = table("media_object", "key workspace_id sha256 size_bytes created_at")
    rows = (
        connection.execute(sa.select(media).order_by(media.c.created_at, media.c.id))
        .mappings()
        .all()
    )
    seen: set[tuple[UUID, str]] = set()
    for row in rows:
        bytes_ = (row["workspace_id"], row["sha256"])
        key = str(row["id"])
        kept = {
            "key": key,
            "workspace_id": row["workspace_id"],
            "sha256": None if bytes_ in seen else row["sha256"],
            "size_bytes": row["size_bytes"],
            "created_at": row["created_at"],
        }
        seen.add(bytes_)
        connection.execute(sa.insert(objects).values(kept))
        connection.execute(
            sa.update(media)
            .where(media.c.id == row["id"])
            .values(storage_key=key, settled_at=row["created_at"])
        )


def note_the_uses(connection: sa.Connection) -> None:
    """Which posts name which files; of files that are gone nothing is noted."""
    media, uses = table("media", "id"), table("media_use", "post_id media_id workspace_id")
    known = set(connection.scalars(sa.select(media.c.id)))
    found = {
        (post_id, media_id): workspace_id
        for post_id, workspace_id, media_id in named(connection)
        if media_id in known
    }
    rows = [
        {"post_id": post_id, "media_id": media_id, "workspace_id": workspace_id}
        for (post_id, media_id), workspace_id in found.items()
    ]
    for start in range(0, len(rows), BATCH):
        connection.execute(sa.insert(uses), rows[start : start + BATCH])


def named(connection: sa.Connection) -> Iterator[tuple[UUID, UUID, UUID]]:
    post = table("post", "id workspace_id media_ids thread")
    for row in connection.execute(sa.select(post)).mappings().all():
        names = [*row["media_ids"], *(name for item in row["thread"] for name in item["mediaIds"])]
        for name in names:
            yield row["id"], row["workspace_id"], UUID(name)
    destination = table("destination", "post_id workspace_id media_ids")
    own = sa.select(destination).where(destination.c.media_ids.is_not(None))
    for row in connection.execute(own).mappings().all():
        for name in row["media_ids"]:
            yield row["post_id"], row["workspace_id"], UUID(name)


TYPES: dict[str, Any] = {
    "id": sa.Uuid(),
    "workspace_id": sa.Uuid(),
    "post_id": sa.Uuid(),
    "media_id": sa.Uuid(),
    "media_ids": sa.JSON(none_as_null=True),
    "thread": sa.JSON(none_as_null=True),
    "size_bytes": sa.Integer(),
    "created_at": sa.BigInteger(),
    "settled_at": sa.BigInteger(),
}


def table(name: str, columns: str) -> sa.TableClause:
    """A table as it is now, whatever later versions make of it."""
    return sa.table(
        name, *(sa.column(column, TYPES.get(column, sa.Text())) for column in columns.split())
    )


def downgrade() -> None:
    op.drop_table("media_use")
    op.execute("DELETE FROM media WHERE status <> 'ready'")
    with op.batch_alter_table("media", schema=None) as batch_op:
        batch_op.drop_index("ix_media_due")
        for column in KEYS:
            batch_op.drop_index(batch_op.f(f"ix_media_{column}"))
            batch_op.drop_constraint(
                batch_op.f(f"fk_media_workspace_id_{column}_media_object"), type_="foreignkey"
            )
        for column in (
            *("seconds", "fps", "frames", "video_codec", "audio_codec", "failure"),
            *(*KEYS, "upload_expires_at", "source_url", "due_at", "fence", "runs"),
            *("settled_at", "unused_since"),
        ):
            batch_op.drop_column(column)
        batch_op.alter_column("sha256", existing_type=sa.Text(), nullable=False)
    op.drop_table("media_object")
