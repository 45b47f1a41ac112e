"""Sections 3.6 and 3.7: versions of the protocol; what messages and what artifacts are for."""

import re

import pytest

from errors import HTTP_JSON, METHOD_NOT_FOUND_CODE, VERSION_NOT_SUPPORTED
from messages import COMPLETE, INPUT_REQUIRED, TEXT, TEXT_OF_ARTIFACT, message, texts, unique

MAJOR_MINOR = re.compile(r"\d+\.\d+")


def test_3_6_patch_numbers_should_not_be_used(agent, card):
    for interface in card["supportedInterfaces"]:
        assert MAJOR_MINOR.fullmatch(interface["protocolVersion"])
    told = agent.send(message(COMPLETE)).response.headers.get("A2A-Version", "1.0")
    assert MAJOR_MINOR.fullmatch(told)


@pytest.mark.parametrize("version", ["1.0.0", "1.0.1", "1.0.77"])
def test_3_6_patch_numbers_must_not_be_considered(agent, version):
    agent.with_headers(A2A_Version=version).task(message(COMPLETE))


def test_3_6_1_version_may_be_a_request_parameter(agent):
    sent = agent.task(message(INPUT_REQUIRED))
    agent = agent.with_headers(A2A_Version=None)
    params = {"id": sent["id"]}
    if agent.binding == HTTP_JSON:
        target = f"/tasks/{sent['id']}?A2A-Version="
        assert agent.http_call("GET", target + "1.0").ok() == sent
        agent.http_call("GET", target + "9.9").refused_as(VERSION_NOT_SUPPORTED)
        return
    assert agent.call("GetTask", params, query="?A2A-Version=1.0").ok() == sent
    unknown = agent.call("GetTask", params, query="?A2A-Version=9.9")
    unknown.refused_as(VERSION_NOT_SUPPORTED)


def test_3_6_2_must_use_the_semantics_of_the_version(agent):
    """1.0 names states and roles as the proto does, and has no `kind`."""
    task = agent.with_headers(A2A_Version="1.0").task(message(COMPLETE))
    assert task["status"]["state"] == "TASK_STATE_COMPLETED"
    assert task["history"][0]["role"] == "ROLE_USER"
    assert "kind" not in task


@pytest.mark.parametrize("version", ["9.9", "2.0", "1.1", "0.1"])
def test_3_6_2_unsupported_version_must_be_refused(agent, version):
    unsupported = agent.with_headers(A2A_Version=version)
    unsupported.send(message(COMPLETE)).refused_as(VERSION_NOT_SUPPORTED)
    unsupported.call("GetTask", {"id": "t"}).refused_as(VERSION_NOT_SUPPORTED)
    assert agent.list()["totalSize"] == 0


@pytest.mark.parametrize("version", [None, "", "0.3"])
def test_3_6_2_empty_version_must_be_0_3(rpc, version):
    """The method of 0.3 is served in the shapes of 0.3, and that of 1.0 is unknown there."""
    old = rpc.with_headers(A2A_Version=version)
    params = {
        "message": {
            "kind": "message",
            "messageId": unique(COMPLETE),
            "role": "user",
            "parts": [{"kind": "text", "text": "hello"}],
        },
        "configuration": {"blocking": True},
    }
    task = old.call("message/send", params).ok()
    assert task["kind"] == "task"
    assert task["status"]["state"] == "completed"
    error = old.send(message(COMPLETE)).error
    assert error["code"] == METHOD_NOT_FOUND_CODE


@pytest.mark.parametrize("version", [None, ""])
def test_3_6_2_empty_version_must_not_be_1_0(agent, version):
    """Over both bindings: what only 1.0 has is not there for a client of 0.3."""
    assert agent.with_headers(A2A_Version=version).send(message(COMPLETE)).is_error
    assert agent.list()["totalSize"] == 0


def test_3_7_results_should_be_artifacts(agent):
    task = agent.task(message(TEXT))
    assert TEXT_OF_ARTIFACT in [texts(artifact["parts"]) for artifact in task["artifacts"]]


def test_3_7_messages_should_not_deliver_results(agent):
    task = agent.task(message(TEXT))
    said = [*task.get("history", []), task["status"].get("message", {"parts": []})]
    assert all(TEXT_OF_ARTIFACT not in texts(m["parts"]) for m in said)
