"""Which of a network's ids we can account for: a look-up must not take another's post for ours."""

from collections.abc import Collection
from datetime import datetime
from uuid import UUID

from sqlalchemy import select, union_all
from sqlalchemy.orm import Session

from oncue.connectors.base import Effect
from oncue.posts.models import Comment, Destination, Step
from oncue.posts.traces import left_since, texts


def accounted_for(
    session: Session,
    workspace_id: UUID,
    account_id: UUID,
    wanted: Collection[str],
    since: datetime,
) -> set[str]:
    """Those of `wanted` that are the account's posts or comments, or in an answer since `since`.

    An answer comes after what it tells of, so those from before the search began are no use;
    answers of destinations that were deleted since then count as well. What is being looked for
    is neither yet, so the run that asks need not be left out.
    """
    settled = union_all(
        select(Destination.platform_post_id).where(
            Destination.workspace_id == workspace_id,
            Destination.account_id == account_id,
            Destination.platform_post_id.in_(wanted),
        ),
        select(Comment.native_id)
        .join(Destination, Destination.id == Comment.destination_id)
        .where(
            Comment.workspace_id == workspace_id,
            Destination.account_id == account_id,
            Comment.native_id.in_(wanted),
        ),
    )
    replies = session.scalars(
        select(Step.reply)
        .join(Destination, Destination.id == Step.destination_id)
        .where(
            Step.workspace_id == workspace_id,
            Destination.account_id == account_id,
            Step.effect != Effect.REPEAT,
            Step.done_at >= since,
        )
    )
    answered = {text for reply in replies for text in texts(reply)}
    answered.update(left_since(session, workspace_id, account_id, since))
    known = {native_id for (native_id,) in session.execute(settled) if native_id is not None}
    return known | answered.intersection(wanted)
