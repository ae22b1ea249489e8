"""Allocation budgets: what a request may allocate once the gateway is warm. Raising one needs a line of why beside it."""

import pathlib
import shutil
import struct
import subprocess

import pytest

from harness import BINARY, Raw, chat_body, request_bytes

HERE = pathlib.Path(__file__).parent
IS_RELEASE = "release" in str(BINARY.resolve())
# scenario: (release, debug). A debug build boxes what a release build keeps in registers.
BUDGETS = {"hit": (10, 140), "refused": (15, 60), "miss": (125, 1400)}
REQUESTS = 400


@pytest.fixture
def counted(start_gateway, tmp_path, demo):
    compiler = shutil.which("clang") or shutil.which("cc")
    if not compiler:
        pytest.skip("no C compiler to build the counter with")
    library, counter = tmp_path / "count.so", tmp_path / "counter"
    subprocess.run([compiler, "-O1", "-shared", "-fPIC", "-o", library, HERE / "count_allocations.c"], check=True)
    counter.write_bytes(bytes(8))
    gateway = start_gateway({"loops": 1, "log": {"level": "warning"}, "limits": {"requests_per_connection_max": 100000}}, wait=False)
    gateway.stop()
    gateway.environment.update(LD_PRELOAD=str(library), WEIR_ALLOCATION_COUNTER=str(counter))
    gateway.start()
    gateway.environment.pop("LD_PRELOAD")
    return gateway, lambda: struct.unpack("<Q", counter.read_bytes())[0]


@pytest.mark.parametrize("scenario", BUDGETS)
def test_a_request_stays_within_its_allocation_budget(counted, text, scenario):
    gateway, count = counted
    key = gateway.create_key() if scenario != "refused" else "wk_" + "x" * 43
    wanted = 401 if scenario == "refused" else 200

    def ask(raw, index):
        content = f"{text} {index}" if scenario == "miss" else text
        raw.send(request_bytes(key=key, body=chat_body(content, "demo/demo-chat")))
        assert raw.read_response()[0] == wanted

    with Raw(gateway.data_address) as raw:
        for index in range(50):
            ask(raw, index)
        before = count()
        for index in range(50, 50 + REQUESTS):
            ask(raw, index)
        each = (count() - before) / REQUESTS
    print(f"{scenario}: {each:.1f} allocations a request")
    assert each <= BUDGETS[scenario][0 if IS_RELEASE else 1]
