"""An agent's callback is answered over HTTP, with the functions in one process and in processes of their own."""

import json

import httpx
import pytest
from server import Server

WAIT_LIMIT_S = 30
MESSAGE = {"message": {"messageId": "m1", "role": "ROLE_USER", "parts": [{"text": "go"}]}}


@pytest.mark.parametrize("options", [(), ("--processes",)])
def test_a_callback_is_answered_by_whoever_has_its_url(options):
    with Server("--memory", "--port", "0", "--agent", "approval", *options) as server:
        said, page = [], None
        headers = {"A2A-Version": "1.0"}
        url = server.url + "/message:stream"
        with httpx.stream("POST", url, json=MESSAGE, headers=headers, timeout=WAIT_LIMIT_S) as stream:
            for line in stream.iter_lines():
                if not line.startswith("data:"):
                    continue
                update = json.loads(line.removeprefix("data:")).get("statusUpdate", {})
                if not (message := update.get("status", {}).get("message")):
                    continue
                said.append(message["parts"][0]["text"])
                if page is None and said[-1].startswith(server.url + "/callbacks/"):
                    page = httpx.get(said[-1], timeout=WAIT_LIMIT_S)
                    form = {"decision": "approve", "comment": "grün"}
                    httpx.post(said[-1], data=form, timeout=WAIT_LIMIT_S).raise_for_status()
        assert page.status_code == 200 and "<form" in page.text
        assert page.headers["content-type"] == "text/html; charset=utf-8"
        assert json.loads(said[-1]) == {"decision": "approve", "comment": "grün"}
