"""What the sandbox's OAuth servers say, held against what the networks publish about theirs."""

from collections.abc import Mapping
from typing import Any

import pytest
from openapi_schema_validator import OAS31Validator, oas31_format_checker

from contract import contract
from hosted import hosted
from oncue.sandbox import mastodon_apps, twitter, twitter_oauth
from oncue.sandbox.mastodon import Mastodon
from sandbox.oauth_client import CALLBACK, post, send

pytestmark = pytest.mark.anyio


def complaints(name: str, value: Any) -> list[str]:
    document = contract("mastodon", "openapi.json")
    schema = {"$ref": f"#/components/schemas/{name}", "components": document["components"]}
    validator = OAS31Validator(schema, format_checker=oas31_format_checker)
    return [error.message for error in validator.iter_errors(value)]


def flow(network: str) -> Mapping[str, Any]:
    schemes = contract(network, "openapi.json")["components"]["securitySchemes"]
    found: Mapping[str, Any] = next(each["flows"] for each in schemes.values() if "flows" in each)
    return found["authorizationCode"]  # type: ignore[no-any-return]


def test_the_networks_know_these_scopes() -> None:
    assert set(twitter_oauth.SCOPES.split()) - {"users.email"} == set(flow("twitter")["scopes"])
    assert set(mastodon_apps.SCOPES) == set(flow("mastodon")["scopes"])


@pytest.mark.parametrize(
    ("method", "path", "scopes"),
    [
        ("post", "/2/tweets", twitter.WRITING),
        ("delete", "/2/tweets/{id}", twitter.WRITING),
        ("get", "/2/tweets/{id}", twitter.READING),
        ("get", "/2/users/me", twitter.READING),
        ("get", "/2/users/{id}/tweets", twitter.READING),
        ("post", "/2/media/upload", twitter.FILING),
        ("get", "/2/media/upload", twitter.FILING),
        ("post", "/2/media/metadata", twitter.FILING),
    ],
)
def test_x_wants_these_scopes(method: str, path: str, scopes: tuple[str, ...]) -> None:
    security = contract("twitter", "openapi.json")["paths"][path][method]["security"]
    [wanted] = [each["OAuth2UserToken"] for each in security if "OAuth2UserToken" in each]

    assert set(wanted) == set(scopes)


async def test_a_mastodon_server_answers_as_described() -> None:
    async with hosted(Mastodon) as sandbox:
        app = await post(
            sandbox, "/mastodon/api/v1/apps", client_name="App", redirect_uris=CALLBACK
        )
        known = "/mastodon/.well-known/oauth-authorization-server"
        server = await send(sandbox, "GET", known)
        query = {
            "response_type": "code",
            "client_id": app.body["client_id"],
            "redirect_uri": CALLBACK,
            "approve": "1",
        }
        asked = await send(sandbox, "GET", "/mastodon/oauth/authorize", params=query)
        token = await post(
            sandbox,
            "/mastodon/oauth/token",
            (app.body["client_id"], app.body["client_secret"]),
            grant_type="authorization_code",
            code=asked.sent_back[1]["code"],
            redirect_uri=CALLBACK,
        )

        assert complaints("CredentialApplication", app.body) == []
        assert complaints("DiscoverOauthServerConfigurationResponse", server.body) == []
        assert complaints("Token", token.body) == []
        assert complaints("Token", {"access_token": "but no more"}) != []
