"""An app for Bedrock AgentCore that passes on all events of a Strands agent."""

from bedrock_agentcore import BedrockAgentCoreApp
from strands import Agent

from script import ASK, QUESTION, port
from strands_model import Scripted

app = BedrockAgentCoreApp()


@app.entrypoint
async def invoke(payload):
    if payload["prompt"] == ASK:
        yield {"a2a": {"state": "INPUT_REQUIRED", "question": QUESTION}}
        return
    agent = Agent(model=Scripted(), callback_handler=None)
    async for event in agent.stream_async(payload["prompt"]):
        yield event


app.run(port=port())
