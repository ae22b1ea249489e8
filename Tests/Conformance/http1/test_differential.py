"""HTTP1 beside h11 and llhttp, on seeded requests.

What is asserted: whatever HTTP1 reads as a request, the peer reads too, and alike in method, target, fields and body. Where HTTP1 refuses
and the peer does not, the refusal must be one of those listed for that peer: its known leniencies.
"""

import collections
import json
import os
import random
import struct
import subprocess

import pytest

import generate
import peers

SEED = int(os.environ.get("WEIR_HTTP1_SEED", "1"))
COUNT = int(os.environ.get("WEIR_HTTP1_COUNT", "30000"))

# What we refuse and the peer reads. First what is no question of framing: methods not served, what a gateway must not be asked, hosts and
# targets that neither peer looks into.
NOT_FRAMING = {
    "method_not_allowed", "unknown_method", "http_version_not_supported", "invalid_target", "invalid_host", "host_mismatch",
    "invalid_connection_option", "protected_connection_option", "upgrade_not_supported", "unsupported_expectation",
}
LENIENCIES = {
    "h11": NOT_FRAMING | {
        "invalid_line_ending",  # LF for CRLF
        "obsolete_line_folding",  # unfolds
        "invalid_field_value",  # takes control bytes other than NUL, LF and CR
        "invalid_content_length",  # `5, 5`, `05`
        "repeated_content_length",  # if they are equal
        "content_length_with_transfer_encoding",  # Transfer-Encoding wins
        "invalid_transfer_encoding",  # blanks after `chunked`
        "transfer_encoding_on_http10",
        "invalid_chunk",  # spaces after the size, more than 16 digits, anything as an extension
        "invalid_trailer",  # LF for CRLF, unfolds
    },
    "llhttp": NOT_FRAMING | {
        "malformed_request_line",  # any number of empty lines first
        "invalid_line_ending",  # LF as an empty line before a request
        "missing_host",
        "repeated_host",
        "invalid_content_length",  # `05`
        "invalid_transfer_encoding",  # codings before `chunked`, space after it
        "unsupported_transfer_encoding",
        "transfer_encoding_on_http10",
        "invalid_chunk",  # more than 16 digits, empty extensions, blanks in them
    },
}
PEERS = {"h11": peers.read_h11, "llhttp": peers.read_llhttp}


def verdicts(streams):
    """What HTTP1 makes of each stream, checked by the program itself to be the same in pieces."""
    program = os.environ["WEIR_HTTP1_VERDICTS"]
    packed = b"".join(struct.pack(">I", len(data)) + data for data in streams)
    done = subprocess.run([program], input=packed, capture_output=True, timeout=300)
    assert done.returncode == 0, done.stderr.decode()
    lines = done.stdout.splitlines()
    assert len(lines) == len(streams)
    return [json.loads(line) for line in lines]


def ours(request):
    fields = [peers.canonical(bytes.fromhex(name), bytes.fromhex(value)) for name, value in request["fields"]]
    return peers.Request(
        request["method"].encode(), bytes.fromhex(request["target"]), request["http10"], fields, bytes.fromhex(request["body"]), request["complete"]
    )


def reads_on(verdict, reading):
    """Whether the peer reads a whole request where HTTP1 refused one."""
    mine = sum(request["complete"] for request in verdict["requests"])
    return verdict["refusal"] is not None and sum(request.complete for request in reading.requests) > mine


def disagreement(verdict, reading):
    """What the peer does not read as HTTP1 does, or None."""
    for index, raw in enumerate(verdict["requests"]):
        mine = ours(raw)
        if index >= len(reading.requests):
            return None if reading.stopped else f"request {index} is not read: {reading.error}"
        theirs = reading.requests[index]
        if (mine.method, mine.target, mine.http10, mine.fields) != (theirs.method, theirs.target, theirs.http10, theirs.fields):
            return f"request {index}: {mine} is read as {theirs}"
        whole = theirs.complete or reading.stopped
        if not theirs.body.startswith(mine.body) or (mine.complete and (mine.body != theirs.body or not whole)):
            return f"request {index}: body {mine.body!r} is read as {theirs.body!r} ({reading.error})"
        if not raw["keeps_alive"]:
            return None
    return None


@pytest.fixture(scope="module")
def corpus():
    streams = list(generate.streams(random.Random(SEED), COUNT))
    return list(zip(streams, verdicts(streams)))


@pytest.mark.parametrize("peer", PEERS)
def test_what_we_accept_the_peer_reads_alike(peer, corpus):
    compared = 0
    for data, verdict in corpus:
        if verdict["requests"]:
            compared += 1
            assert disagreement(verdict, PEERS[peer](data)) is None, data
    # A generator that stopped making acceptable requests would make this test pass.
    assert compared > COUNT // 4


@pytest.mark.parametrize("peer", PEERS)
def test_what_we_refuse_and_the_peer_accepts_is_a_known_leniency(peer, corpus):
    lenient = collections.Counter()
    for data, verdict in corpus:
        if reads_on(verdict, PEERS[peer](data)):
            lenient[verdict["refusal"]] += 1
            assert verdict["refusal"] in LENIENCIES[peer], data
    print(peer, "is lenient:", dict(lenient.most_common()))
    assert lenient


def test_plain_requests_are_read_as_they_were_made():
    made = [generate.plain(random.Random(f"{SEED} {index}")) for index in range(COUNT // 6)]
    for (data, method, target, fields, body), verdict in zip(made, verdicts([data for data, *_ in made])):
        wanted = peers.Request(method, target, False, [peers.canonical(*field) for field in fields], body, True)
        assert verdict["refusal"] is None, (verdict["refusal"], data)
        assert [ours(request) for request in verdict["requests"]] == [wanted], data
        for read in PEERS.values():
            assert read(data).requests == [wanted], data
