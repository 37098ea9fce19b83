import time, os
import pytest
from crash.conftest import on_postgres, world
from crash.test_workers import make_due, settled_by
@pytest.mark.timeout(300)
@pytest.mark.parametrize("hb", ["10","2"])
@pytest.mark.parametrize("n", [1,2])
def test_rate(on_postgres, hb, n):
    due = make_due(on_postgres, posts=5)
    t=time.time()
    ws=[on_postgres.start("worker", ONCUE_HEARTBEAT_SECONDS=hb) for _ in range(n)]
    last=0
    while time.time()-t<80:
        time.sleep(1)
        s=on_postgres.world.size()
        print(round(time.time()-t,1), s, os.getloadavg()[0], [settled_by(w) for w in ws],[w.says().count("run_overtaken") for w in ws],[w.says().count("orphans") for w in ws])
        if s==last and s>=due: break
        last=s
    on_postgres.processes, x = [], [p.kill() for p in on_postgres.processes]
