"""What a Bluesky server's OAuth says of itself: lifetimes, refusals, and where everything is.

Lifetimes and words are those of a real server of version 0.4.217.
"""

from collections.abc import Mapping
from datetime import timedelta
from typing import Any, Final

from oncue.sandbox.bluesky_clients import GRANT_TYPES, METHODS
from oncue.sandbox.dpop import NO_NONCE
from oncue.sandbox.grants import Kind, Standing
from oncue.sandbox.jose import ALGORITHM
from oncue.sandbox.oauth_terms import Trouble

ACCESS: Final = timedelta(hours=1)
PUSHED: Final = timedelta(minutes=5)
LIVES: Final[Mapping[Kind, timedelta | None]] = {
    Kind.CODE: timedelta(minutes=5),
    Kind.ACCESS: ACCESS,
}
REFRESH: Final[Mapping[bool, timedelta]] = {  # by whether anybody could be the application
    True: timedelta(days=14),
    False: timedelta(days=91),
}
SESSION: Final[Mapping[bool, timedelta]] = {True: timedelta(days=14), False: timedelta(days=730)}

NOT_THE_REDIRECT: Final = (
    "The redirect_uri parameter must match the one used in the authorization request"
)
SAME_KEY: Final = "The DPoP proof must be signed with a different key than the client assertion"
ANOTHER_KEY: Final = (
    "The session was initiated with a different key than the client assertion currently used"
)
WORDS: Final[Mapping[Trouble, tuple[int, str, str]]] = {
    Trouble.REQUEST: (400, "invalid_request", "Invalid request"),
    Trouble.MISSING: (400, "invalid_request", "Validation error: {} is required"),
    Trouble.CLIENT: (400, "invalid_client", "Client authentication failed"),
    Trouble.GRANT_TYPE: (400, "invalid_grant", "Grant type is not supported by the server"),
    Trouble.RESPONSE_TYPE: (400, "unsupported_response_type", "Unsupported response_type"),
    Trouble.CODE: (400, "invalid_grant", "Invalid code"),
    Trouble.REDIRECT: (400, "invalid_grant", NOT_THE_REDIRECT),
    Trouble.VERIFIER: (400, "invalid_grant", "Invalid code_verifier"),
    Trouble.REFRESH: (400, "invalid_grant", "Invalid refresh token"),
    Trouble.SCOPE: (400, "invalid_scope", 'The "atproto" scope is required'),
    Trouble.METADATA: (400, "invalid_client_metadata", "Invalid client metadata"),
    Trouble.ADDRESS: (400, "invalid_redirect_uri", "Invalid redirect URI"),
    Trouble.PROOF: (401, "invalid_dpop_proof", "DPoP proof required"),
    Trouble.NONCE: (400, "use_dpop_nonce", NO_NONCE),
    Trouble.KEY: (401, "invalid_token", "Invalid DPoP key binding"),
}
REASONS: Final[Mapping[tuple[Kind, Standing], str]] = {
    (Kind.CODE, Standing.EXPIRED): "This code has expired",
    (Kind.REFRESH, Standing.EXPIRED): "Refresh token expired",
    (Kind.REFRESH, Standing.USED): "Refresh token replayed",
}
SCOPES: Final = ("atproto", "transition:email", "transition:generic", "transition:chat.bsky")


def server(root: str) -> dict[str, Any]:
    """RFC 8414, as far as the protocol gives it a meaning."""
    return {
        "issuer": root,
        "scopes_supported": SCOPES,
        "subject_types_supported": ["public"],
        "response_types_supported": ["code"],
        "response_modes_supported": ["query"],
        "grant_types_supported": GRANT_TYPES,
        "code_challenge_methods_supported": ["S256"],
        "authorization_response_iss_parameter_supported": True,
        "request_parameter_supported": False,
        "request_uri_parameter_supported": True,
        "require_request_uri_registration": True,
        "jwks_uri": f"{root}/oauth/jwks",
        "authorization_endpoint": f"{root}/oauth/authorize",
        "token_endpoint": f"{root}/oauth/token",
        "token_endpoint_auth_methods_supported": METHODS,
        "token_endpoint_auth_signing_alg_values_supported": [ALGORITHM],
        "revocation_endpoint": f"{root}/oauth/revoke",
        "pushed_authorization_request_endpoint": f"{root}/oauth/par",
        "require_pushed_authorization_requests": True,
        "dpop_signing_alg_values_supported": [ALGORITHM],
        "protected_resources": [root],
        "client_id_metadata_document_supported": True,
    }


def resource(root: str) -> dict[str, Any]:
    """RFC 9728: the server that holds the posts gives out the tokens itself."""
    return {
        "resource": root,
        "authorization_servers": [root],
        "bearer_methods_supported": ["header"],
        "scopes_supported": [],
        "resource_documentation": "https://atproto.com",
    }
