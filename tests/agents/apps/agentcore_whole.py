"""An app for Bedrock AgentCore that answers whole."""

from bedrock_agentcore import BedrockAgentCoreApp

from script import ASK, QUESTION, port, whole

app = BedrockAgentCoreApp()


@app.entrypoint
async def invoke(payload):
    if payload["prompt"] == ASK:
        return {"a2a": {"state": "INPUT_REQUIRED", "question": QUESTION}}
    return {"result": await whole(payload["prompt"])}


app.run(port=port())
