"""A Strands agent behind its own A2A server. A tool asks the user by an interrupt."""

from strands import Agent, tool
from strands.multiagent.a2a import A2AServer

from script import QUESTION, port
from strands_model import Scripted


@tool(context=True)
def ask_user(tool_context) -> str:
    """Asks the user."""
    return tool_context.interrupt("what", reason=QUESTION)


def agent(_context_id: str) -> Agent:
    return Agent(
        model=Scripted(), tools=[ask_user], name="scripted", description="Says what it is told",
        callback_handler=None,
    )  # fmt: skip


A2AServer(agent_factory=agent, port=port(), enable_a2a_compliant_streaming=True).serve()
