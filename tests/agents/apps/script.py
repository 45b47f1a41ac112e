"""What the models of all apps say: the words that they are told, one by one. Each run is an effect: the
file in the variable EFFECTS has a line for its begin, its end, and its stop in the middle."""

import asyncio
import os

PAUSE_S = float(os.environ.get("PAUSE_SECONDS", "0.2"))
# Whoever says this is asked the question.
ASK = "ask"
QUESTION = "What shall I say?"


def note(what: str, told: str) -> None:
    # One write with O_APPEND is whole, whoever else writes.
    with open(os.environ["EFFECTS"], "ab", buffering=0) as effects:
        effects.write(f"{what} {told}\n".encode())


async def words(told: str):
    note("begin", told)
    try:
        for word in told.split():
            yield f"{word} "
            await asyncio.sleep(PAUSE_S)
    except BaseException:
        # A cancellation, or the close of this generator: nobody listens any more.
        note("stop", told)
        raise
    note("end", told)


async def whole(told: str) -> str:
    return "".join([word async for word in words(told)])


def port() -> int:
    return int(os.environ["PORT"])
