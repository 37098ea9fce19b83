"""What webhooks tell of: every type of event there is."""

from collections.abc import Sequence
from typing import Final

EVERYTHING: Final = "*"
PUBLISHED: Final = "post.published"
PARTIAL: Final = "post.partial"
TEST: Final = "webhook.test"

TYPES: Final = (
    "post.created",
    "post.scheduled",
    "post.updated",
    "post.publishing",
    PUBLISHED,
    PARTIAL,
    "post.failed",
    "post.cancelled",
    "post.unpublished",
    "post.archived",
    "post.unarchived",
    "post.resolved",
    "post.held",
    "post.approval_requested",
    "post.approval_voided",
    "post.draft.approved",
    "post.rejected",
    "post.comment.published",
    "post.comment.failed",
    "post.comment.retried",
    "account.connected",
    "account.disconnected",
    "account.error",
    "token.expiring",
    "media.uploaded",
    "webhook.disabled",
)


def told_as(type_: str) -> Sequence[str]:
    """The messages that tell of an event, its own type last.

    A partial publication is told as a published one as well, by its status PARTIAL (V181).
    """
    return (PUBLISHED, PARTIAL) if type_ == PARTIAL else (type_,)


def wants(subscribed: Sequence[str], type_: str) -> bool:
    """Whether an endpoint that subscribed to these types is to be told of this one."""
    return EVERYTHING in subscribed or type_ in subscribed
