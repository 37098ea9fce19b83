"""Retrying failures, for both dialects: begun under the request's key, done, and then told.

The answer starts once everything is done, so it never says half of it. A caller who is gone by
then has lost nothing but the answer, and with an Idempotency-Key can have that again.
"""

import itertools
import json
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, Final
from uuid import UUID

from fastapi.responses import StreamingResponse
from pydantic import BaseModel, Field, StrictInt
from sqlalchemy.orm import Session

from oncue.api.fields import LARGEST_INTEGER, WHOLE, PostId
from oncue.api.idempotency import REPLAYED, Once, Replayed
from oncue.db.database import Database
from oncue.posts import bulk_retries
from oncue.posts.retry_failed import FailureFilter, Requeued

POST_IDS: Final = 200

PostIds = Annotated[list[PostId], Field(max_length=POST_IDS)]  # P21
MaxAttempts = Annotated[StrictInt, Field(ge=1, le=LARGEST_INTEGER), WHOLE]


class Begun(BaseModel):
    """What an Idempotency-Key keeps of a retry: all else is in its parts."""

    retry_id: UUID


async def retry_failures(
    once: Once, workspace_id: UUID, chosen: FailureFilter, *, dry_run: bool
) -> "Retry":
    """Put every matching failure back into the queue, and say where what was done is kept.

    Each part is a transaction of its own, so others get their turn. With a key that was used
    before, what that request left undone is done. Raises NoFilter, KeyReused.
    """
    shared = once.shared

    def begin(session: Session) -> Begun:
        now = shared.now()
        return Begun(retry_id=bulk_retries.begin(session, workspace_id, chosen, now))

    is_replayed = False
    try:
        begun = await once.write(begin)
    except Replayed as told:
        begun, is_replayed = Begun.model_validate_json(told.answer.body), True
    for patient in (False, True):

        def go_on(session: Session, patient: bool = patient) -> bool:
            return bulk_retries.go_on(
                session,
                workspace_id,
                begun.retry_id,
                chosen,
                shared.now(),
                patient=patient,
                dry_run=dry_run,
            )

        while await shared.db.write(go_on):
            pass
    return Retry(
        db=shared.db,
        workspace_id=workspace_id,
        id=begun.retry_id,
        is_replayed=is_replayed,
        is_dry=dry_run,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Retry:
    """A retry that is done, and can be told as often as one likes."""

    db: Database
    workspace_id: UUID
    id: UUID
    is_replayed: bool
    is_dry: bool

    def answer(self, body: AsyncIterator[str]) -> StreamingResponse:
        headers = {REPLAYED: "true"} if self.is_replayed else {}
        return StreamingResponse(body, headers=headers, media_type="application/json")

    async def tell(
        self, show: Callable[[Requeued], Mapping[str, str]], counted_as: str
    ) -> AsyncIterator[str]:
        """The members of a JSON object, a part at a time: destinations, their count, words."""
        yield '"destinations":['
        count = 0
        for number in itertools.count(1):
            rows = await self._part(number)
            if rows is None:
                break
            yield ("," if count else "") + ",".join(json.dumps(show(row)) for row in rows)
            count += len(rows)
        words = "would be retried" if self.is_dry else "queued for retry"
        message = json.dumps(f"{count} destinations {words}.")
        yield f'],"{counted_as}":{count},"message":{message}'

    async def _part(self, number: int) -> Sequence[Requeued] | None:
        return await self.db.read(
            lambda session: bulk_retries.part(session, self.workspace_id, self.id, number)
        )
