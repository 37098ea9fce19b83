"""The simulated networks behind one address, with a ledger and faults to order."""

from collections.abc import Callable, Sequence
from dataclasses import asdict
from datetime import UTC, datetime
from typing import Final

from aiohttp import web

from oncue.sandbox.bluesky import Bluesky
from oncue.sandbox.faults import BadFault, Faults
from oncue.sandbox.fetching import fetch
from oncue.sandbox.ledger import Ledger
from oncue.sandbox.mastodon import Mastodon
from oncue.sandbox.network import Fetch, Network, World
from oncue.sandbox.telegram import Telegram
from oncue.sandbox.twitter import Twitter

NETWORKS: Final[Sequence[type[Network]]] = (Twitter, Bluesky, Mastodon, Telegram)
MAX_UPLOAD: Final = 512 * 1024 * 1024


def create_app(
    ledger: Ledger,
    *,
    base_url: str = "http://127.0.0.1:8090",
    now: Callable[[], datetime] = lambda: datetime.now(UTC),
    networks: Sequence[type[Network]] = NETWORKS,
    fetch: Fetch = fetch,
) -> web.Application:
    """Every network at /<platform>, and the controls at /_sandbox."""
    world = World(ledger=ledger, faults=Faults(), now=now, base_url=base_url, fetch=fetch)
    app = web.Application(client_max_size=MAX_UPLOAD)
    app.add_routes(_controls(world))
    for network in (kind(world) for kind in networks):
        app.add_routes(
            [
                web.route(route.method, network.prefix + route.path, route.handler, **route.kwargs)
                for route in network.routes()
            ]
        )
    return app


def _controls(world: World) -> list[web.RouteDef]:
    async def read_ledger(request: web.Request) -> web.Response:
        platform = request.query.get("platform")
        entries = world.ledger.entries(
            platform=platform.upper() if platform else None,
            account=request.query.get("account"),
        )
        return web.json_response([asdict(entry) for entry in entries])

    async def clear_ledger(_request: web.Request) -> web.Response:
        world.ledger.clear()
        return web.json_response({"cleared": True})

    async def order_fault(request: web.Request) -> web.Response:
        try:
            body = await request.json()
            if not isinstance(body, dict):
                raise BadFault("a fault is a JSON object")
            fault = world.faults.order(body)
        except ValueError as wrong:
            return web.json_response({"error": str(wrong)}, status=400)
        return web.json_response(asdict(fault), status=201)

    async def clear_faults(_request: web.Request) -> web.Response:
        world.faults.clear()
        return web.json_response({"cleared": True})

    async def withdraw_grants(request: web.Request) -> web.Response:
        platform, account = request.query.get("platform"), request.query.get("account")
        asked = [of for of in world.grants if platform is None or of.platform == platform.upper()]
        return web.json_response({"withdrawn": sum(of.end_all_of(account) for of in asked)})

    return [
        web.get("/_sandbox/ledger", read_ledger),
        web.delete("/_sandbox/ledger", clear_ledger),
        web.post("/_sandbox/faults", order_fault),
        web.delete("/_sandbox/faults", clear_faults),
        web.delete("/_sandbox/grants", withdraw_grants),
    ]
