"""What the doctor looks at of secrets: whether the keys open them, and who has which keys."""

from collections import Counter
from datetime import datetime, timedelta
from functools import partial
from typing import Final

from sqlalchemy.orm import Session

from oncue.accounts.holders import holders
from oncue.accounts.vault import Vault, VaultError, open_vault
from oncue.accounts.vault_check import check_vault, in_use
from oncue.cli.findings import Finding, ok, problem, warning
from oncue.db.database import Database
from oncue.settings import Settings

ROTATE: Final = "oncue keys rotate-secrets"


async def secrets(db: Database, current: Settings, now: datetime) -> list[Finding]:
    """Whether the keys at hand are the right ones, what they have sealed, and who else has them."""
    name = "vault"
    try:
        vault = open_vault(current.secret_keys, current.key_file)
    except VaultError as missing:
        return [problem(name, str(missing), "Put the right keys back from their backup.")]
    looks = (_words, _sealed, partial(_holders, now=now, beat=current.heartbeat))
    return [await db.read(partial(look, vault)) for look in looks]


def _words(vault: Vault, session: Session) -> Finding:
    name = "vault"
    try:
        check_vault(session, vault)
    except VaultError as wrong:
        return problem(name, str(wrong), "Put the right keys back from their backup.")
    return ok(name, f"the keys open it; {vault.current} seals")


def _sealed(vault: Vault, session: Session) -> Finding:
    """How many secrets are sealed with which key."""
    name, count = "sealed secrets", Counter[str]()
    for by_key in in_use(session).values():
        count.update(by_key)
    words = ", ".join(f"{number} with {key_id}" for key_id, number in count.most_common())
    if unknown := sorted(count.keys() - vault.keys.by_id.keys()):
        advice = "Put the key back from its backup; without it they have to be made anew."
        return warning(name, f"{words}; there is no key {', '.join(unknown)}", advice)
    if count.keys() - {vault.current}:
        return warning(name, words, f"{ROTATE} seals all of them with {vault.current}.")
    if vault.keys.unused:
        words = f"{words or 'none'}; nothing needs {', '.join(vault.keys.unused)}"
        return ok(name, words)
    return ok(name, words or "none")


def _holders(vault: Vault, session: Session, *, now: datetime, beat: timedelta) -> Finding:
    """Whether every running process seals with the key that this command would seal with."""
    name, there = "processes", holders(session, now, beat)
    current = vault.keys.told()[0]
    if others := [holder.name for holder in there if holder.current != current]:
        words = f"Sealing with another key than {vault.current}: {', '.join(others)}"
        return warning(name, words, "Restart them with the keys that this command has.")
    return ok(name, f"{len(there)} running, all with these keys" if there else "none is running")
