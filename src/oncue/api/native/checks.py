"""Native dialect, looking first: validate, bulk-generate-check. Nothing here changes anything."""

from typing import Annotated, Any, Final, Literal, Self

from fastapi import APIRouter, Query
from pydantic import (
    BeforeValidator,
    Field,
    SerializerFunctionWrapHandler,
    StrictInt,
    model_serializer,
    model_validator,
)
from pydantic_core import PydanticCustomError

from oncue.api.deps import KeyedRoute, PostsReader, Shared
from oncue.api.fields import WHOLE, AccountId, Body, MediaId, Out, PlatformName, Text, When
from oncue.api.native.bodies import PATCH_CHARACTERS, PlatformMetadata
from oncue.posts import checks
from oncue.posts.checks import Finding, Sketch

router = APIRouter(prefix="/v1/posts", tags=["posts"], route_class=KeyedRoute)

PLATFORMS: Final = 15
COMMENT_CHARACTERS: Final = 10_000
NAME_CHARACTERS: Final = 255
LARGEST: Final = 10**15  # bytes, or milliseconds: more than any file has
BEGINS: Final = {"image": "image/", "gif": "image/gif", "video": "video/"}
DUPLICATES: Final = (
    "This account has posts scheduled in that range already: a new batch may repeat them."
)


def _lower(value: object) -> object:
    """Constants are known in either case (C12)."""
    return value.lower() if isinstance(value, str) else value


class InlineMedia(Body):
    """A file that is not uploaded yet, as far as it is known."""

    type: Annotated[Literal["image", "video", "gif"], BeforeValidator(_lower)]
    url: Text | None = None
    size_bytes: Annotated[StrictInt, Field(ge=0, le=LARGEST), WHOLE] | None = None
    duration_ms: Annotated[StrictInt, Field(ge=0, le=LARGEST), WHOLE] | None = None
    mime_type: (
        Annotated[Text, BeforeValidator(_lower), Field(max_length=NAME_CHARACTERS)] | None
    ) = None

    @model_validator(mode="after")
    def _agree(self) -> Self:
        """A described file is of one kind."""
        if self.mime_type is not None and not self.mime_type.startswith(BEGINS[self.type]):
            words = {"kind": self.type, "begins": BEGINS[self.type]}
            raise PydanticCustomError("kind", "a {kind}'s mimeType begins {begins}", words)
        return self


class ValidatePost(Body):
    """POST /v1/posts/validate: platforms, not accounts."""

    content: Annotated[Text, Field(max_length=PATCH_CHARACTERS)]
    platforms: Annotated[list[PlatformName], Field(min_length=1, max_length=PLATFORMS)]
    media_ids: Annotated[list[MediaId], Field(max_length=50)] = []
    media: Annotated[list[InlineMedia], Field(max_length=50)] = []
    first_comment: Annotated[Text, Field(max_length=COMMENT_CHARACTERS)] | None = None
    platform_metadata: PlatformMetadata = {}


class FindingOut(Out):
    """One rule, and the values where it has them."""

    code: str
    message: str
    field: str


class PlatformFinding(Out):
    """What one network would say."""

    valid: bool
    errors: list[FindingOut]
    warnings: list[FindingOut]


class ValidateOut(Out):
    """What each network would say, by its constant."""

    valid: bool
    platforms: dict[str, PlatformFinding]


class GenerateCheckOut(Out):
    """Whether a batch would land among posts that are scheduled already."""

    warning: str | None
    warning_message: str | None = None
    overlapping_scheduled_count: int

    @model_serializer(mode="wrap")
    def _leave_out(self, write: SerializerFunctionWrapHandler) -> dict[str, Any]:
        """The message is there only with the warning (V239)."""
        shown: dict[str, Any] = write(self)
        if self.warning is None:
            shown.pop("warningMessage", None)
            shown.pop("warning_message", None)
        return shown


@router.post("/validate")
async def validate_post(body: ValidatePost, caller: PostsReader, shared: Shared) -> ValidateOut:
    """Check a text and its media against networks' rules; nothing is created."""
    sketch = Sketch(
        content=body.content,
        media_ids=body.media_ids,
        media=[
            checks.inline_media(index, item.type, item.mime_type, item.size_bytes, item.duration_ms)
            for index, item in enumerate(body.media)
        ],
        first_comment=body.first_comment,
        platform_metadata=body.platform_metadata,
    )
    found = await shared.db.read(
        lambda session: checks.validate(
            session, caller.workspace_id, sketch, body.platforms, shared.now()
        )
    )
    shown = {platform: _show(finding) for platform, finding in found.items()}
    return ValidateOut(valid=all(each.valid for each in shown.values()), platforms=shown)


@router.get("/bulk-generate-check")
async def bulk_generate_check(
    caller: PostsReader,
    shared: Shared,
    account_id: Annotated[AccountId, Query(alias="accountId")],
    start: Annotated[When, Query(alias="startDate")],
    end: Annotated[When, Query(alias="endDate")],
) -> GenerateCheckOut:
    """How many posts an account has scheduled in a range already."""
    count = await shared.db.read(
        lambda session: checks.count_scheduled(session, caller.workspace_id, account_id, start, end)
    )
    return GenerateCheckOut(
        warning="duplicate_detected" if count else None,
        warning_message=DUPLICATES if count else None,
        overlapping_scheduled_count=count,
    )


def _show(finding: Finding) -> PlatformFinding:
    errors, warnings = (
        [FindingOut(code=each.code, message=each.message, field=each.field) for each in listed]
        for listed in (finding.problems, finding.warnings)
    )
    return PlatformFinding(valid=not errors, errors=errors, warnings=warnings)
