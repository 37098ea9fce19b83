"""Named instants at which a test may kill this very process.

They are of a publication, of a request, of an import, of a delivery, of a rule's time, of a file,
of a token's renewal, and of changing keys.

ONCUE_CRASH_AT=after_intent:3 ends the process with SIGKILL the third time it gets there.
Unset, as in every installation, `reach` is one comparison.
"""

import os
import signal
from typing import Final

BEFORE_ANSWER: Final = "before_answer"  # a request's write is done, and nobody knows it yet
IN_DISPATCH: Final = "in_dispatch"  # deliveries are made, and not committed yet
BEFORE_SEND: Final = "before_send"  # a delivery is claimed
AFTER_SEND: Final = "after_send"  # a receiver has answered, and nobody wrote it down
POINTS: Final = ("before_intent", "after_intent", "after_accept", "after_reply", "before_settle")
IMPORT_POINTS: Final = ("rows_done", "rows_kept")  # of an import, for each part of its rows
RULE_POINTS: Final = ("rule_due", "post_copied", "time_run", "time_kept")
"""Of one time of a rule, the second and third within its transaction."""
MEDIA_ARRIVED: Final = "media_arrived"  # an upload is stored, and its row knows nothing of it
MEDIA_TAKEN: Final = "media_taken"  # a worker has a file
MEDIA_RESERVED: Final = "media_reserved"  # it was looked into, and is about to be stored
MEDIA_KEPT: Final = "media_kept"  # it is stored, and its row knows nothing of it
MEDIA_SETTLED: Final = "media_settled"  # it is ready, and what came in is still there
MEDIA_POINTS: Final = (MEDIA_TAKEN, MEDIA_RESERVED, MEDIA_KEPT, MEDIA_SETTLED)
RENEWAL_BEGUN: Final = "renewal_begun"  # nobody else renews the token; nobody was asked yet
RENEWAL_ANSWERED: Final = "renewal_answered"  # the network has given a new one; nobody kept it
RENEWAL_KEPT: Final = "renewal_kept"  # it is kept, and was not used yet
RENEWAL_POINTS: Final = (RENEWAL_BEGUN, RENEWAL_ANSWERED, RENEWAL_KEPT)
KEYS_WRITTEN: Final = "keys_written"  # the next key file is durable, beside the present one
KEYS_REPLACED: Final = "keys_replaced"  # it is the key file, and the folder is not synced
IN_RESEALING: Final = "in_resealing"  # a part of the secrets is sealed anew, and not committed yet
RESEALED: Final = "resealed"  # it is
OLD_UNUSED: Final = "old_unused"  # nothing is sealed with the old key, and nobody knows it yet
ROTATION_POINTS: Final = (KEYS_WRITTEN, KEYS_REPLACED, IN_RESEALING, RESEALED, OLD_UNUSED)

_wanted, _, _times = os.environ.get("ONCUE_CRASH_AT", "").partition(":")
_left = int(_times or 1)


def reach(point: str) -> None:
    """Say that the process is at `point`; returns unless a test asked to die there."""
    global _left  # noqa: PLW0603  (counts down once per process)
    if point != _wanted:
        return
    _left -= 1
    if _left == 0:
        os.kill(os.getpid(), signal.SIGKILL)
