"""What the document says beside types: ids, constants, headers, and where one leads to another."""

import re
from collections.abc import Mapping
from typing import Any

import pytest

from api.answers import invalid, problem
from api.operations import UNSEEN, served
from installation import Installation
from oncue.settings import PLATFORMS

pytestmark = pytest.mark.anyio


def operation(document: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    method, path = name.split()
    found: Mapping[str, Any] = document["paths"][path][method.lower()]
    return found


def parameters(document: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    """An operation's parameters by name."""
    return {each["name"]: each for each in operation(document, name).get("parameters", ())}


async def test_an_id_in_a_path_is_of_its_kind_or_a_uuid(installation: Installation) -> None:
    document = await served(installation)
    named = {
        name: each["schema"]
        for path, methods in document["paths"].items()
        for method in methods
        for name, each in parameters(document, f"{method} {path}").items()
        if each["in"] == "path"
    }

    assert named.keys() == UNSEEN.keys()
    # Whatever cannot be an import's id is an import that is not there (V315).
    for name, schema in named.items():
        if name.endswith("_id") and name != "job_id":
            assert re.search(schema["pattern"], UNSEEN[name])
            assert re.search(schema["pattern"], "0197A5B2-7c3d-7abc-8def-0123456789ab")
            assert not re.search(schema["pattern"], "evt_01jyjv4z1xfay8vvr14d2pf2db")


async def test_platforms_are_enumerated_as_each_dialect_writes_them(
    installation: Installation,
) -> None:
    document = await served(installation)
    schemas = document["components"]["schemas"]
    native = parameters(document, "get /v1/posts")["platform"]["schema"]
    other = parameters(document, "get /api/v1/accounts")["platform"]["schema"]

    assert native["enum"] == list(PLATFORMS)
    assert other["enum"][:2] == ["x", "linkedin"]
    assert schemas["PlatformOut"]["properties"]["platform"]["enum"][:2] == ["twitter", "linkedin"]
    overrides = schemas["CreatePost"]["properties"]["platformOverrides"]
    assert overrides["propertyNames"]["enum"] == list(PLATFORMS)


async def test_what_may_be_left_out_of_a_query_is_never_null(installation: Installation) -> None:
    document = await served(installation)

    for path, methods in document["paths"].items():
        for method in methods:
            for name, each in parameters(document, f"{method} {path}").items():
                assert "anyOf" not in each["schema"], f"{method} {path} {name}"


async def test_a_list_between_commas_is_said_to_be_one(installation: Installation) -> None:
    document = await served(installation)
    told = parameters(document, "get /v1/posts/preflight")["platforms"]

    assert (told["schema"]["type"], told["explode"]) == ("array", False)


async def test_bulk_tells_of_all_its_answers_and_of_what_it_takes(
    installation: Installation,
) -> None:
    document = await served(installation)
    answers = operation(document, "post /v1/posts/bulk")["responses"]
    items = document["components"]["schemas"]["BulkCreate"]["properties"]["posts"]["items"]
    sent = await installation.api.post("/v1/posts/bulk", json={"posts": [1, None, "x"]})

    assert {"200", "207", "422"} <= answers.keys()
    [fitting, anything] = items["anyOf"]
    assert fitting == {"$ref": "#/components/schemas/BulkItem"}
    assert anything.keys() == {"description"}
    assert (sent.status_code, sent.json()["failed"]) == (207, 3)


def leads_from(document: Mapping[str, Any], name: str, status: int) -> Mapping[str, Any]:
    """The operations that an answer links to by their functions' names, and how."""
    links = operation(document, name)["responses"][str(status)]["links"]
    return {each.partition("_v1_")[0]: link["parameters"] for each, link in links.items()}


async def test_what_was_made_leads_to_every_operation_on_it(installation: Installation) -> None:
    document = await served(installation)
    post = leads_from(document, "post /v1/posts", 201)
    rule = leads_from(document, "post /v1/posts/{post_id}/recurrence", 201)
    delivery = leads_from(document, "post /v1/webhooks/{webhook_id}/test", 200)

    itself, first = "$response.body#/id", "$response.body#/platforms/0/id"
    assert post["get_post"] == post["create_recurrence"] == {"post_id": itself}
    assert post["fix_platform"] == {"post_id": itself, "platform_id": first}
    assert rule["delete_recurrence"] == rule["list_runs"] == {"post_id": "$response.body#/postId"}
    assert post.keys() & rule.keys() == set()
    assert delivery.keys() == {"get_delivery", "replay_delivery"}
    assert delivery["get_delivery"] == {
        "webhook_id": "$response.body#/data/webhookId",
        "delivery_id": "$response.body#/data/id",
    }


async def test_a_change_has_no_defaults(installation: Installation) -> None:
    schemas = (await served(installation))["components"]["schemas"]

    for name in ("UpdatePost", "UpdatePersona", "UpdateRecurrence", "UpdateWebhook"):
        for field, told in schemas[name]["properties"].items():
            assert "default" not in told, f"{name}.{field}"


@pytest.mark.parametrize(("number", "is_whole"), [(2, True), (2.0, True), (2.5, False)])
async def test_a_whole_number_may_be_written_with_a_point(
    installation: Installation, number: float, *, is_whole: bool
) -> None:
    body = {"maxAttempts": number, "dryRun": True}
    answer = await installation.api.post("/v1/posts/retry-failed", json=body)

    if is_whole:
        assert answer.status_code == 200, answer.text
    else:
        assert problem(answer) == invalid("maxAttempts")
