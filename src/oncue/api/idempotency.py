"""Idempotency-Key: a write that is sent again is answered again, and done once (V157, V261)."""

import hashlib
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Annotated, Final, TypeVar

from fastapi import Depends, Header, Request, Response
from pydantic import BaseModel
from sqlalchemy.orm import Session
from starlette.datastructures import UploadFile

from oncue.accounts.vault import Tampered
from oncue.api.deps import AnyCaller, Shared
from oncue.api.fields import Said
from oncue.api.services import Services
from oncue.db.sealed import Place, place_of
from oncue.errors import AppError, Conflict
from oncue.lib.crashpoints import BEFORE_ANSWER, reach
from oncue.workspaces import idempotency
from oncue.workspaces.idempotency import Answer, Keyed
from oncue.workspaces.models import IdempotencyKey

T = TypeVar("T")
M = TypeVar("M", bound=BaseModel)

KEY_CHARACTERS: Final = 255
REPLAYED: Final = "Idempotent-Replayed"
CHUNK_BYTES: Final = 256 * 1024

# No server hands on the spaces around a header's value.
KeyText = Annotated[
    str, Said(minLength=1, maxLength=KEY_CHARACTERS, pattern="^[!-~]([ -~]*[!-~])?$")
]


@dataclass(eq=False)
class InvalidKey(AppError):
    """The header cannot be a key."""

    code = "IDEMPOTENCY_INVALID_KEY"
    status = 400

    def __str__(self) -> str:
        return f"Idempotency-Key takes 1 to {KEY_CHARACTERS} printable ASCII characters"


class Replayed(Exception):
    """The request was answered before, with this; nothing is done again."""

    def __init__(self, answer: Answer) -> None:
        super().__init__("replayed")
        self.answer = answer


@dataclass(frozen=True, slots=True, kw_only=True)
class Once:
    """Runs a request's write, once for each Idempotency-Key.

    Most writes are one `write`. One whose status is known only when it is done, or that has no
    body, is a `respond`. One that asks a network before it writes begins with `look`. One whose
    answer comes long after its effect is a `begin` and a `finish`. All of them raise Replayed
    where the request was answered before, and KeyReused where the key is another request's.
    """

    shared: Services
    request: Keyed | None

    async def write(self, work: Callable[[Session], M], *, status: int = 200) -> M:
        """Run `work` as one transaction; what it returns is the answer."""

        def both(session: Session) -> tuple[M, Answer]:
            result = work(session)
            return result, _answer(result, status)

        return await self._run(both)

    async def write_secret(self, work: Callable[[Session], M], *, status: int = 200) -> M:
        """Like `write`, where the answer holds a secret: it is kept sealed."""
        request = self.request
        if request is None:
            return await self.write(work)
        vault = self.shared.vault

        def both(session: Session) -> tuple[M, Answer]:
            result = work(session)
            answer = _answer(result, status)
            return result, replace(answer, body=vault.seal(answer.body, _place(request)))

        try:
            return await self._run(both)
        except Replayed as before:
            raise self._opened(before, request) from None

    async def look_secret(self) -> None:
        """Like `look`, where a `write_secret` follows."""
        try:
            await self.look()
        except Replayed as before:
            assert self.request is not None, "only what has a key was answered before"
            raise self._opened(before, self.request) from None

    def _opened(self, before: Replayed, request: Keyed) -> Replayed:
        try:
            opened = self.shared.vault.open(before.answer.body, _place(request))
        except Tampered:
            raise Conflict("This was done, and its answer cannot be read any more") from None
        return Replayed(replace(before.answer, body=opened))

    async def respond(self, work: Callable[[Session], Answer]) -> Response:
        """Run `work` as one transaction; it says the answer whole."""

        def both(session: Session) -> tuple[Answer, Answer]:
            answer = work(session)
            return answer, answer

        return as_response(await self._run(both))

    async def look(self) -> None:
        """Go on only where the request was not answered before."""
        request, now = self.request, self.shared.now()
        if request is None:
            return
        answer = await self.shared.db.read(
            lambda session: idempotency.recall(session, request, now)
        )
        if answer is not None:
            raise Replayed(answer)

    async def begin(self, work: Callable[[Session], None]) -> None:
        """Run `work` as one transaction and leave the answer open.

        Whoever sends the request again before it is answered goes on without doing it again.
        """
        request, now = self.request, self.shared.now()
        if request is None:
            await self.shared.db.write(work)
            return

        def once(session: Session) -> Answer | None:
            if not idempotency.take(session, request, now):
                return idempotency.recall(session, request, now)
            work(session)
            return None

        answer = await self.shared.db.write(once)
        if answer is not None:
            raise Replayed(answer)

    async def finish(self, result: M, *, status: int = 200) -> M:
        """Answer what was begun; of two who do, the first one's answer is both's."""
        request, answer, now = self.request, _answer(result, status), self.shared.now()
        if request is None:
            return result

        def keep(session: Session) -> Answer | None:
            kept = idempotency.settle(session, request, answer)
            return None if kept else idempotency.recall(session, request, now)

        first = await self.shared.db.write(keep)
        if first is not None:
            raise Replayed(first)
        return result

    async def _run(self, work: Callable[[Session], tuple[T, Answer]]) -> T:
        request, now = self.request, self.shared.now()
        if request is None:
            return await self.shared.db.write(lambda session: work(session)[0])

        def once(session: Session) -> T | Replayed:
            if not idempotency.take(session, request, now):
                answer = idempotency.recall(session, request, now)
                assert answer is not None, "what is written in one piece is answered in it"
                return Replayed(answer)
            result, answer = work(session)
            idempotency.settle(session, request, answer)
            return result

        result = await self.shared.db.write(once)
        reach(BEFORE_ANSWER)
        if isinstance(result, Replayed):
            raise result
        return result


def as_response(answer: Answer, *, replayed: bool = False) -> Response:
    """An answer as it is sent, the first time and again."""
    headers = {REPLAYED: "true"} if replayed else None
    kind = "application/json" if answer.body else None
    return Response(answer.body or None, answer.status, headers, media_type=kind)


async def once(
    request: Request,
    shared: Shared,
    caller: AnyCaller,
    idempotency_key: Annotated[
        KeyText | None, Header(description="Send it again with a retry: it is done once.")
    ] = None,
) -> Once:
    """The request's Once; raises InvalidKey."""
    if idempotency_key is None:
        return Once(shared=shared, request=None)
    if not _is_key(idempotency_key):
        raise InvalidKey
    keyed = Keyed(
        workspace_id=caller.workspace_id,
        key_id=caller.key_id,
        operation=f"{request.method} {request.url.path}",
        key=idempotency_key,
        fingerprint=await _fingerprint(request),
    )
    return Once(shared=shared, request=keyed)


Idempotent = Annotated[Once, Depends(once)]


def _answer(result: BaseModel, status: int) -> Answer:
    return Answer(status=status, body=result.model_dump_json(by_alias=True))


def _place(request: Keyed) -> Place:
    """What a sealed answer is bound to."""
    return place_of(
        IdempotencyKey.body,
        workspace_id=request.workspace_id,
        key_id=request.key_id,
        operation=request.operation,
        key=request.key,
    )


def _is_key(key: str) -> bool:
    return 1 <= len(key) <= KEY_CHARACTERS and key.isascii() and key.isprintable()


async def _fingerprint(request: Request) -> str:
    """What stands for all that the request says.

    A form is what its fields are: its boundary is another one each time it is sent, and its
    files may be larger than what fits into memory.
    """
    digest = hashlib.sha256()
    for part in (request.method, request.url.path, request.url.query):
        digest.update(part.encode() + b"\n")
    if not request.state.reads_form:
        digest.update(await request.body())
        return digest.hexdigest()
    for name, value in (await request.form()).multi_items():
        said = await _digest(value) if isinstance(value, UploadFile) else _bytes(value)
        digest.update(hashlib.sha256(_bytes(name)).digest() + hashlib.sha256(said).digest())
    return digest.hexdigest()


async def _digest(file: UploadFile) -> bytes:
    """A file's name, kind and bytes in few; it is read from the start again afterwards."""
    digest = hashlib.sha256(repr((file.filename, file.content_type)).encode())
    while chunk := await file.read(CHUNK_BYTES):
        digest.update(chunk)
    await file.seek(0)
    return digest.digest()


def _bytes(text: str) -> bytes:
    """Any text at all: a form may name a charset that makes halves of surrogate pairs."""
    return text.encode(errors="surrogatepass")
