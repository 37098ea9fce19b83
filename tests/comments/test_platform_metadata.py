"""platformMetadata: what a network knows is checked, all of it reaches that network alone."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

import pytest

from api.answers import Problem, invalid, problem
from api.changing import patch, refusal
from comments.conftest import connected
from comments.under_posts import file, published
from installation import Installation
from scripted_networks import INSTAGRAM_LOGIN, Stand
from statements import statements

pytestmark = pytest.mark.anyio

LEVEL: Final = "TIKTOK.tiktokPrivacyLevel"
AUDIO: Final = "INSTAGRAM.instagramAudioId"
SOUND: Final = "INSTAGRAM.instagramAudioVolume"
VIDEO: Final = "INSTAGRAM.instagramVideoVolume"


def each(field: str, *values: Any) -> Sequence[tuple[str, Any]]:
    return [(field, value) for value in values]


VOLUMES: Final = (0, 0.0, 0.5, 1, 1.0, None)
NO_VOLUMES: Final[Sequence[Any]] = (-0.01, 1.01, -1, 2, 10**400, "0.5", True, False, [], {})
GOOD: Final = (
    *each(LEVEL, "PUBLIC_TO_EVERYONE", "MUTUAL_FOLLOW_FRIENDS", "SELF_ONLY", None),
    *each(LEVEL, "FOLLOWER_OF_CREATOR"),
    *each(AUDIO, "1234567890", None),
    *each(SOUND, *VOLUMES),
    *each(VIDEO, *VOLUMES),
    *each("TIKTOK.somethingNew", {"any": ["thing", 7]}),
    *each("MASTODON.tiktokPrivacyLevel", "not TikTok's"),
)
BAD: Final = (
    *each(LEVEL, "FRIENDS", "self_only", "", 1, True, [], {}, ["SELF_ONLY"]),
    *each(AUDIO, "", 1234567890, False, ["1"], {}),
    *each(SOUND, *NO_VOLUMES),
    *each(VIDEO, *NO_VOLUMES),
)


def metadata(field: str, value: Any) -> Mapping[str, Any]:
    platform, name = field.split(".")
    return {platform: {name: value}}


def not_allowed(field: str) -> Problem:
    platform, _ = field.split(".")
    return invalid(f"platformMetadata.{field}", code="OPTION_NOT_ALLOWED", platform=platform)


@statements("V27", "V47", "V49", "V52", "V55", "V56")
async def test_what_a_network_knows_and_what_it_does_not_is_kept_as_it_was_handed_in(
    installation: Installation,
) -> None:
    for field, value in GOOD:
        given = metadata(field, value)
        made = await installation.create("MASTODON", platformMetadata=given)
        changed = await patch(installation, made, platformMetadata=given, content="New")

        assert made["platformMetadata"] == changed["platformMetadata"] == given


@statements("V49", "V52", "V55", "V56", "V131")
async def test_what_a_network_cannot_take_is_refused_on_every_way_in(
    installation: Installation,
) -> None:
    kept = await installation.create("MASTODON")
    account = installation.account("MASTODON")

    for field, value in BAD:
        body = {
            "content": "Hello",
            "accountIds": [account],
            "platformMetadata": metadata(field, value),
        }
        created = await installation.api.post("/v1/posts", json=body)
        bulk = await installation.api.post("/v1/posts/bulk", json={"posts": [body]})

        assert problem(created) == not_allowed(field), value
        assert await refusal(
            installation, kept, platformMetadata=metadata(field, value)
        ) == not_allowed(field)
        [error] = bulk.json()["results"][0]["errors"]
        assert (error["field"], error["code"]) == (
            f"platformMetadata.{field}",
            "OPTION_NOT_ALLOWED",
        )
    assert (await installation.get(kept["id"]))["updatedAt"] == kept["updatedAt"]


@statements("V49", "V55", "V56", "V254")
async def test_every_mistake_is_named_with_its_rule_and_its_value(
    installation: Installation,
) -> None:
    both = {**metadata(LEVEL, "FRIENDS"), **metadata(SOUND, 1.5)}
    body = {"content": "Hello", "accountIds": [installation.account("MASTODON")]}

    answer = await installation.api.post("/v1/posts", json=body | {"platformMetadata": both})

    first, second = answer.json()["error"]["details"]["errors"]
    assert first["message"] == (
        '"FRIENDS" is not one of PUBLIC_TO_EVERYONE, MUTUAL_FOLLOW_FRIENDS, SELF_ONLY, '
        "FOLLOWER_OF_CREATOR"
    )
    assert second["message"] == "1.5 is not a number from 0.0 to 1.0"


@statements("V49", "V55", "V56")
@pytest.mark.parametrize(("field", "value"), [BAD[0], BAD[8], BAD[13]])
async def test_validate_tells_it_of_the_network_it_is_about(
    installation: Installation, field: str, value: Any
) -> None:
    platform, _ = field.split(".")
    body = {
        "content": "Hello",
        "platforms": [platform, "MASTODON"],
        "media": [{"type": "video"}],
        "platformMetadata": metadata(field, value),
    }

    told = (await installation.api.post("/v1/posts/validate", json=body)).json()

    [error] = told["platforms"][platform]["errors"]
    assert (error["field"], error["code"]) == (f"platformMetadata.{field}", "OPTION_NOT_ALLOWED")
    assert told["platforms"]["MASTODON"]["errors"] == []
    assert told["valid"] is False


@statements("V47", "V48")
async def test_options_reach_their_network_alone_and_never_change_the_text(
    installation: Installation, stand: Stand
) -> None:
    options = {"tiktokPrivacyLevel": "SELF_ONLY", "content": "Not a text", "text": "Neither"}
    video = await file(installation, "video/mp4")

    await installation.publish(
        "TIKTOK", "LINKEDIN", platformMetadata={"TIKTOK": options}, media=[video]
    )

    [tiktok], [linkedin] = (stand.bodies(name, "POST posts") for name in ("TIKTOK", "LINKEDIN"))
    assert (tiktok["text"], tiktok["privacy_level"]) == ("Hello", "SELF_ONLY")
    assert (linkedin["text"], "privacy_level" in linkedin) == ("Hello", False)


@statements("V50", "V51", "V98", "V101")
@pytest.mark.parametrize("level", ["PUBLIC_TO_EVERYONE", "FOLLOWER_OF_CREATOR", None])
async def test_a_level_the_account_may_not_use_ends_published_for_oneself_with_a_warning(
    installation: Installation, stand: Stand, level: str | None
) -> None:
    stand.levels = ["SELF_ONLY"]
    post = await published(
        installation, "TIKTOK", platformMetadata={"TIKTOK": {"tiktokPrivacyLevel": level}}
    )

    [shown] = post["platforms"]
    asked = [body["privacy_level"] for body in stand.bodies("TIKTOK", "POST posts")]
    assert asked == [level or "PUBLIC_TO_EVERYONE", "SELF_ONLY"]
    assert (shown["status"], shown["error"]) == ("published", None)
    assert shown["publishWarning"] == "TIKTOK_SELF_ONLY_FALLBACK"
    assert len(stand.public) == 1


@statements("V50", "V98")
@pytest.mark.parametrize("level", ["PUBLIC_TO_EVERYONE", "SELF_ONLY"])
async def test_a_level_that_is_allowed_is_used_without_a_word(
    installation: Installation, stand: Stand, level: str
) -> None:
    post = await published(
        installation, "TIKTOK", platformMetadata={"TIKTOK": {"tiktokPrivacyLevel": level}}
    )

    assert [body["privacy_level"] for body in stand.bodies("TIKTOK", "POST posts")] == [level]
    assert post["platforms"][0]["publishWarning"] is None


MUSIC: Final = {"instagramAudioId": "1234567890"}
PLAYED: Final = {"audio_id": "1234567890", "audio_volume": 1.0, "video_volume": 1.0}


async def audio(oncue: Installation, stand: Stand, options: Any, *types: str, **more: Any) -> Any:
    """What Instagram is told of music for a post with files of these types."""
    media = [await file(oncue, type_) for type_ in types]
    post = await oncue.publish(
        more.pop("account", "INSTAGRAM"),
        media=media,
        platformMetadata={"INSTAGRAM": options},
        **more,
    )
    assert post["status"] == "published", post
    assert post["platforms"][0]["publishWarning"] is None
    return stand.bodies("INSTAGRAM", "POST posts")[-1].get("audio_configuration")


@statements("V52", "V53", "V55", "V56")
async def test_music_goes_with_a_single_video(installation: Installation, stand: Stand) -> None:
    volumes = {"instagramAudioVolume": 0.8, "instagramVideoVolume": 0.0}

    plain = await audio(installation, stand, MUSIC, "video/mp4")
    mixed = await audio(installation, stand, MUSIC | volumes, "video/mp4", contentType="REEL")

    assert plain == PLAYED
    assert mixed == PLAYED | {"audio_volume": 0.8, "video_volume": 0.0}


@statements("V53")
async def test_music_is_left_out_of_everything_else_without_an_error(
    installation: Installation, stand: Stand
) -> None:
    image = await audio(installation, stand, MUSIC, "image/jpeg")
    carousel = await audio(installation, stand, MUSIC, "video/mp4", "video/mp4")
    story = await audio(installation, stand, MUSIC, "video/mp4", contentType="STORY")
    silent = await audio(installation, stand, {"instagramAudioVolume": 0.5}, "video/mp4")

    assert [image, carousel, story, silent] == [None] * 4


@statements("V54")
async def test_music_needs_an_account_that_facebook_s_login_connected(
    installation: Installation, stand: Stand
) -> None:
    other = await connected(installation, "INSTAGRAM", "another", server=INSTAGRAM_LOGIN)
    installation.accounts["another"] = other

    assert await audio(installation, stand, MUSIC, "video/mp4", account="another") is None


@statements("V107")
async def test_a_thread_is_only_its_content_on_threads(
    installation: Installation, stand: Stand
) -> None:
    items = [{"sequence": number, "content": f"{number}/"} for number in (1, 2)]

    await installation.publish("TWITTER", "THREADS", content="Whole", threadPosts=items)

    assert [shown.text for shown in stand.public] == ["Whole"]
    assert len(installation.posts("TWITTER")) == 2
