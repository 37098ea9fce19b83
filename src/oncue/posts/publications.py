"""What is public of a post: where, by whom, and what the network calls it."""

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from oncue.accounts.models import Account as AccountRow
from oncue.connectors.base import Account
from oncue.posts.lifecycle import State
from oncue.posts.models import Destination


@dataclass(frozen=True, slots=True, kw_only=True)
class Publication:
    """A post of an account, as its network knows it."""

    platform: str
    account_id: UUID
    account: Account
    post_id: str  # the network's own


def publications(session: Session, workspace_id: UUID, post_id: UUID) -> Sequence[Publication]:
    """Where the post was published, in the order of its destinations.

    What a person has resolved as published is not among them: the network's id is not known.
    """
    rows = session.execute(
        select(Destination, AccountRow)
        .join(AccountRow, AccountRow.id == Destination.account_id)
        .where(
            Destination.workspace_id == workspace_id,
            Destination.post_id == post_id,
            Destination.state == State.PUBLISHED,
            Destination.platform_post_id.is_not(None),
        )
        .order_by(Destination.position)
    )
    return [
        Publication(
            platform=row.platform,
            account_id=account.id,
            account=Account(
                native_id=account.native_id, username=account.username, server=account.server
            ),
            post_id=row.platform_post_id or "",
        )
        for row, account in rows
    ]
