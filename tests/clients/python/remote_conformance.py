"""The conformance agent under a server of the A2A SDK, whose tasks are in memory."""

import asyncio
import socket

import httpx
import uvicorn
from a2a.helpers import new_task_from_user_message
from a2a.server.agent_execution import AgentExecutor
from a2a.server.request_handlers import DefaultRequestHandler
from a2a.server.routes import create_agent_card_routes, create_jsonrpc_routes, create_rest_routes
from a2a.server.tasks import (
    BasePushNotificationSender,
    InMemoryPushNotificationConfigStore,
    InMemoryTaskStore,
    TaskUpdater,
)
from a2a.types import (
    AgentCapabilities,
    AgentCard,
    AgentInterface,
    AgentSkill,
    Part,
    Role,
    TaskState,
)
from google.protobuf.json_format import ParseDict
from google.protobuf.struct_pb2 import Value
from starlette.applications import Starlette

from behaviours import behaviour


def as_part(fields: dict) -> Part:
    if "data" in fields:
        return Part(data=ParseDict(fields["data"], Value()))
    return Part(**fields)


class Conformance(AgentExecutor):
    async def execute(self, context, event_queue):
        task = context.current_task
        # The history of a task that goes on may have the new message already.
        said = [it for it in task.history if it.role == Role.ROLE_USER] if task else []
        turn = len([it for it in said if it.message_id != context.message.message_id])
        first = (said or [context.message])[0]
        steps = behaviour(first.message_id, first.parts[0].text, turn)
        updater = TaskUpdater(event_queue, context.task_id, context.context_id)
        if steps[0][0] == "message":
            answer = updater.new_agent_message([Part(text=steps[0][1])])
            answer.task_id = ""
            return await event_queue.enqueue_event(answer)
        if task is None:
            await event_queue.enqueue_event(new_task_from_user_message(context.message))
        await updater.start_work()
        for step, *args in steps:
            match step:
                case "sleep":
                    await asyncio.sleep(*args)
                case "artifact":
                    part, update = args
                    await updater.add_artifact([as_part(part)], **{"name": "output"} | update)
                case state:
                    [text] = args
                    message = text and updater.new_agent_message([Part(text=text)])
                    state = TaskState.Value(f"TASK_STATE_{state.upper()}")
                    await updater.update_status(state, message)

    async def cancel(self, context, event_queue):
        await TaskUpdater(event_queue, context.task_id, context.context_id).cancel()


def main() -> None:
    listener = socket.create_server(("127.0.0.1", 0))
    url = f"http://127.0.0.1:{listener.getsockname()[1]}"
    card = AgentCard(
        name="conformance",
        description="Behaves as the conformance agent",
        version="1",
        supported_interfaces=[
            AgentInterface(url=url, protocol_binding=binding, protocol_version="1.0")
            for binding in ("JSONRPC", "HTTP+JSON")
        ],
        capabilities=AgentCapabilities(streaming=True, push_notifications=True),
        default_input_modes=["*/*"],
        default_output_modes=["*/*"],
        skills=[AgentSkill(id="tck", name="tck", description="fixed behaviours", tags=["tck"])],
    )
    configs = InMemoryPushNotificationConfigStore()
    handler = DefaultRequestHandler(
        agent_executor=Conformance(),
        task_store=InMemoryTaskStore(),
        agent_card=card,
        push_config_store=configs,
        push_sender=BasePushNotificationSender(httpx.AsyncClient(), configs),
    )
    routes = create_agent_card_routes(card) + create_jsonrpc_routes(handler, "/")
    app = Starlette(routes=routes + create_rest_routes(handler))
    print(f"listening on {url}", flush=True)
    uvicorn.Server(uvicorn.Config(app, log_level="warning")).run(sockets=[listener])


main()
