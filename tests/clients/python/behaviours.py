"""What the conformance agent does, for the agents of other makes that do the same, in the words of no SDK:
by the prefix of the message's id, or of its first text. The longest that matches counts."""

LONG_S = 3
UNTIL_CANCELED_S = 60

# An artifact of text, bytes, a URL or data.
FILE = {"filename": "output.txt", "media_type": "text/plain"}


def output(**part):
    return ("artifact", part, {})


def chunk(text: str, **update):
    return ("artifact", {"text": text}, {"artifact_id": "chunked", "name": "chunked"} | update)


# One list of steps a turn.
BEHAVIOURS = {
    "tck-complete-task": [[("completed", "Hello from TCK")]],
    "tck-input-required": [[("input_required", "Please go on.")]] * 9,
    "tck-auth-required": [
        [("auth_required", "Please sign in, and send another message.")],
        [("completed", "Signed in")],
    ],
    "tck-multi-turn": [
        [("input_required", "What is answer 1?")],
        [("input_required", "What is answer 2?")],
        [("completed", "All questions are answered")],
    ],
    "tck-artifact-text": [[output(text="Generated text content"), ("completed", None)]],
    "tck-artifact-file": [[output(raw=b"tck", **FILE), ("completed", None)]],
    "tck-artifact-file-url": [
        [output(url="https://example.com/output.txt", **FILE), ("completed", None)]
    ],
    "tck-artifact-data": [[output(data={"key": "value", "count": 42}), ("completed", None)]],
    "tck-message-response": [[("message", "Direct message response")]],
    "tck-stream-artifact-chunked": [
        [
            chunk("one ", append=False, last_chunk=False),
            chunk("two ", append=True, last_chunk=False),
            chunk("three", append=True, last_chunk=True),
            ("completed", None),
        ]
    ],
    "tck-reject-task": [[("rejected", "This task is rejected.")]],
    "tck-task-failure": [[("failed", "Task failed as the suite asks")]],
    "tck-long-running": [
        [("sleep", LONG_S), output(text="Long-running task output"), ("completed", None)]
    ],
    "tck-cancel": [[("sleep", UNTIL_CANCELED_S), ("completed", None)]],
}
COMPLETE_SILENTLY = [[("completed", None)]]


def behaviour(first_message_id: str, first_text: str, turn: int) -> list[tuple]:
    """The steps of a turn, counted from 0, of a task that began with this message."""
    names = first_message_id, first_text
    matching = [prefix for prefix in BEHAVIOURS if any(it.startswith(prefix) for it in names)]
    turns = BEHAVIOURS[max(matching, key=len)] if matching else COMPLETE_SILENTLY
    return turns[min(turn, len(turns) - 1)]
