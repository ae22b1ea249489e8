"""Start, reload, drain, stop, overload (groups M and N)."""

import concurrent.futures
import os
import signal
import socket
import subprocess
import threading
import time

import httpx
import pytest

from harness import BINARY, ROOT, Raw, assert_hit, chat_body, descriptors, free_port, request_bytes, resident_bytes, unique, wait_until


class Load:
    """Clients that ask without a pause and count what fails."""

    def __init__(self, gateway, key, clients=4, prefix=None):
        self.gateway, self.key, self.prefix = gateway, key, prefix or unique("load")
        self.stop_wanted = threading.Event()
        self.done, self.failures = 0, []
        self.threads = [threading.Thread(target=self._run, args=[number]) for number in range(clients)]

    def __enter__(self):
        for thread in self.threads:
            thread.start()
        return self

    def __exit__(self, *_):
        self.stop_wanted.set()
        for thread in self.threads:
            thread.join()

    def _run(self, number):
        with httpx.Client(base_url=self.gateway.url, timeout=10, trust_env=False) as client:
            count = 0
            while not self.stop_wanted.is_set():
                count += 1
                # Every second request is new, so that hits and misses mix.
                text = f"{self.prefix} {number} {count // 2}"
                try:
                    response = client.post(
                        "/v1/chat/completions", content=chat_body(text, "plain", stream=count % 3 == 0),
                        headers={"Authorization": f"Bearer {self.key}"})
                    if response.status_code != 200:
                        self.failures.append(f"{response.status_code} {response.text[:200]}")
                except httpx.HTTPError as error:
                    self.failures.append(repr(error))
                self.done += 1


@pytest.mark.parametrize("how", ["SIGHUP", "admin"])
def test_reloads_under_load_fail_no_request(start_gateway, how):
    """M3."""
    gateway = start_gateway()
    key = gateway.create_key()
    with Load(gateway, key) as load:
        wait_until(lambda: load.done > 20, what="some load")
        before = descriptors(gateway.process.pid), resident_bytes(gateway.process.pid)
        for number in range(20):
            gateway.config["routes"][f"extra-{number}"] = "demo/demo-chat"
            gateway.write_config()
            if how == "SIGHUP":
                gateway.process.signal(signal.SIGHUP)
                time.sleep(0.05)
            else:
                assert gateway.admin("POST", "/config/reload").status_code == 200
    assert load.failures == [] and load.done > 50
    wait_until(lambda: gateway.chat(key, unique(), "extra-19").status_code == 200, 3, "the last reload")
    assert descriptors(gateway.process.pid) <= before[0] + 5
    assert resident_bytes(gateway.process.pid) - before[1] < 16 << 20


@pytest.mark.parametrize("defect, field", [
    ({"nonsense": 1}, "nonsense"), ({"listen": {"data": "nowhere"}}, "data"), ({"cache": {"ttl": "soon"}}, "ttl"), ({"cache": {"ttl": -1}}, "ttl"),
    ({"routes": {"x": "nowhere/model"}}, "nowhere"), ({"provider_credentials": {"demo": "env:NOT_SET_ANYWHERE"}}, "NOT_SET_ANYWHERE"),
    ({"routes": {"v1": "demo/demo-chat"}}, "v1"), ({"version": 2}, "version"),
], ids=str)
def test_a_bad_configuration_is_status_2_and_one_clear_line(start_gateway, defect, field):
    """M1."""
    gateway = start_gateway(defect, wait=False)
    assert gateway.process.wait(15) == 2
    said = gateway.process.text()
    assert "weir.yaml" in said and field in said
    checked = gateway.command("check-config", "--config", gateway.config_file)
    assert checked.status == 2 and field in checked.err + checked.out


def test_a_syntax_error_names_its_line(start_gateway):
    gateway = start_gateway(wait=False)
    gateway.stop()
    gateway.config_file.write_text("version: 1\nlisten:\n  data: [1\n")
    result = gateway.command("check-config", "--config", gateway.config_file)
    assert result.status == 2 and "weir.yaml:" in result.err + result.out


def test_a_failed_reload_keeps_the_old_configuration(start_gateway):
    """M2."""
    gateway = start_gateway()
    key = gateway.create_key()
    good = dict(gateway.config)
    gateway.config = {**good, "cache": {"ttl": "soon"}}
    response = gateway.reload()
    assert response.status_code in (400, 422) and "ttl" in response.text
    assert gateway.chat(key, unique(), "plain").status_code == 200
    gateway.process.signal(signal.SIGHUP)
    time.sleep(0.2)
    assert gateway.process.is_running() and gateway.chat(key, unique(), "plain").status_code == 200
    gateway.config = good
    assert gateway.reload().status_code == 200


def test_a_provider_taken_out_is_refused_and_what_runs_finishes(start_gateway, demo, text):
    """M4."""
    gateway, name = start_gateway(), unique("w")
    key = gateway.create_key()
    with concurrent.futures.ThreadPoolExecutor() as pool:
        running = pool.submit(gateway.chat, key, text, f"other/demo-wait-{name}")
        demo.wait_for_waiting(name)
        del gateway.config["providers"]["other"], gateway.config["provider_credentials"]["other"]
        assert gateway.reload().status_code == 200
        assert gateway.chat(key, text + " new", "other/demo-chat").status_code == 404
        demo.release(name)
        assert running.result().status_code == 200


def test_a_storm_of_signals_is_survived(start_gateway):
    """M11, N11."""
    gateway = start_gateway()
    key = gateway.create_key()
    with Load(gateway, key, clients=2) as load:
        for _ in range(100):
            gateway.process.signal(signal.SIGHUP)
            time.sleep(0.002)
        gateway.process.signal(signal.SIGPIPE)
        gateway.process.signal(signal.SIGCHLD)
        time.sleep(0.3)
    assert load.failures == [] and gateway.process.is_running()


def test_an_entry_of_a_route_ends_when_the_route_is_pointed_elsewhere(start_gateway, text):
    """F14."""
    gateway = start_gateway()
    key = gateway.create_key()
    gateway.chat(key, text, "plain")
    assert_hit(gateway.chat(key, text, "plain"))
    gateway.config["routes"]["plain"] = "demo/demo-reasoning"
    assert gateway.reload().status_code == 200
    answer = gateway.chat(key, text, "plain")
    assert answer.headers["cache-status"] == "weir; fwd=miss; stored" and answer.headers["cf-aig-model"] == "demo-reasoning"


# Drain


def test_drain_finishes_what_runs_and_refuses_what_comes(start_gateway, demo, text):
    """M6 in small: 20 requests and 20 streams."""
    gateway, name = start_gateway({"drain": {"announce_delay": "500ms", "deadline": "10s"}}), unique("w")
    key = gateway.create_key()
    raws = []
    for index in range(40):
        stream = index % 2 == 0
        raw = Raw(gateway.data_address)
        model = f"demo/demo-wait-stream-{name}" if stream else f"demo/demo-wait-{name}"
        raw.send(request_bytes(key=key, body=chat_body(f"{text} {index}", model, stream=stream)))
        raws.append(raw)
    demo.wait_for_waiting(name, 40)
    with Raw(gateway.data_address) as idle:
        idle.send(request_bytes("GET", "/readyz"))
        assert idle.read_response()[0] == 200
        gateway.process.signal(signal.SIGTERM)
        # During the announcement connections are still taken, and readiness says no.
        wait_until(lambda: httpx.get(gateway.url + "/readyz", trust_env=False).status_code == 503, 0.4, "readiness turning false")
        late = httpx.post(
            gateway.url + "/v1/chat/completions", content=chat_body(text + " late"), headers={"Authorization": f"Bearer {key}"}, trust_env=False)
        assert late.status_code in (200, 503)
        if late.status_code == 503:
            assert late.headers["retry-after"]
    time.sleep(0.7)
    assert gateway.process.is_running()
    demo.release(name)
    for index, raw in enumerate(raws):
        status, headers, body = raw.read_response()
        assert status == 200
        assert (b"[DONE]" if index % 2 == 0 else f"{text} {index} (".encode()) in body
        raw.socket.close()
    assert gateway.process.wait(5) == 0


def test_the_drain_deadline_is_kept_and_streams_hear_of_it(start_gateway, demo, text):
    """M7, B12."""
    gateway = start_gateway({"drain": {"deadline": "1s"}})
    key = gateway.create_key()
    with Raw(gateway.data_address) as raw, Raw(gateway.data_address, receive_buffer=4096) as stuck:
        raw.send(request_bytes(key=key, body=chat_body(text, "demo/demo-stall-stream", stream=True)))
        raw.read(b"data: ", 5)
        stuck.send(request_bytes(key=key, body=chat_body(text, "demo/demo-big-5000000", stream=True)))
        stuck.read(b"data: ", 5)
        begun = time.monotonic()
        gateway.process.signal(signal.SIGTERM)
        data = raw.read(seconds=5)
        assert raw.is_closed and b"error" in data and b"[DONE]" not in data
        assert gateway.process.wait(8) in (0, 143)
        assert time.monotonic() - begun < 4


def test_a_second_signal_ends_at_once(start_gateway, text):
    gateway = start_gateway({"drain": {"deadline": "20s"}})
    key = gateway.create_key()
    with Raw(gateway.data_address) as raw:
        raw.send(request_bytes(key=key, body=chat_body(text, "demo/demo-hang")))
        time.sleep(0.2)
        gateway.process.signal(signal.SIGTERM)
        time.sleep(0.3)
        assert gateway.process.is_running()
        gateway.process.signal(signal.SIGTERM)
        assert gateway.process.wait(5) in (0, 143)


def test_what_was_stored_before_a_drain_is_there_afterwards(start_gateway, text):
    gateway = start_gateway()
    key = gateway.create_key()
    gateway.chat(key, text)
    gateway.stop()  # at once: the write-behind queue is flushed
    gateway.start()
    assert_hit(gateway.chat(key, text))


# Starting


def test_a_taken_port_is_a_clear_error(start_gateway):
    """M9."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        address = "127.0.0.1:{}".format(taken.getsockname()[1])
        gateway = start_gateway({"listen": {"data": address}}, wait=False)
        assert gateway.process.wait(15) not in (0, None)
        assert address in gateway.process.text()


def test_no_upstream_at_start_is_no_obstacle(start_gateway):
    gateway = start_gateway({"providers": {"demo": {"url": f"http://127.0.0.1:{free_port()}"}}})
    assert gateway.client.get("/readyz").status_code == 200


def test_the_first_start_makes_its_secrets_for_the_owner_only(start_gateway):
    gateway = start_gateway({"demo": {"enabled": True}})
    for name in ("admin.token", "demo.key"):
        mode = (gateway.data / name).stat().st_mode & 0o777
        assert mode == 0o600, f"{name}: {mode:o}"
    assert len(gateway.admin_token) >= 32
    key = (gateway.data / "demo.key").read_text().strip()
    assert gateway.chat(key, unique()).status_code == 200
    for file in gateway.data.rglob("*"):
        assert file.stat().st_mode & 0o077 == 0, f"{file} is open to others"
    token = gateway.admin_token
    gateway.stop()
    gateway.start()
    assert gateway.admin_token == token and (gateway.data / "demo.key").read_text().strip() == key


def test_the_open_file_limit_is_raised_to_the_hard_limit(gateway):
    for line in open(f"/proc/{gateway.process.pid}/limits"):
        if line.startswith("Max open files"):
            _, _, _, soft, hard, *_ = line.split()
            assert soft == hard


def test_no_core_file_can_hold_a_secret(gateway):
    """Q2."""
    for line in open(f"/proc/{gateway.process.pid}/limits"):
        if line.startswith("Max core file size"):
            assert line.split()[4] == "0"


def test_idle_memory_is_small(start_gateway):
    if "debug" in str(BINARY) or "san" in str(BINARY):
        pytest.skip("a debug binary's memory tells nothing")
    gateway = start_gateway()
    time.sleep(0.5)
    anonymous = sum(int(line.split()[1]) for line in open(f"/proc/{gateway.process.pid}/status") if line.startswith("RssAnon"))
    assert anonymous <= 25 * 1024


# Overload


def test_above_the_limit_requests_are_turned_away_and_hits_are_not(start_gateway, demo, text):
    gateway = start_gateway({"overload": {"in_flight_max": 10, "in_flight_per_tenant_max": 100, "queue_max": 0, "hits_reserve_percent": 20}})
    key = gateway.create_key()
    gateway.chat(key, text)
    raws = []
    for index in range(20):
        raw = Raw(gateway.data_address)
        raw.send(request_bytes(key=key, body=chat_body(f"{text} {index}", "demo/demo-hang")))
        raws.append(raw)
    time.sleep(0.5)
    begun = time.monotonic()
    refused = gateway.chat(key, text + " more", "demo/demo-chat")
    assert refused.status_code == 503 and int(refused.headers["retry-after"]) >= 1 and refused.json()["error"]["code"]
    assert time.monotonic() - begun < 0.5
    assert_hit(gateway.chat(key, text))
    assert gateway.client.get("/healthz").status_code == 200
    assert gateway.admin("GET", "/keys").status_code == 200
    for raw in raws:
        raw.reset()
    wait_until(lambda: gateway.chat(key, text + " after").status_code == 200, 3, "recovery")


def test_one_tenant_s_flood_leaves_the_others_served(start_gateway, demo, text):
    gateway = start_gateway({"overload": {"in_flight_per_tenant_max": 5, "queue_per_tenant_max": 0}})
    loud, quiet = gateway.create_key(), gateway.create_key()
    raws = []
    for index in range(5):
        raw = Raw(gateway.data_address)
        raw.send(request_bytes(key=loud, body=chat_body(f"{text} {index}", "demo/demo-hang")))
        raws.append(raw)
    wait_until(lambda: demo.calls(text) == 5, what="five in flight")
    assert gateway.chat(loud, text + " six").status_code in (429, 503)
    assert gateway.chat(quiet, text + " other").status_code == 200
    for raw in raws:
        raw.reset()


# Hardening


def test_the_unit_file_is_tight():
    """T6."""
    unit = ROOT / "config" / "weir.service"
    text = unit.read_text()
    for line in ("NoNewPrivileges=yes", "ProtectSystem=strict", "PrivateTmp=yes", "MemoryDenyWriteExecute=yes",
                 "RestrictAddressFamilies=AF_INET AF_INET6 AF_UNIX", "SystemCallFilter=@system-service", "LimitCORE=0"):
        assert line in text.splitlines()
    if not any(os.access(os.path.join(folder, "systemd-analyze"), os.X_OK) for folder in os.environ["PATH"].split(":")):
        pytest.skip("systemd-analyze is not installed")
    said = subprocess.run(["systemd-analyze", "security", "--offline=true", str(unit)], capture_output=True, text=True)
    if "exposure level" not in said.stdout:
        pytest.skip("systemd-analyze can't check a unit file here")
    level = float(said.stdout.split("exposure level for")[1].split(":")[1].split()[0])
    assert level <= 2.0
