"""Every table of the schema: importing this module makes them all known."""

from oncue import outbox
from oncue.accounts import holders
from oncue.accounts import models as accounts
from oncue.media import models as media
from oncue.posts import import_models as imports
from oncue.posts import models as posts
from oncue.posts import traces
from oncue.recurrence import models as recurrence
from oncue.webhooks import models as webhooks
from oncue.workspaces import models as workspaces

__all__ = [
    "accounts",
    "holders",
    "imports",
    "media",
    "outbox",
    "posts",
    "recurrence",
    "traces",
    "webhooks",
    "workspaces",
]
