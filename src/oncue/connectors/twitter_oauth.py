"""X's OAuth, as https://docs.x.com/fundamentals/authentication/oauth-2-0/ describes it."""

from datetime import timedelta
from typing import Final

from oncue.connectors.oauth import GONE, KnownBy, OAuth, Proof

# A refresh token is good once; an access token two hours. A refresh token that was used or taken
# back is answered with invalid_request: "Value passed for the token was invalid."
TWITTER_OAUTH: Final = OAuth(
    page_origin="https://x.com",
    authorize="/i/oauth2/authorize",
    token="/2/oauth2/token",  # noqa: S106  (a path)
    revoke="/2/oauth2/revoke",
    scopes=("tweet.read", "tweet.write", "users.read", "media.write", "offline.access"),
    known_by=KnownBy.GIVEN,
    proof=Proof.BASIC,
    lives=timedelta(hours=2),
    gone=GONE | {"invalid_request"},
)
