"""Streams without an SDK: the official ones leave `Last-Event-ID` to their callers."""

import json
from contextlib import asynccontextmanager
from dataclasses import dataclass
from uuid import uuid4

VERSION = {"A2A-Version": "1.0"}
TERMINAL = {"TASK_STATE_COMPLETED", "TASK_STATE_CANCELED", "TASK_STATE_FAILED"}


@dataclass(frozen=True)
class Event:
    id: str
    # A StreamResponse as JSON.
    data: dict

    @property
    def is_last(self) -> bool:
        update = self.data.get("statusUpdate", {})
        return update.get("status", {}).get("state") in TERMINAL


def text_of(events: list[Event]) -> str:
    """What the artifact says in the end: a chunk that does not append begins it anew."""
    text = ""
    for event in events:
        if chunk := event.data.get("artifactUpdate"):
            said = "".join(part["text"] for part in chunk["artifact"]["parts"])
            text = text + said if chunk.get("append") else said
    return text


class Refused(Exception):
    """The server answered with an error in place of a stream."""


class Raw:
    """Opens streams over one of the bindings."""

    def __init__(self, http, url: str, binding: str):
        self.http = http
        self.url = url
        self.is_json_rpc = binding == "JSONRPC"

    def send(self, behaviour: str, task_id: str = ""):
        message = {
            "taskId": task_id,
            "messageId": f"{behaviour}-{uuid4()}",
            "role": "ROLE_USER",
            "parts": [{"text": "hello"}],
        }
        return self.open("SendStreamingMessage", "POST", "/message:stream", {"message": message})

    def subscribe(self, task_id: str, after: str):
        """Goes on behind an event."""
        path = f"/tasks/{task_id}:subscribe"
        return self.open("SubscribeToTask", "GET", path, {"id": task_id}, {"Last-Event-ID": after})

    @asynccontextmanager
    async def open(self, method: str, verb: str, path: str, params: dict, headers: dict = {}):
        """The events as they come; leaving it closes the connection."""
        request_id = str(uuid4())
        if self.is_json_rpc:
            call = {"jsonrpc": "2.0", "id": request_id, "method": method, "params": params}
            verb, path, body = "POST", "/", call
        else:
            body = params if verb == "POST" else None
        headers = VERSION | headers
        url = self.url + path
        async with self.http.stream(verb, url, json=body, headers=headers) as response:
            if response.headers["content-type"] != "text/event-stream":
                raise Refused((await response.aread()).decode())
            yield self.events(response, request_id)

    async def events(self, response, request_id: str):
        event_id = ""
        async for line in response.aiter_lines():
            name, _, value = line.partition(": ")
            if name == "id":
                event_id = value
            elif name == "data":
                data = json.loads(value)
                if self.is_json_rpc:
                    assert data["id"] == request_id
                    data = data["result"]
                yield Event(event_id, data)


async def collect(stream) -> list[Event]:
    async with stream as events:
        return [event async for event in events]
