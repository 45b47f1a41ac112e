"""The program `a2a-lambda` calls an agent that is a server of the A2A SDK."""

import sys
from pathlib import Path

import pytest

from program import Cutter, call, check_calls, check_resumes
from server import Server

AGENT = Path(__file__).with_name("remote.py")


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
