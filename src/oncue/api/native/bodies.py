"""What requests of the native dialect look like."""

from typing import Annotated, Final

from pydantic import BeforeValidator, Field, StrictBool, StrictInt

from oncue.api.fields import (
    NO_NUL,
    WHOLE,
    AccountId,
    Body,
    Edit,
    Json,
    Key,
    MediaId,
    PersonaReference,
    PlatformName,
    PublicUrl,
    Said,
    Text,
    When,
)
from oncue.connectors.registry import CONNECTORS
from oncue.posts.validation import (
    METADATA_ITEM,
    METADATA_ITEMS,
    METADATA_KEY,
    METADATA_STRING,
)
from oncue.posts.values import ContentType
from oncue.workspaces.models import LatePolicy

CREATE_CHARACTERS: Final = 10_000
PATCH_CHARACTERS: Final = 63_206
COMMENT_CHARACTERS: Final = 2_200
THREAD_ITEMS: Final = 25
THREAD_CHARACTERS: Final = 280
THREAD_MEDIA: Final = 4
SAFETY_ENTRIES: Final = 500  # where the document states no limit (C20)


# What is checked where the post is known, and said here.
SOME: Final = Said(minItems=1, uniqueItems=True)
NAMES: Final = Said(propertyNames={"pattern": NO_NUL})
METADATA: Final = Said(
    propertyNames={"pattern": NO_NUL, "maxLength": METADATA_KEY},
    additionalProperties={
        "pattern": NO_NUL,
        "maxLength": METADATA_STRING,
        "maxItems": METADATA_ITEMS,
        "items": {"pattern": NO_NUL, "maxLength": METADATA_ITEM},
    },
)


def _upper(value: object) -> object:
    """Constants are known in either case (C12)."""
    return value.upper() if isinstance(value, str) else value


Kind = Annotated[ContentType, Field(strict=False), BeforeValidator(_upper)]
LateRule = Annotated[LatePolicy, Field(strict=False)]


class OverrideIn(Body):
    """What one platform shows instead: its text and nothing else (V105)."""

    content: Annotated[Text, Field(max_length=CREATE_CHARACTERS)] | None = None


class ThreadPostIn(Body):
    """One item of a thread."""

    sequence: Annotated[StrictInt, Said(minimum=1, maximum=THREAD_ITEMS), WHOLE]
    content: Annotated[Text, Field(max_length=CREATE_CHARACTERS)]
    media_ids: Annotated[list[MediaId], Field(max_length=THREAD_MEDIA)] = []


Overrides = dict[PlatformName, OverrideIn]
Options = Annotated[dict[Key, Json], NAMES]
PlatformMetadata = dict[PlatformName, Options]
Accounts = Annotated[list[AccountId], Field(max_length=SAFETY_ENTRIES), SOME]
MediaIds = Annotated[list[MediaId], Field(max_length=SAFETY_ENTRIES)]
Tags = Annotated[list[Text], Field(max_length=SAFETY_ENTRIES)]
Thread = Annotated[list[ThreadPostIn], Field(max_length=THREAD_ITEMS)]
Comment = Annotated[Text, Field(max_length=COMMENT_CHARACTERS)]
Delay = Annotated[StrictInt, Field(ge=0, le=60), WHOLE]
Metadata = Annotated[dict[Key, Json], METADATA]


class CreatePost(Body):
    """POST /v1/posts."""

    content: Annotated[Text, Field(max_length=CREATE_CHARACTERS)]
    account_ids: Accounts
    scheduled_for: When | None = None
    queue: StrictBool = False
    late_policy: LateRule | None = None
    content_type: Kind | None = None
    save_as_draft: StrictBool = False
    platform_overrides: Overrides = {}
    platform_metadata: PlatformMetadata = {}
    media: MediaIds = []
    tags: Tags = []
    persona_id: PersonaReference | None = None
    thread_posts: Thread = []
    first_comment: Comment | None = None
    first_comment_delay: Delay = 0
    is_manual_save: StrictBool = False
    metadata: Metadata | None = None


class UpdatePost(Edit):
    """PATCH /v1/posts/:id. Only what is mentioned changes."""

    content: Annotated[Text, Field(max_length=PATCH_CHARACTERS)] = ""
    content_type: Kind | None = None
    scheduled_for: When | None = None
    clear_schedule: StrictBool = False
    save_as_draft: StrictBool = False
    late_policy: LateRule | None = None
    account_ids: Accounts = []
    media: MediaIds = []
    platform_overrides: Overrides = {}
    platform_metadata: PlatformMetadata = {}
    tags: Tags = []
    persona_id: PersonaReference | None = None
    thread_posts: Thread = []
    first_comment: Comment | None = None
    first_comment_delay: Delay = 0
    platform_removed_at: When | None = None
    metadata: Metadata | None = None
    version: When | None = None


class FixPlatform(Body):
    """POST /v1/posts/:id/platforms/:platformId/fix."""

    content: Annotated[Text, Field(max_length=CREATE_CHARACTERS)] | None = None
    media_url: PublicUrl | None = None
    refresh_media: StrictBool = False


class ResolvePlatform(Body):
    """POST /v1/posts/:id/platforms/:platformId/resolve: what a person saw on the network."""

    published: StrictBool
    platform_post_url: Annotated[Text, Field(max_length=2_000)] | None = None


class CreateAccount(Body):
    """POST /v1/accounts: an account whose credentials are at hand."""

    platform: Annotated[PlatformName, Said(enum=[*CONNECTORS])]
    credentials: dict[str, Annotated[Text, Field(max_length=10_000)]] = Field(repr=False)
    server_url: Annotated[Text, Field(max_length=2_000)] | None = None
    display_name: Annotated[Text, Field(max_length=200)] | None = None
