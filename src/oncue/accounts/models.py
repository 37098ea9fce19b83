"""Connected accounts, and their credentials as ciphertext."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import ForeignKey, ForeignKeyConstraint, Index, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from oncue.db.base import Base
from oncue.db.sealed import sealed


class Account(Base):
    """Somebody's presence on a network. `number` is its id in the snake_case dialect."""

    __tablename__ = "account"
    __table_args__ = (
        UniqueConstraint("workspace_id", "id"),
        UniqueConstraint("number"),
        Index(None, "workspace_id", "created_at", "id"),
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
    sealed: Mapped[str] = mapped_column(
        info=sealed("{workspace_id}|{account_id}|credentials", key_id="key_id", kind="acc")
    )
    key_id: Mapped[str] = mapped_column(index=True)
    expires_at: Mapped[datetime | None]  # of the session within, where the network has one
    updated_at: Mapped[datetime]


class VaultCheck(Base):
    """A word sealed with a key that is in use, for each of them.

    So a key that is wrong or missing is noticed at the start and not at the first post.
    """

    __tablename__ = "vault_check"

    id: Mapped[int] = mapped_column(primary_key=True)
    sealed: Mapped[str] = mapped_column(info=sealed("check", is_of_one_key=True))
