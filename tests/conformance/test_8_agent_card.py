"""Section 8: the agent card, where it is, what it declares, its signatures, its caching."""

import base64
import json
import re

import pytest

from client import CARD_PATH, Client
from errors import BINDINGS, HTTP_JSON, TASK_NOT_FOUND
from messages import INPUT_REQUIRED, message, unique
from shapes import problems


@pytest.fixture
def card_response(http, servers):
    return http.get(servers.url("conformance") + CARD_PATH)


def test_8_1_must_make_a_card_available(card_response):
    assert card_response.status_code == 200
    assert problems(card_response.json(), "AgentCard") == []


def test_8_2_is_at_the_well_known_uri(card_response):
    """For everybody, without credentials and without a version."""
    assert card_response.request.url.path == "/.well-known/agent-card.json"
    assert "authorization" not in card_response.request.headers
    media_type = card_response.headers["Content-Type"].partition(";")[0]
    assert media_type in ("application/json", "application/a2a+json")


def test_8_3_must_declare_its_protocols(card):
    served = card["supportedInterfaces"]
    assert {i["protocolBinding"] for i in served if i["protocolVersion"] == "1.0"} >= set(BINDINGS)


def test_8_3_1_should_declare_all_combinations_in_order(card):
    """The first is the one that is preferred, so it is of this version."""
    served = card["supportedInterfaces"]
    combinations = [(i["protocolBinding"], i["protocolVersion"], i["url"]) for i in served]
    assert len(set(combinations)) == len(combinations)
    assert served[0]["protocolVersion"] == "1.0"


def test_8_3_1_each_interface_must_be_what_it_says(http, card):
    """Each answers in the binding and the version that it declares, at the URL."""
    for interface in card["supportedInterfaces"]:
        if interface["protocolVersion"] != "1.0":
            continue
        client = Client(http, interface["url"], interface["protocolBinding"])
        client = client.as_caller(unique("caller"))
        # A client sends the tenant that is declared, if one is (section 8.3.2).
        tenant = {"tenant": interface["tenant"]} if "tenant" in interface else {}
        params = {"message": message(INPUT_REQUIRED)} | tenant
        task = client.call("SendMessage", params).ok()["task"]
        assert client.call("GetTask", {"id": task["id"]} | tenant).ok() == task


def test_8_3_1_interfaces_of_0_3_must_be_what_they_say(http, card):
    """A task that is not there, as that version says it: over HTTP its paths begin with `/v1`."""
    for interface in card["supportedInterfaces"]:
        if interface["protocolVersion"] != "0.3":
            continue
        client = Client(http, interface["url"], interface["protocolBinding"])
        client = client.as_caller(unique("caller")).with_headers(A2A_Version="0.3")
        if client.binding == HTTP_JSON:
            answer = client.http_call("GET", f"/v1/tasks/{unique('none')}")
            assert answer.response.status_code == TASK_NOT_FOUND.status
            assert answer.is_error
        else:
            answer = client.call("tasks/get", {"id": unique("none")})
            assert answer.error["code"] == TASK_NOT_FOUND.code


def b64url(text: str) -> bytes:
    """Decodes base64url as JWS has it: without padding."""
    assert re.fullmatch(r"[A-Za-z0-9_-]+", text)
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


def test_8_4_2_signatures_must_be_well_formed(card):
    """Signing is the deployer's choice: what is there must be right."""
    for signature in card.get("signatures", []):
        assert set(signature) <= {"protected", "signature", "header"}
        header = json.loads(b64url(signature["protected"]))
        assert header["alg"]
        assert header["alg"].lower() != "none"
        assert header["kid"]
        assert b64url(signature["signature"])
        assert isinstance(signature.get("header", {}), dict)


def test_8_4_2_signature_type_should_be_jose(card):
    for signature in card.get("signatures", []):
        assert json.loads(b64url(signature["protected"])).get("typ") == "JOSE"


def test_8_6_should_use_http_caching(http, servers, card_response):
    """A client that has the card already is told so, and is not sent it again."""
    url = servers.url("conformance") + CARD_PATH
    tag = card_response.headers["ETag"]
    for value in (tag, f'"other", {tag}'):
        again = http.get(url, headers={"If-None-Match": value})
        assert again.status_code == 304
        assert again.content == b""
        assert again.headers["ETag"] == tag
    assert http.get(url, headers={"If-None-Match": '"other"'}).status_code == 200


def test_8_6_should_answer_by_time_as_well(http, servers, card_response):
    url = servers.url("conformance") + CARD_PATH
    if modified := card_response.headers.get("Last-Modified"):
        again = http.get(url, headers={"If-Modified-Since": modified})
        assert again.status_code == 304


def test_8_6_1_should_have_a_max_age(card_response):
    assert re.search(r"(^|[ ,])max-age=\d+", card_response.headers["Cache-Control"])


def test_8_6_1_should_have_a_tag_of_the_content(http, servers, card_response):
    """The same for the same card, another for another."""
    tag = card_response.headers["ETag"]
    assert re.fullmatch(r'(W/)?"[^"]*"', tag)
    assert http.get(servers.url("conformance") + CARD_PATH).headers["ETag"] == tag
    assert http.get(servers.url("echo") + CARD_PATH).headers["ETag"] != tag
