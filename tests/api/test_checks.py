"""Looking first: validate and bulk-generate-check. Nothing is created."""

import struct
from typing import Any

import pytest

from api.answers import NOBODY, invalid, problem, rows
from installation import Installation
from oncue.lib import ids
from oncue.settings import PLATFORMS
from statements import statements

pytestmark = pytest.mark.anyio

TEXT = "Test post content"


async def validate(installation: Installation, **fields: object) -> Any:
    body = {"content": TEXT, "platforms": ["TWITTER"]} | fields
    answer = await installation.api.post("/v1/posts/validate", json=body)
    assert answer.status_code == 200, answer.text
    return answer.json()


@statements("V226", "V234", "V236")
async def test_a_text_without_hashtags_is_valid_with_a_warning_on_x_alone(
    installation: Installation,
) -> None:
    before = await rows(installation)

    told = await validate(installation, platforms=["TWITTER", "linkedin"])

    warnings = told["platforms"]["TWITTER"].pop("warnings")
    assert told == {
        "valid": True,
        "platforms": {
            "TWITTER": {"valid": True, "errors": []},
            "LINKEDIN": {"valid": True, "errors": [], "warnings": []},
        },
    }
    assert [warning["code"] for warning in warnings] == ["NO_HASHTAGS"]
    assert await rows(installation) == before


@statements("V228", "V235")
async def test_one_network_that_would_refuse_makes_the_whole_invalid(
    installation: Installation,
) -> None:
    told = await validate(installation, content="#" * 281, platforms=PLATFORMS)

    assert told["valid"] is False
    assert told["platforms"].keys() == set(PLATFORMS)
    assert [error["code"] for error in told["platforms"]["TWITTER"]["errors"]] == [
        "CONTENT_TOO_LONG"
    ]
    assert told["platforms"]["LINKEDIN"]["valid"] is True


@statements("V227", "V228", "V229", "V230")
@pytest.mark.parametrize(
    ("fields", "field"),
    [
        ({"platforms": []}, "platforms"),
        ({"platforms": ["TWITTER"] * 16}, "platforms"),
        ({"platforms": ["MYSPACE"]}, "platforms[0]"),
        ({"platforms": ["acc_01h455vb4pex5vsknk084sn02q"]}, "platforms[0]"),
        ({"content": None}, "content"),
        ({"media": [{"type": "pdf"}]}, "media[0].type"),
    ],
)
async def test_what_cannot_be_validated_is_refused(
    installation: Installation, fields: dict[str, object], field: str
) -> None:
    body = {"content": TEXT, "platforms": ["TWITTER"]} | fields
    answer = await installation.api.post("/v1/posts/validate", json=body)

    status, code, facts = problem(answer)
    assert (status, code, facts["field"]) == (400, "VALIDATION_ERROR", field)


@statements("V232")
@pytest.mark.parametrize(("kind", "code"), [("image", None), ("video", "MEDIA_TYPE_NOT_SUPPORTED")])
async def test_media_that_is_only_described_is_checked(
    installation: Installation, kind: str, code: str | None
) -> None:
    told = await validate(installation, media=[{"type": kind, "sizeBytes": 1_000}])

    assert [error["code"] for error in told["platforms"]["TWITTER"]["errors"]] == (
        [code] if code else []
    )


@statements("V232")
async def test_described_media_that_is_too_large_is_named(installation: Installation) -> None:
    told = await validate(installation, media=[{"type": "image", "sizeBytes": 6_000_000}])

    [error] = told["platforms"]["TWITTER"]["errors"]
    assert error["code"] == "MEDIA_TOO_LARGE"


@statements("V232", "V235")
@pytest.mark.parametrize(
    ("described", "platform", "code"),
    [
        ({"type": "video", "durationMs": 60_000}, "SNAPCHAT", None),
        ({"type": "video", "durationMs": 60_001}, "SNAPCHAT", "MEDIA_DURATION_NOT_SUPPORTED"),
        ({"type": "video", "durationMs": 2_999}, "INSTAGRAM", "MEDIA_DURATION_NOT_SUPPORTED"),
        ({"type": "image", "mimeType": "image/png"}, "TIKTOK", "MEDIA_TYPE_NOT_SUPPORTED"),
        ({"type": "image", "mimeType": "image/webp"}, "TIKTOK", None),
        ({"type": "gif", "url": "https://example.com/a.gif"}, "TWITTER", None),
        ({"type": "gif", "sizeBytes": 15 * 1024 * 1024 + 1}, "TWITTER", "MEDIA_TOO_LARGE"),
        ({"type": "VIDEO", "mimeType": "Video/MP4"}, "SNAPCHAT", None),
        ({"type": "gif"}, "INSTAGRAM", "MEDIA_TYPE_NOT_SUPPORTED"),
    ],
)
async def test_everything_that_is_described_is_looked_at(
    installation: Installation, described: dict[str, object], platform: str, code: str | None
) -> None:
    told = await validate(installation, platforms=[platform], media=[described])

    errors = told["platforms"][platform]["errors"]
    assert [(error["field"], error["code"]) for error in errors] == (
        [("media", code)] if code else []
    )
    assert told["valid"] is (code is None)


@statements("V232")
@pytest.mark.parametrize(
    ("described", "field"),
    [
        ({"type": "pdf"}, "media[0].type"),
        ({"type": "video", "mimeType": "image/png"}, "media[0]"),
        ({"type": "gif", "mimeType": "image/png"}, "media[0]"),
        ({"type": "image", "sizeBytes": -1}, "media[0].sizeBytes"),
        ({"type": "video", "durationMs": 10**400}, "media[0].durationMs"),
        ({"type": "video", "sizeBytes": 10**400}, "media[0].sizeBytes"),
        ({"type": "image", "width": 1}, "media[0].width"),
        ({}, "media[0].type"),
    ],
)
async def test_a_description_that_contradicts_itself_is_refused(
    installation: Installation, described: dict[str, object], field: str
) -> None:
    body = {"content": TEXT, "platforms": ["TWITTER"], "media": [described]}
    answer = await installation.api.post("/v1/posts/validate", json=body)

    status, code, facts = problem(answer)
    assert (status, code, facts["field"]) == (400, "VALIDATION_ERROR", field)


@statements("V231")
async def test_uploaded_files_are_checked_for_format_pixels_and_size(
    installation: Installation,
) -> None:
    """A PNG of 249 x 5000 pixels and over 5 MiB, as far as its head goes, sent as it is."""
    await installation.api.patch("/v1/workspace", json={"mendMedia": False})
    head = b"\x89PNG\r\n\x1a\n" + struct.pack(">I4sII", 13, b"IHDR", 249, 5_000)
    content = head.ljust(5 * 1024 * 1024 + 1, b"\x00")
    file = {"file": ("a.png", content, "image/png")}
    media_id = (await installation.api.post("/v1/media", files=file)).json()["id"]
    platforms = ["MASTODON", "TWITTER", "TELEGRAM", "GOOGLE_BUSINESS", "INSTAGRAM", "YOUTUBE"]

    told = await validate(installation, platforms=platforms, mediaIds=[media_id])

    codes = {
        name: [error["code"] for error in found["errors"]]
        for name, found in told["platforms"].items()
    }
    assert codes == {
        "MASTODON": [],
        "TWITTER": ["MEDIA_TOO_LARGE"],
        "TELEGRAM": ["MEDIA_DIMENSIONS_NOT_SUPPORTED"],
        "GOOGLE_BUSINESS": ["MEDIA_TOO_LARGE", "MEDIA_DIMENSIONS_NOT_SUPPORTED"],
        "INSTAGRAM": ["MEDIA_TYPE_NOT_SUPPORTED"],
        "YOUTUBE": ["MEDIA_TYPE_NOT_SUPPORTED"],
    }


async def test_a_platforms_metadata_is_taken_into_account(installation: Installation) -> None:
    fields: dict[str, object] = {"content": "x" * 400, "platforms": ["MASTODON"]}
    warning = {"MASTODON": {"mastodonSpoilerText": "y" * 101}}

    plain = await validate(installation, **fields)
    warned = await validate(installation, **fields, platformMetadata=warning)

    assert (plain["valid"], warned["valid"]) == (True, False)


@statements("V231")
async def test_an_unknown_media_id_is_refused(installation: Installation) -> None:
    body = {"content": TEXT, "platforms": ["TWITTER"]}
    answer = await installation.api.post(
        "/v1/posts/validate", json=body | {"mediaIds": [ids.to_typeid("media", NOBODY)]}
    )

    assert problem(answer) == invalid("mediaIds", code="MEDIA_NOT_FOUND")


@statements("V233")
@pytest.mark.parametrize(("length", "valid"), [(2_200, True), (2_201, False), (10_000, False)])
async def test_a_first_comment_longer_than_a_post_may_have_is_an_error_of_every_network(
    installation: Installation, length: int, *, valid: bool
) -> None:
    told = await validate(
        installation, firstComment="x" * length, platforms=["TWITTER", "LINKEDIN"]
    )

    assert told["valid"] is valid
    for found in told["platforms"].values():
        errors = [(error["field"], error["code"]) for error in found["errors"]]
        assert errors == ([] if valid else [("firstComment", "COMMENT_TOO_LONG")])


@statements("V233")
async def test_a_first_comment_of_more_than_ten_thousand_is_refused(
    installation: Installation,
) -> None:
    body = {"content": TEXT, "platforms": ["TWITTER"], "firstComment": "x" * 10_001}
    answer = await installation.api.post("/v1/posts/validate", json=body)

    assert problem(answer) == invalid("firstComment", maxLength=10_000, actualLength=10_001)


async def generate_check(installation: Installation, **fields: str) -> Any:
    query = {
        "accountId": installation.account("MASTODON"),
        "startDate": "2026-11-23T00:00:00Z",
        "endDate": "2026-11-24T00:00:00Z",
    } | fields
    return await installation.api.get("/v1/posts/bulk-generate-check", params=query)


@statements("V245")
@pytest.mark.parametrize("path", ["preflight", "bulk-generate-check"])
async def test_a_fixed_path_is_not_taken_for_a_posts_id(
    installation: Installation, path: str
) -> None:
    refused = problem(await installation.api.get(f"/v1/posts/{path}"))

    assert refused[:2] == (400, "VALIDATION_ERROR")
    assert "post_id" not in str(refused)


@statements("V245")
@pytest.mark.parametrize("path", ["validate", "bulk", "bulk-video"])
async def test_a_fixed_path_of_a_write_neither(installation: Installation, path: str) -> None:
    refused = problem(await installation.api.post(f"/v1/posts/{path}", json={}))

    assert refused[:2] == (400, "VALIDATION_ERROR")
    assert "post_id" not in str(refused)


@statements("V239")
async def test_a_range_without_posts_is_clear(installation: Installation) -> None:
    answer = await generate_check(installation)

    assert answer.json() == {"warning": None, "overlappingScheduledCount": 0}


@statements("V238", "V240")
async def test_posts_scheduled_in_the_range_are_counted(installation: Installation) -> None:
    for hour in (8, 20):
        await installation.create("MASTODON", scheduledFor=f"2026-11-23T{hour:02}:00:00Z")
    await installation.create("MASTODON", scheduledFor="2026-11-25T08:00:00Z")
    await installation.create("BLUESKY", scheduledFor="2026-11-23T08:00:00Z")

    told = (await generate_check(installation)).json()

    assert told.pop("warningMessage")
    assert told == {"warning": "duplicate_detected", "overlappingScheduledCount": 2}


@statements("V237")
@pytest.mark.parametrize("missing", ["accountId", "startDate", "endDate"])
async def test_each_part_of_the_range_is_needed(installation: Installation, missing: str) -> None:
    query = {"accountId": installation.account("MASTODON"), "startDate": "2026-11-23T00:00:00Z"}
    query["endDate"] = "2026-11-24T00:00:00Z"
    del query[missing]

    answer = await installation.api.get("/v1/posts/bulk-generate-check", params=query)

    assert problem(answer) == invalid(missing)


@statements("V237")
async def test_a_range_that_ends_before_it_begins_is_refused(installation: Installation) -> None:
    answer = await generate_check(installation, endDate="2026-11-22T00:00:00Z")

    assert problem(answer) == invalid("endDate")


@statements("V237")
async def test_an_unknown_account_is_not_found(installation: Installation) -> None:
    answer = await generate_check(installation, accountId=ids.to_typeid("acc", NOBODY))

    assert problem(answer)[:2] == (404, "NOT_FOUND")
