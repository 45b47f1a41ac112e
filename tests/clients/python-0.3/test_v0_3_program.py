"""The program `a2a-lambda`, and our client, call agents that know A2A 0.3 only."""

import sys
from pathlib import Path

import pytest

import each_operation
from each_operation import NO_LIST, check_operations
from program import Cutter, call, check_calls, check_resumes
from server import Server

AGENT = Path(__file__).with_name("remote_v0_3.py")
CONFORMANCE = Path(__file__).with_name("remote_conformance_v0_3.py")
# What the server of the SDK does not have.
LACKS = {
    "JSONRPC": NO_LIST,
    "HTTP+JSON": NO_LIST
    | {
        "push configs": "Internal",
        "the push config, removed": "the agent's server answers HTTP 405 without an error of A2A",
        "push configs that are left": "Internal",
    },
}


@pytest.fixture(scope="module")
def remote():
    with Server(command=(sys.executable, AGENT)) as server:
        yield server.url


def test_the_card_is_shown(remote):
    shown = call("card", remote)
    assert shown.startswith("remote 1\nRepeats what you say\nspeaks JSONRPC 0.3.0 at http"), shown


def test_every_command_works(remote, transport):
    check_calls(remote, "--binding", transport)


def test_a_stream_that_is_cut_goes_on(transport):
    cutter = Cutter(0)
    with Server(cutter.url, command=(sys.executable, AGENT)) as server:
        cutter.upstream = int(server.port)
        check_resumes(cutter.url, cutter, "--binding", transport)


def test_the_client_has_every_operation(transport, hook):
    # It has what the agents of both versions do.
    modules = str(Path(each_operation.__file__).parent)
    with Server(command=(sys.executable, CONFORMANCE), PYTHONPATH=modules) as server:
        check_operations(server.url, transport, hook, LACKS[transport])
