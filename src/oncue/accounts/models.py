"""Connected accounts, and their credentials as ciphertext."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import ForeignKey, ForeignKeyConstraint, Index, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column

from oncue.db.base import Base


class Account(Base):
    """Somebody's presence on a network. `number` is its id in the snake_case dialect."""

    __tablename__ = "account"
    __table_args__ = (
        UniqueConstraint("workspace_id", "id"),
        UniqueConstraint("number"),
        Index(None, "workspace_id", "created_at", "id"),
        Index(
            "ix_account_reconnect_by",
            "reconnect_by",
            postgresql_where=text("reconnect_by IS NOT NULL"),
            sqlite_where=text("reconnect_by IS NOT NULL"),
        ),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True)
    workspace_id: Mapped[UUID] = mapped_column(ForeignKey("workspace.id"))
    number: Mapped[int]
    platform: Mapped[str]
    native_id: Mapped[str]
    username: Mapped[str]
    display_name: Mapped[str]
    server: Mapped[str] = mapped_column(default="")
    status: Mapped[str] = mapped_column(default="active")
    reconnect_by: Mapped[datetime | None]  # when a person has to, where that is known
    told_of: Mapped[datetime | None]  # the reconnect_by that was told of already
    created_at: Mapped[datetime]
    updated_at: Mapped[datetime]


class AccountSecret(Base):
    """An account's credentials, sealed by the vault and bound to this very row."""

    __tablename__ = "account_secret"
    __table_args__ = (
        ForeignKeyConstraint(
            ["workspace_id", "account_id"],
            ["account.workspace_id", "account.id"],
            ondelete="CASCADE",
        ),
    )

    account_id: Mapped[UUID] = mapped_column(primary_key=True)
    workspace_id: Mapped[UUID]
    sealed: Mapped[str]  # v1:<key id>:<nonce>:<ciphertext>
    key_id: Mapped[str] = mapped_column(index=True)
    expires_at: Mapped[datetime | None]  # of the session within, where the network has one
    updated_at: Mapped[datetime]


class VaultCheck(Base):
    """One sealed word, so that a wrong key is noticed at start and not at the first post."""

    __tablename__ = "vault_check"

    id: Mapped[int] = mapped_column(primary_key=True)
    sealed: Mapped[str]
