"""Server-Sent Events, read as the WHATWG specification of `text/event-stream` says."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field


@dataclass
class SseEvent:
    data: str
    # The id that a client sends as `Last-Event-ID` to go on after this event.
    id: str
    fields: set[str] = field(default_factory=set)


def lines(chunks: Iterable[bytes]) -> Iterator[str]:
    """The lines of the stream, which end with CR LF, LF or CR; what is unfinished is dropped."""
    rest = b""
    for chunk in chunks:
        rest += chunk
        # A CR at the end may be the first half of CR LF, so it waits for the next chunk.
        held = rest.endswith(b"\r")
        text = (rest[:-1] if held else rest).replace(b"\r\n", b"\n").replace(b"\r", b"\n")
        *whole, tail = text.split(b"\n")
        rest = tail + (b"\r" if held else b"")
        for line in whole:
            yield line.decode("utf-8")


def events(chunks: Iterable[bytes]) -> Iterator[SseEvent]:
    data, fields, last_id = [], set(), ""
    for line in lines(chunks):
        if line == "":
            # An empty line ends the event; without data there is none.
            if data:
                yield SseEvent("\n".join(data), last_id, fields)
            data, fields = [], set()
            continue
        if line.startswith(":"):
            # A comment, which keeps the connection open.
            continue
        name, _, value = line.partition(":")
        value = value.removeprefix(" ")
        fields.add(name)
        if name == "data":
            data.append(value)
        elif name == "id" and "\0" not in value:
            last_id = value
