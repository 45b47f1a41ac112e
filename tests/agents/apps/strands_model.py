"""The script as a model of Strands: told to ask, it calls the tool `ask_user`, and says what that answers."""

from strands.models import Model

from script import ASK, words


class Scripted(Model):
    def get_config(self):
        return {}

    def update_config(self, **_):
        """There is nothing to configure."""

    def structured_output(self, *_, **__):
        raise NotImplementedError

    async def stream(self, messages, *_, **__):
        told = messages[-1]["content"][-1]
        if "toolResult" in told:
            told = told["toolResult"]["content"][0]
        yield {"messageStart": {"role": "assistant"}}
        if told["text"] == ASK:
            tool = {"name": "ask_user", "toolUseId": "asked"}
            yield {"contentBlockStart": {"start": {"toolUse": tool}}}
            yield {"contentBlockDelta": {"delta": {"toolUse": {"input": "{}"}}}}
            stop = "tool_use"
        else:
            yield {"contentBlockStart": {"start": {}}}
            async for word in words(told["text"]):
                yield {"contentBlockDelta": {"delta": {"text": word}}}
            stop = "end_turn"
        yield {"contentBlockStop": {}}
        yield {"messageStop": {"stopReason": stop}}
