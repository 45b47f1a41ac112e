"""The program `a2a-lambda`, and our client, call agents that are servers of the A2A SDK."""

import sys
from pathlib import Path

import pytest

from each_operation import check_operations
from program import Cutter, call, check_calls, check_resumes
from server import Server

AGENT = Path(__file__).with_name("remote.py")
CONFORMANCE = Path(__file__).with_name("remote_conformance.py")


@pytest.fixture(scope="module")
def remote():
    with Server(command=(sys.executable, AGENT)) as server:
        yield server.url


def test_the_card_is_shown(remote):
    shown = call("card", remote)
    assert shown.startswith("remote 1\nRepeats what you say\nspeaks JSONRPC 1.0 at http"), shown


def test_every_command_works(remote, binding):
    check_calls(remote, "--binding", binding)


def test_a_stream_that_is_cut_goes_on(binding):
    cutter = Cutter(0)
    with Server(cutter.url, command=(sys.executable, AGENT)) as server:
        cutter.upstream = int(server.port)
        check_resumes(cutter.url, cutter, "--binding", binding)


def test_the_client_has_every_operation(binding, hook):
    with Server(command=(sys.executable, CONFORMANCE)) as server:
        check_operations(server.url, binding, hook)


def test_every_operation_of_our_own_server_has_the_same_outcome(server, binding, hook):
    check_operations(server.url, binding, hook)
