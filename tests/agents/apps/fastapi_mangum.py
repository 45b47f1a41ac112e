"""A FastAPI app that Mangum makes a Lambda function of. Its routes are those of Bedrock AgentCore."""

from fastapi import FastAPI
from mangum import Mangum

from script import ASK, QUESTION, whole

app = FastAPI()


@app.post("/invocations")
async def invoke(payload: dict):
    if payload["prompt"] == ASK:
        return {"a2a": {"state": "INPUT_REQUIRED", "question": QUESTION}}
    return {"result": await whole(payload["prompt"])}


handler = Mangum(app)
