import time, os, asyncio, cProfile, pstats, io
import pytest
from dataclasses import replace
from datetime import timedelta
from crash.conftest import on_postgres, world, on_sqlite
from crash.test_workers import make_due
from oncue.runtime import runtime
from installation import MASTER_KEY
@pytest.mark.timeout(300)
@pytest.mark.parametrize("which", ["on_postgres","on_sqlite"])
def test_prof(request, which):
    site = request.getfixturevalue(which)
    due = make_due(site, posts=4)
    s = replace(site.settings, secret_keys=MASTER_KEY, sandbox_url=site.world.url)
    async def run():
        async with runtime(s) as made:
            await made.worker.start()
            while site.world.size() < due: await asyncio.sleep(.5)
            await made.worker.stop()
    p=cProfile.Profile(time.process_time); t=time.process_time()
    p.enable(); asyncio.run(run()); p.disable()
    print(which, due, "cpu", time.process_time()-t)
    o=io.StringIO(); st=pstats.Stats(p,stream=o); st.sort_stats("cumtime").print_stats(90); print(o.getvalue())
