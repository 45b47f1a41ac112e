"""A graph of LangGraph behind AG-UI. A node asks the user by an interrupt."""

import os

import uvicorn
from ag_ui_langgraph import LangGraphAgent, add_langgraph_fastapi_endpoint
from fastapi import FastAPI
from langchain_core.language_models import BaseChatModel
from langchain_core.messages import AIMessage, AIMessageChunk
from langchain_core.outputs import ChatGeneration, ChatGenerationChunk, ChatResult
from langgraph.checkpoint.memory import MemorySaver
from langgraph.graph import START, MessagesState, StateGraph
from langgraph.types import interrupt

from script import ASK, QUESTION, port, whole, words


class Scripted(BaseChatModel):
    @property
    def _llm_type(self):
        return "scripted"

    def _generate(self, *_, **__):
        raise NotImplementedError

    async def _agenerate(self, messages, *_, **__):
        message = AIMessage(await whole(messages[-1].content))
        return ChatResult(generations=[ChatGeneration(message=message)])

    async def _astream(self, messages, *_, **__):
        async for word in words(messages[-1].content):
            yield ChatGenerationChunk(message=AIMessageChunk(word))


async def answer(state: MessagesState):
    told = state["messages"][-1].content
    if told == ASK:
        told = interrupt(QUESTION)
    return {"messages": [await Scripted().ainvoke(told)]}


graph = StateGraph(MessagesState)
graph.add_node(answer)
graph.add_edge(START, "answer")
# By itself it tells of interrupts by an event of its own, and as AG-UI 1.0 does only if it is told to.
options = {"emit_interrupt_outcome": True} if os.environ.get("INTERRUPT_OUTCOME") else {}
agent = LangGraphAgent(
    name="scripted", graph=graph.compile(checkpointer=MemorySaver()), **options
)
app = FastAPI()
add_langgraph_fastapi_endpoint(app, agent, "/agent")
uvicorn.run(app, port=port(), log_level="warning")
