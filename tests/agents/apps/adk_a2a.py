"""An agent of Google's ADK behind its own A2A server. Its model asks the user by a long-running tool."""

import uvicorn
from google.adk.agents import LlmAgent
from google.adk.a2a.utils.agent_to_a2a import to_a2a
from google.adk.models import BaseLlm, LlmResponse
from google.adk.tools import LongRunningFunctionTool
from google.genai.types import Content, Part

from script import ASK, QUESTION, port, whole


class Scripted(BaseLlm):
    async def generate_content_async(self, llm_request, stream=False):
        told = llm_request.contents[-1].parts[-1]
        if told.text == ASK:
            part = Part.from_function_call(name="ask_user", args={"question": QUESTION})
        elif told.text:
            part = Part(text=await whole(told.text))
        else:
            # The answer comes later.
            part = Part(text=QUESTION)
        yield LlmResponse(content=Content(role="model", parts=[part]))


def ask_user(question: str) -> None:
    """Asks the user."""


agent = LlmAgent(
    name="scripted", description="Says what it is told", model=Scripted(model="scripted"),
    tools=[LongRunningFunctionTool(ask_user)],
)  # fmt: skip
uvicorn.run(to_a2a(agent, port=port()), port=port(), log_level="warning")
