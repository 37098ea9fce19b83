"""Connected accounts, and their credentials as ciphertext."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import ForeignKey, ForeignKeyConstraint, Index, UniqueConstraint, text
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
    """An account's credentials, sealed by the vault and bound to this very row.

    They are renewed by whoever holds the lease, and kept only over the generation that was
    renewed: of two who renew the same ones, whoever keeps them first wins.
    """

    __tablename__ = "account_secret"
    __table_args__ = (
        ForeignKeyConstraint(
            ["workspace_id", "account_id"],
            ["account.workspace_id", "account.id"],
            ondelete="CASCADE",
        ),
        Index(
            "ix_account_secret_renewal",
            "renew_at",
            postgresql_where=text("renew_at IS NOT NULL"),
            sqlite_where=text("renew_at IS NOT NULL"),
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
    generation: Mapped[int] = mapped_column(default=1, server_default="1")
    renew_at: Mapped[datetime | None]  # when it is time to renew them, or to try again
    lease: Mapped[UUID | None]  # of whoever is renewing them
    lease_until: Mapped[datetime | None]
    tries: Mapped[int] = mapped_column(default=0, server_default="0")  # since they last changed


class OAuthFlow(Base):
    """Somebody who was sent to a network's page and has not come back yet.

    `state` is a digest: what the page sends back is the only key to the row, and good once.
    """

    __tablename__ = "oauth_flow"
    __table_args__ = (Index(None, "expires_at"),)

    state: Mapped[str] = mapped_column(primary_key=True)
    workspace_id: Mapped[UUID] = mapped_column(ForeignKey("workspace.id"))
    platform: Mapped[str]
    server: Mapped[str]
    redirect_uri: Mapped[str]
    sealed: Mapped[str] = mapped_column(  # the verifier, the key, where the code is redeemed
        info=sealed("flow|{workspace_id}|{state}", key_id="key_id")
    )
    key_id: Mapped[str] = mapped_column(index=True)
    created_at: Mapped[datetime]
    expires_at: Mapped[datetime]
    used_at: Mapped[datetime | None]


class WorkspaceApp(Base):
    """A workspace's own app at a network: it goes before the installation's."""

    __tablename__ = "workspace_app"

    workspace_id: Mapped[UUID] = mapped_column(ForeignKey("workspace.id"), primary_key=True)
    platform: Mapped[str] = mapped_column(primary_key=True)
    client_id: Mapped[str]
    sealed: Mapped[str] = mapped_column(  # the secret; it may be empty
        info=sealed("app|{workspace_id}|{platform}", key_id="key_id")
    )
    key_id: Mapped[str] = mapped_column(index=True)
    created_at: Mapped[datetime]
    updated_at: Mapped[datetime]


class RegisteredApp(Base):
    """What a server knows a workspace by, for one address to come back to.

    A workspace has its own: servers give the same token to whoever asks as the same app.
    """

    __tablename__ = "registered_app"

    workspace_id: Mapped[UUID] = mapped_column(ForeignKey("workspace.id"), primary_key=True)
    platform: Mapped[str] = mapped_column(primary_key=True)
    server: Mapped[str] = mapped_column(primary_key=True)
    client_id: Mapped[str] = mapped_column(primary_key=True)
    redirect_uri: Mapped[str]
    sealed: Mapped[str] = mapped_column(  # the secret
        info=sealed("registration|{workspace_id}|{platform}|{server}|{client_id}", key_id="key_id")
    )
    key_id: Mapped[str] = mapped_column(index=True)
    created_at: Mapped[datetime]


class ClientKey(Base):
    """The key by which servers that know us by a document tell that it is us. One row at most."""

    __tablename__ = "client_key"

    id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    sealed: Mapped[str] = mapped_column(info=sealed("client key", key_id="key_id"))
    key_id: Mapped[str]
    created_at: Mapped[datetime]


class VaultCheck(Base):
    """A word sealed with a key that is in use, for each of them.

    So a key that is wrong or missing is noticed at the start and not at the first post.
    """

    __tablename__ = "vault_check"

    id: Mapped[int] = mapped_column(primary_key=True)
    sealed: Mapped[str] = mapped_column(info=sealed("check", is_of_one_key=True))
