"""Native dialect, preflight: how well a post would fare on networks right now."""

from typing import Annotated, Final

from fastapi import APIRouter, Query
from pydantic_core import PydanticCustomError

from oncue.api.deps import KeyedRoute, PostsReader, Shared
from oncue.api.fields import Out, PlatformName, Said, Text, parse_platform
from oncue.api.native.bodies import PATCH_CHARACTERS
from oncue.errors import Invalid, Issue
from oncue.posts import outlook
from oncue.posts.preflight import Verdict, judge
from oncue.settings import PLATFORMS

router = APIRouter(prefix="/v1/posts", tags=["posts"], route_class=KeyedRoute)

SHOWN_CHARACTERS: Final = 40  # of a word that is no platform


Platforms = Annotated[
    str,
    Said(
        type="array",
        items={"enum": [*PLATFORMS]},
        minItems=1,
        maxItems=len(PLATFORMS),
        uniqueItems=True,
        examples=[["TWITTER", "MASTODON"]],
    ),
]


class PreflightResult(Out):
    """One network's tier, and what a person can do about it."""

    platform: PlatformName
    tier: str
    tier_label: str
    guidance: list[str]
    is_verified: bool


class PreflightOut(Out):
    """Each network's tier, in the order asked for."""

    platform_results: list[PreflightResult]


@router.get("/preflight")
async def preflight(
    caller: PostsReader,
    shared: Shared,
    platforms: Annotated[Platforms, Query(description="Constants between commas.")],
    text: Annotated[Text, Query(max_length=PATCH_CHARACTERS)] = "",
) -> PreflightOut:
    """How risky posting to each network is now, and why. Nothing is created."""
    asked = _read(platforms)
    facts = await shared.db.read(
        lambda session: outlook.look(session, caller.workspace_id, asked, text, shared.now())
    )
    results = [_show(*each) for each in zip(asked, map(judge, facts), strict=True)]
    return PreflightOut(platform_results=results)


def _read(platforms: str) -> list[str]:
    """The platforms between the commas, each once; raises Invalid (C30)."""
    words = platforms.split(",")
    if len(words) > len(PLATFORMS):
        message = f"may name {len(PLATFORMS)} platforms; this has {len(words)}"
        facts = {"limit": len(PLATFORMS), "actual": len(words)}
        raise Invalid([Issue(field="platforms", message=message, facts=facts)])
    named: list[str] = []
    issues: list[Issue] = []
    for index, name in enumerate(word.strip() for word in words):
        field = f"platforms[{index}]"
        try:
            platform = parse_platform(name)
        except PydanticCustomError as wrong:
            message = f"{name[:SHOWN_CHARACTERS]!r} {wrong.message()}"
            issues.append(Issue(field=field, message=message))
            continue
        if platform in named:
            issues.append(Issue(field=field, message=f"{platform} is named twice"))
        named.append(platform)
    if issues:
        raise Invalid(issues)
    return named


def _show(platform: str, verdict: Verdict) -> PreflightResult:
    return PreflightResult(
        platform=platform,
        tier=verdict.tier,
        tier_label=verdict.label,
        guidance=list(verdict.guidance),
        is_verified=verdict.is_verified,
    )
