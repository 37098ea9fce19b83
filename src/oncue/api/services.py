"""What the endpoints of one process share; the runtime puts it together."""

from dataclasses import dataclass, field

from oncue.accounts.vault import Vault
from oncue.accounts.wire import Wire
from oncue.db.database import Database
from oncue.lib.clock import Clock
from oncue.lib.outbound import GuardedClient
from oncue.media.intake import Intake
from oncue.media.links import Links
from oncue.media.processing import Processor
from oncue.publishing.engine import Engine
from oncue.publishing.metrics import Metrics
from oncue.settings import Settings
from oncue.workspaces.gate import Gate
from oncue.workspaces.ratelimit import MemoryWindow


@dataclass(frozen=True, slots=True, kw_only=True)
class Services:
    """Everything an endpoint may need."""

    settings: Settings
    db: Database
    vault: Vault
    wire: Wire
    engine: Engine
    metrics: Metrics
    now: Clock
    outbound: GuardedClient  # for addresses that users name
    intake: Intake
    processor: Processor
    links: Links
    gate: Gate
    strangers: MemoryWindow = field(default_factory=MemoryWindow)  # requests without a good key
