"""A route without its request, and a place that names a thing and is not filled, are noticed."""

import copy
from collections.abc import Callable, Mapping, Set
from typing import Any, Final

import pytest

from api.answers import NOBODY
from api.operations import served
from installation import Installation
from oncue.lib import ids
from rights.asks import GOOD
from rights.fields import gaps
from rights.requests import things_in

pytestmark = pytest.mark.anyio

FILLED: Final = {operation: set(things_in(ask)) for operation, ask in GOOD.items()}
TEXT: Final = {"type": "string"}


def a_route(document: Any) -> None:
    document["paths"]["/v1/ghosts"] = {"get": {}}


def a_method(document: Any) -> None:
    document["paths"]["/v1/personas/{persona_id}"]["put"] = {}


def a_query_parameter(document: Any) -> None:
    parameter = {"in": "query", "name": "personaId", "schema": TEXT}
    document["paths"]["/v1/posts"]["get"]["parameters"].append(parameter)


def a_parameter_of_all_methods(document: Any) -> None:
    parameter = {"in": "header", "name": "x-workspace-id", "schema": TEXT}
    document["paths"]["/v1/health"]["parameters"] = [parameter]


def a_nested_field(document: Any) -> None:
    document["components"]["schemas"]["ThreadPostIn"]["properties"]["poll_ids"] = {
        "anyOf": [{"type": "array", "items": TEXT}, {"type": "null"}]
    }


def a_field_of_another_name(document: Any) -> None:
    example = ids.to_typeid("persona", NOBODY)
    properties = document["components"]["schemas"]["RejectPost"]["properties"]
    properties["by"] = {"type": "string", "examples": [example]}


def a_field_that_is_gone(document: Any) -> None:
    del document["components"]["schemas"]["TestWebhook"]["properties"]["webhookId"]


def a_route_that_is_gone(document: Any) -> None:
    del document["paths"]["/v1/health"]


POLLS: Final = "threadPosts[].poll_ids[]"
NOTICED: Final[Mapping[Callable[[Any], None], set[str]]] = {
    a_route: {"no request: GET /v1/ghosts"},
    a_method: {"no request: PUT /v1/personas/{persona_id}"},
    a_query_parameter: {"not filled: GET /v1/posts query:personaId"},
    a_parameter_of_all_methods: {"not filled: GET /v1/health header:x-workspace-id"},
    a_nested_field: {
        f"not filled: POST /v1/posts body:{POLLS}",
        f"not filled: PATCH /v1/posts/{{post_id}} body:{POLLS}",
        f"not filled: POST /v1/posts/bulk body:posts[].{POLLS}",
    },
    a_field_of_another_name: {"not filled: POST /v1/posts/{post_id}/reject body:by"},
    a_field_that_is_gone: {"not told of: POST /v1/webhooks/test body:webhookId"},
    a_route_that_is_gone: {"not served: GET /v1/health"},
}


async def test_a_document_that_the_matrix_does_not_cover_is_refused(
    oncue: Installation,
) -> None:
    document = await served(oncue)

    def noticed(change: Callable[[Any], None]) -> Set[str]:
        changed = copy.deepcopy(document)
        change(changed)
        return gaps(changed, FILLED)

    assert {change: noticed(change) for change in NOTICED} == NOTICED
