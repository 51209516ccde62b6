"""Hostile tasks beside two well-behaved ones: these must not notice."""

from __future__ import annotations

import threading
from typing import Any

import pytest

from holdfast.sandbox.plan.policy import Policy
from kernel.linux.cells import Place, Task, one, python, shell

pytestmark = pytest.mark.kernel

STEADY = """
import time
for beat in range(30):
    with open('/tmp/beat', 'w') as f: f.write(str(beat))
    assert open('/tmp/beat').read() == str(beat)
    time.sleep(0.05)
print('steady')
"""

HOSTILE = {
    "fork bomb": Task(["bash", "-c", "b(){ b|b& };b; while true; do :; done"], wall_s=1.0),
    "flood": shell("cat /dev/zero", wall_s=1.0),
    "filler": shell("cat /dev/zero > /tmp/x; for i in $(seq 100000); do : > /tmp/$i; done", wall_s=1.0),
    "killer": python("import os\nfor i in range(100000):\n    try: os.kill(-1, 9)\n    except OSError: pass"),
    "daemons": shell("for i in 1 2 3 4 5 6 7 8; do (setsid sleep 99 &); done"),
    "sysv": shell("for i in $(seq 50); do ipcmk -M 1000000 >/dev/null; done"),
    "deaf": python("import signal, time\nsignal.signal(15, signal.SIG_IGN)\nwhile True: time.sleep(9)", wall_s=0.5),
}


@pytest.mark.parametrize("name", HOSTILE)
def test_two_bystanders_are_untouched_three_times(place: Place, name: str) -> None:
    if name == "fork bomb" and not place.host.counted:
        pytest.skip("the processes of the host's root are counted by a cgroup only")
    seen: list[dict[str, Any]] = []
    beside = [threading.Thread(target=lambda: seen.append(one(place, python(STEADY)))) for _ in range(2)]
    for each in beside:
        each.start()
    for _ in range(3):
        assert one(place, HOSTILE[name], Policy(pids=100, scratch_bytes=32 << 20))["broken"] is None
    for each in beside:
        each.join()
    assert [(each["status"], each["out"]) for each in seen] == [(0, "steady\n")] * 2
