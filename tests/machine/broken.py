"""Ten programs that are wrong in one rule each. The machine has to notice every one of them."""

from collections.abc import Callable, Mapping
from datetime import timedelta
from typing import Any, Final, TypeAlias

import pytest

from oncue.posts import lifecycle, remedies, service
from oncue.posts.lifecycle import PERMITS, STARTS_FROM, Operation, Status, Transition
from oncue.posts.models import Destination
from oncue.publishing import settle

Break: TypeAlias = Callable[[pytest.MonkeyPatch], None]


def cancels_while_publishing(patch: pytest.MonkeyPatch) -> None:
    allowed = {*PERMITS[Status.PUBLISHING], Operation.CANCEL}
    patch.setitem(PERMITS, Status.PUBLISHING, allowed)


def publishes_no_cancelled_post(patch: pytest.MonkeyPatch) -> None:
    allowed = {*PERMITS[Status.CANCELLED]} - {Operation.PUBLISH}
    patch.setitem(PERMITS, Status.CANCELLED, allowed)


def unpublishes_what_failed(patch: pytest.MonkeyPatch) -> None:
    allowed = {*STARTS_FROM[Transition.UNPUBLISH], Status.FAILED}
    patch.setitem(STARTS_FROM, Transition.UNPUBLISH, allowed)


def ignores_the_version(patch: pytest.MonkeyPatch) -> None:
    real = service.move

    def move(*args: Any, **named: Any) -> Any:
        return real(*args, **{**named, "version": None})

    patch.setattr("oncue.posts.editing.move", move)


def sends_published_destinations_again(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(service, "may_be_sent", lambda _row: True)
    patch.setattr("oncue.posts.scheduling.may_be_sent", lambda _row: True)


def retries_a_fourth_time(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(settle, "MAX_RETRIES", 4)
    patch.setattr(remedies, "MAX_RETRIES", 4)


def waits_three_minutes_before_a_retry(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(remedies, "FIRST_DELAY", timedelta(minutes=3))


def calls_a_part_a_failure(patch: pytest.MonkeyPatch) -> None:
    def roll_up(states: Any) -> Status:
        status = lifecycle.roll_up(states)
        return Status.FAILED if status is Status.PARTIAL else status

    patch.setattr(settle, "roll_up", roll_up)


def lets_cancelled_posts_go_out(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(service, "stand_down", lambda *_args: None)


def fixes_without_a_fresh_start(patch: pytest.MonkeyPatch) -> None:
    real = remedies._count

    def count(session: Any, row: Destination, retries: int, next_at: Any) -> None:
        real(session, row, retries or row.retry_count, next_at)

    patch.setattr(remedies, "_count", count)


BROKEN: Final[Mapping[str, Break]] = {
    each.__name__: each
    for each in (
        cancels_while_publishing,
        publishes_no_cancelled_post,
        unpublishes_what_failed,
        ignores_the_version,
        sends_published_destinations_again,
        retries_a_fourth_time,
        waits_three_minutes_before_a_retry,
        calls_a_part_a_failure,
        lets_cancelled_posts_go_out,
        fixes_without_a_fresh_start,
    )
}
