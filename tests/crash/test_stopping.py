"""SIGTERM: what runs is finished, or handed back for the next process to finish."""

from crash.site import EVERYWHERE, Site
from processes import eventually

LONGER_THAN_THE_GRACE = 30


def test_what_runs_is_finished_before_the_process_ends(site: Site) -> None:
    site.world.fault(kind="slow", seconds=3, times=4)
    site.publish("Slowly", site.connect(*EVERYWHERE))
    server = site.serve()
    eventually(lambda: site.in_doubt() == set(EVERYWHERE), "all four networks are asked")

    assert server.stop() == 0

    assert site.is_settled()
    assert site.verdict() == {"published": 4}


def test_what_takes_too_long_is_handed_back_and_finished_by_the_next(on_sqlite: Site) -> None:
    asked = {"MASTODON", "TELEGRAM"}
    on_sqlite.world.fault(kind="slow", seconds=LONGER_THAN_THE_GRACE, times=2)
    on_sqlite.publish("Very slowly", on_sqlite.connect(*asked))
    server = on_sqlite.serve()
    eventually(lambda: on_sqlite.in_doubt() == asked, "both networks are asked")

    assert server.stop() == 0
    assert not on_sqlite.is_settled()
    on_sqlite.serve()
    on_sqlite.until_settled()

    assert on_sqlite.verdict() == {"published": 1, "unknown": 1}
