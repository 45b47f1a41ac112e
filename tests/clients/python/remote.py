"""An agent of another make: a server of the A2A SDK, whose tasks are in memory. Its option is the URL
that its card names. It repeats a text in two chunks, but for the texts below."""

import asyncio
import socket
import sys

import uvicorn
from a2a.helpers import new_task_from_user_message
from a2a.server.agent_execution import AgentExecutor
from a2a.server.request_handlers import DefaultRequestHandler
from a2a.server.routes import create_agent_card_routes, create_jsonrpc_routes, create_rest_routes
from a2a.server.tasks import InMemoryTaskStore, TaskUpdater
from a2a.types import AgentCapabilities, AgentCard, AgentInterface, AgentSkill, Part
from starlette.applications import Starlette

PAUSE_S = 0.5


class Remote(AgentExecutor):
    async def execute(self, context, event_queue):
        text = context.get_user_input()
        if context.current_task is None:
            await event_queue.enqueue_event(new_task_from_user_message(context.message))
        updater = TaskUpdater(event_queue, context.task_id, context.context_id)

        def message(text):
            return updater.new_agent_message([Part(text=text)])

        await updater.start_work()
        match text:
            case "ask":
                return await updater.requires_input(message("what?"))
            case "fail":
                return await updater.failed(message("as you say"))
            case "wait":
                return await asyncio.Event().wait()
        for chunk, append in (text, False), (f", {text}", True):
            if text == "slow":
                await asyncio.sleep(PAUSE_S)
            await updater.add_artifact(
                [Part(text=chunk)], artifact_id="a", name="said", append=append, last_chunk=append
            )
        if text == "slow":
            await asyncio.sleep(PAUSE_S)
        await updater.complete(message("done"))

    async def cancel(self, context, event_queue):
        await TaskUpdater(event_queue, context.task_id, context.context_id).cancel()


def card(url: str) -> AgentCard:
    return AgentCard(
        name="remote",
        description="Repeats what you say",
        version="1",
        supported_interfaces=[
            AgentInterface(url=url, protocol_binding=binding, protocol_version="1.0")
            for binding in ("JSONRPC", "HTTP+JSON")
        ],
        capabilities=AgentCapabilities(streaming=True),
        default_input_modes=["text/plain"],
        default_output_modes=["text/plain"],
        skills=[AgentSkill(id="repeat", name="repeat", description="repeats", tags=["text"])],
    )


def main() -> None:
    listener = socket.create_server(("127.0.0.1", 0))
    own = f"http://127.0.0.1:{listener.getsockname()[1]}"
    public = card(sys.argv[1] if len(sys.argv) > 1 else own)
    handler = DefaultRequestHandler(
        agent_executor=Remote(), task_store=InMemoryTaskStore(), agent_card=public
    )
    routes = create_agent_card_routes(public) + create_jsonrpc_routes(handler, "/")
    app = Starlette(routes=routes + create_rest_routes(handler))
    print(f"listening on {own}", flush=True)
    uvicorn.Server(uvicorn.Config(app, log_level="warning")).run(sockets=[listener])


main()
