"""Limits go by the monotonic clock: what is done to the wall clock refills nothing, and a process that stood still gets one burst (K3, K4)."""

import pathlib
import shutil
import signal
import struct
import subprocess
import time

import pytest

from harness import Raw, chat_body, request_bytes
from limit_fields import assert_limited, look, statuses

HERE = pathlib.Path(__file__).parent
LIMITS = {
    "requests": "10/400d", "tokens": "100000/400d", "cost": "5/400d",
    "budgets": [{"requests": 100, "per": "hour"}, {"tokens": 50000, "per": "month"}, {"cost": 2, "per": "1h"}],
}
HOUR = 3600
YEAR = 365 * 86_400
JUMPS = [-HOUR, HOUR, 24 * HOUR, 10 * YEAR, -10 * YEAR, 0.0004, 0]


@pytest.fixture
def shifted(start_gateway, tmp_path):
    """A gateway, and what moves its wall clock to so many seconds off."""
    compiler = shutil.which("clang") or shutil.which("cc")
    if not compiler:
        pytest.skip("no C compiler to build the clock with")
    library, offset = tmp_path / "clock.so", tmp_path / "offset"
    subprocess.run([compiler, "-O1", "-shared", "-fPIC", "-o", library, HERE / "shift_wall_clock.c"], check=True)
    offset.write_bytes(bytes(8))
    gateway = start_gateway(wait=False)
    gateway.stop()
    gateway.environment.update(LD_PRELOAD=str(library), WEIR_WALL_CLOCK_OFFSET=str(offset))
    gateway.start()

    def shift(seconds):
        # In place: a file made anew would not be the one that is mapped.
        with open(offset, "r+b") as file:
            file.write(struct.pack("<q", round(seconds * 1e9)))

    return gateway, shift


def remaining(gateway, key):
    return {name: state["r"] for name, state in look(gateway, key).items()}


def test_a_jump_of_the_wall_clock_refills_nothing_and_locks_nothing(shifted, text):
    """K3."""
    gateway, shift = shifted
    key = gateway.issue(limits=LIMITS)["key"]
    left = remaining(gateway, key)
    years = set()
    for number, jump in enumerate(JUMPS):
        shift(jump)
        # Longer than a loop keeps the time that it tells.
        time.sleep(1.1)
        answer = gateway.chat(key, f"{text} {number}", max_tokens=20)
        assert answer.status_code == 200, (jump, answer.text)
        years.add(answer.headers["date"][12:16])
        now = remaining(gateway, key)
        assert all(now[name] < left[name] for name in left), (jump, left, now)
        assert now["key-requests"] == 10 - number - 1
        left = now
    # The jumps were seen: it is the limits that do not go by them.
    assert len(years) == 3
    for number in range(3):
        assert gateway.chat(key, f"{text} more {number}", max_tokens=20).status_code == 200
    assert_limited(gateway.chat(key, text + " last", max_tokens=20))


def test_a_process_that_stood_still_admits_one_burst(gateway, text):
    """K4."""
    key = gateway.issue(limits={"requests": {"rate": 5, "per": "5s", "burst": 5}})["key"]
    for number in range(5):
        assert gateway.chat(key, f"{text} {number}").status_code == 200
    raws = [Raw(gateway.data_address) for _ in range(40)]
    gateway.process.signal(signal.SIGSTOP)
    try:
        time.sleep(6)
        for number, raw in enumerate(raws):
            raw.send(request_bytes(key=key, body=chat_body(f"{text} after {number}")))
    finally:
        resumed = time.monotonic()
        gateway.process.signal(signal.SIGCONT)
    answers = [raw.read_response(30) for raw in raws]
    took = time.monotonic() - resumed
    for raw in raws:
        raw.socket.close()
    admitted = statuses(answers).count(200)
    assert 5 <= admitted <= 5 + took, (admitted, took)
