"""What the doctor looks at outside the database: the folder, the keys, the way to the networks."""

import shutil
import stat
from pathlib import Path
from tempfile import TemporaryFile
from typing import Final

from sqlalchemy import select
from sqlalchemy.orm import Session

from oncue.accounts.models import Account
from oncue.accounts.places import Clients, Place, place_of
from oncue.accounts.vault import VaultError, open_vault
from oncue.cli.findings import Finding, ok, problem, warning
from oncue.connectors.registry import CONNECTORS
from oncue.db.open import open_database
from oncue.lib.fence import SystemResolver
from oncue.lib.guarded import GuardedHttp
from oncue.lib.http import HttpClient, NeverAnswered, NeverSent, Request
from oncue.lib.outbound import GuardedClient
from oncue.settings import Settings

MB: Final = 1024 * 1024
SCARCE_BYTES: Final = 1024 * MB
TOO_FEW_BYTES: Final = 100 * MB
OTHERS: Final = stat.S_IRWXG | stat.S_IRWXO
NETWORK_SECONDS: Final = 10


def data_folder(current: Settings) -> Finding:
    """Whether the folder is there, can be written, and has room."""
    name, folder = "data folder", current.data_dir
    if not folder.is_dir():
        return problem(name, f"{folder} does not exist", "oncue init makes it.")
    return _room(name, folder, "nothing is published without a durable record")


def media_folder(current: Settings) -> list[Finding]:
    """Likewise of the folder of files, where it is on a disk of its own."""
    folder, beside = current.media_dir, current.data_dir
    if not folder.is_dir() or folder.stat().st_dev == beside.stat().st_dev:
        return []
    return [_room("media folder", folder, "no file is taken in, or made into what a network takes")]


def _room(name: str, folder: Path, without: str) -> Finding:
    try:
        with TemporaryFile(dir=folder):
            free = shutil.disk_usage(folder).free
    except OSError as refused:
        words = f"{folder} cannot be written: {refused.strerror}"
        return problem(name, words, "Let the user that runs Oncue write there.")
    words = f"{free // MB:,} MB free"
    if free < TOO_FEW_BYTES:
        return problem(name, words, f"Make room: {without}.")
    if free < SCARCE_BYTES:
        return warning(name, words, "Make room soon.")
    return ok(name, words)


def secret_keys(current: Settings) -> Finding:
    """Whether there are master keys, and nobody else can read them."""
    name, file = "secret keys", current.key_file
    try:
        open_vault(current.secret_keys, file)
    except (VaultError, OSError) as missing:
        return problem(name, str(missing), "See docs/operating.md, Secret keys.")
    if current.secret_keys:
        return ok(name, "from ONCUE_SECRET_KEYS")
    mode = stat.S_IMODE(file.stat().st_mode)
    if mode & OTHERS:
        return problem(name, f"{file} has mode {mode:o}", f"chmod 600 {file}")
    return ok(name, f"{file}, mode {mode:o}")


async def networks(current: Settings) -> list[Finding]:
    """Whether each server that accounts live on answers at all."""
    db, resolver = open_database(current), SystemResolver()
    http = HttpClient(timeout=NETWORK_SECONDS)
    guarded = GuardedHttp(
        GuardedClient(current.outbound_allow, resolver=resolver), timeout=NETWORK_SECONDS
    )
    clients = Clients(http=http, guarded=guarded)
    try:
        places = await db.read(lambda session: _places(session, current))
        return [await _answers(clients, name, place) for name, place in places]
    finally:
        resolver.close()
        await http.close()
        await db.close()


def _places(session: Session, current: Settings) -> list[tuple[str, Place]]:
    """The networks in use, each with where it is reached."""
    rows = session.execute(
        select(Account.platform, Account.server)
        .where(Account.status != "disconnected")
        .distinct()
        .order_by(Account.platform, Account.server)
    )
    found = []
    for platform, server in rows:
        spec = CONNECTORS[platform].spec
        found.append((spec.name, place_of(current, spec, server)))
    return found


async def _answers(clients: Clients, name: str, place: Place) -> Finding:
    """Any answer will do: it comes from the network, and that is the question."""
    url = place.url
    try:
        await clients.to(url, place).send(Request(method="GET", url=url))
    except (NeverSent, NeverAnswered) as trouble:
        advice = "Look at the connection, the firewall and the address."
        return problem(name, f"{url} cannot be reached: {trouble}", advice)
    return ok(name, f"{url} answers")
