"""Hits among few and many stored entries, and of few and many tenants.

Filled through the gateway, one request for each entry; then a gateway with its defaults goes on with that data directory. Requests are spread
by chance over all entries, hence over all tenants' keys.
"""

import base64
import hashlib
import shutil

import servers

FIRST = 7_000_000_000_000_000  # the first entry's mark
TENANT_ENTRIES = 10_000
# Room for what a fill brings faster than it can be written; the gateways that are measured have the defaults.
FILLING = {"pending_entries_max": 1_000_000, "pending_bytes_max": "2GiB"}


def cache(**more):
    return {"cache": {"enabled": True, "ttl": "1d", "bytes_max": "6GiB", **more}}


def tenants(count):
    """Sections of the configuration and keys of so many tenants, all with the limits of the one that is always there."""
    if count == 1:
        return {}, [servers.KEY]
    keys = ["wk_" + base64.urlsafe_b64encode(hashlib.sha256(str(number).encode()).digest()).decode().rstrip("=") for number in range(count)]
    return {
        "tenants": {f"t{number}": {"limits": servers.LIMITS} for number in range(count)},
        "keys": {f"t{number}": {"tenant": f"t{number}", "key": servers.key_hash(key)} for number, key in enumerate(keys)},
    }, keys


class Variant:
    """A gateway with so many entries of so many tenants."""

    def __init__(self, bench, name, entries, tenant_count):
        self.bench, self.name, self.entries = bench, name, entries
        self.sections, keys = tenants(tenant_count)
        self.keys = bench.folder / f"keys-{tenant_count}"
        self.keys.write_text("\n".join(keys) + "\n")
        self.data = bench.folder / f"filled-{name}"

    def spawn(self, who, **more):
        return self.bench.weir(who, more={**self.sections, **cache(**more)}, data=self.data)

    def marks(self, order):
        return {"order": order, "first": FIRST, "count": self.entries, "keys": self.keys}

    def fill(self):
        shutil.rmtree(self.data, ignore_errors=True)
        gateway = self.spawn("weir fill", **FILLING).wait_ready()
        try:
            self.bench.load_until(gateway, self.entries, **self.marks("sequence"))
        finally:
            gateway.stop()
        return self

    def start(self):
        self.server = self.spawn(f"weir {self.name}").wait_ready()
        return self

    def load(self, connections, seconds):
        """One run, of which at most one request in a thousand may be no hit."""
        before = self.server.admin_get("/stats")["counters"]
        result = self.bench.load(self.server, connections, seconds, **self.marks("random"))
        after = self.server.admin_get("/stats")["counters"]
        misses = after.get("cache_misses", 0) - before.get("cache_misses", 0)
        if misses > result["requests"] / 1000:
            raise RuntimeError(f"{self.name}: {misses} of {result['requests']} requests were no hits")
        return result


def compare(bench, variants):
    for variant in variants:
        variant.load(8, 2)  # what was stored is in the page cache, but not in the gateway's address space
    for connections, seconds in ((8, bench.options.seconds), (1, 1)):
        found, direct = {variant.name: [] for variant in variants}, []
        for number in range(bench.options.rounds):
            if connections == 1:
                direct.append(bench.load(bench.upstream, 1, 1))
            for variant in variants:
                result = variant.load(connections, seconds)
                found[variant.name].append(result)
                bench.say(
                    f"  {variant.name:20} c={connections} round {number + 1} {result['cpu_us']:8.1f} CPU-µs {result['rps']:9.0f}/s"
                    f" p50 {result['p50']} p99 {result['p99']} µs")
        for variant in variants:
            results = found[variant.name]
            if connections == 8:
                bench.row(variant.name, "weir", "cpu_us", "µs", [result["cpu_us"] for result in results], 250, 8, entries=variant.entries)
            else:
                for name in ("p50", "p99"):
                    added = [one[name] - two[name] for one, two in zip(results, direct)]
                    bench.row(variant.name, "weir", f"added_{name}_us", "µs", added, 250, 1, entries=variant.entries)


def million(bench):
    """The variant with a million entries, filled once a run."""
    if not hasattr(bench, "million"):
        bench.million = Variant(bench, "scale-1m", bench.options.million, 1).fill()
    return bench.million


def run(bench):
    if bench.options.million < 1_000_000:
        bench.skipped.append(f"scale-1m had {bench.options.million} entries")
    by_entries = [Variant(bench, "scale-1k", 1000, 1), Variant(bench, "scale-100k", min(100_000, bench.options.million), 1)]
    by_tenants = [Variant(bench, "scale-1-tenant", TENANT_ENTRIES, 1), Variant(bench, "scale-10000-tenants", TENANT_ENTRIES, 10_000)]
    for variants in (by_entries, by_tenants):
        started = []
        try:
            for variant in variants:
                started.append(variant.fill().start())
            if variants is by_entries:
                started.append(million(bench).start())
            compare(bench, started)
        finally:
            for variant in started:
                variant.server.stop()
