"""LM-Proxy, a server of OpenAI's chat completions, before a model of its owner's."""

import uvicorn
from lm_proxy.app import web_app
from lm_proxy.bootstrap import bootstrap
from lm_proxy.config import Config

from script import port, words


async def scripted(messages, callback=None, **_):
    said = []
    async for word in words(messages[-1]["content"]):
        said.append(word)
        if callback:
            await callback(word)
    return "".join(said)


bootstrap(
    Config(
        connections={"scripted": scripted}, routing={"*": "scripted.*"},
        groups={"default": {"api_keys": ["the-key"]}},
    ),
    env_file="",
)  # fmt: skip
uvicorn.run(web_app(), port=port(), log_level="warning")
