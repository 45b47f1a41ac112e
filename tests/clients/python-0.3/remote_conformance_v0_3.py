"""The conformance agent under a server of the A2A SDK of version 0.3, whose tasks are in memory."""

import asyncio
import base64
import socket

import httpx
import uvicorn
from a2a.server.agent_execution import AgentExecutor
from a2a.server.apps import A2AStarletteApplication
from a2a.server.apps.rest.rest_adapter import RESTAdapter
from a2a.server.request_handlers import DefaultRequestHandler
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
    DataPart,
    FilePart,
    FileWithBytes,
    FileWithUri,
    Message,
    Role,
    TaskState,
    TextPart,
)
from a2a.utils import new_task
from starlette.routing import Route

from behaviours import behaviour

# Behind each of these the stream ends.
FINAL = ["completed", "failed", "rejected", "input_required", "auth_required"]


def as_part(fields: dict):
    file = {"name": fields.get("filename"), "mime_type": fields.get("media_type")}
    match fields:
        case {"text": text}:
            return TextPart(text=text)
        case {"data": data}:
            return DataPart(data=data)
        case {"raw": raw}:
            return FilePart(file=FileWithBytes(bytes=base64.b64encode(raw).decode(), **file))
        case {"url": url}:
            return FilePart(file=FileWithUri(uri=url, **file))


class Conformance(AgentExecutor):
    async def execute(self, context, event_queue):
        task = context.current_task
        # The history of a task that goes on may have the new message already.
        said = [it for it in task.history if it.role == Role.user] if task else []
        turn = len([it for it in said if it.message_id != context.message.message_id])
        first = (said or [context.message])[0]
        steps = behaviour(first.message_id, first.parts[0].root.text, turn)
        if steps[0][0] == "message":
            parts = [TextPart(text=steps[0][1])]
            answer = Message(message_id="m", role=Role.agent, parts=parts)
            return await event_queue.enqueue_event(answer)
        if task is None:
            task = new_task(context.message)
            await event_queue.enqueue_event(task)
        updater = TaskUpdater(event_queue, task.id, task.context_id)
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
                    message = text and updater.new_agent_message([TextPart(text=text)])
                    await updater.update_status(TaskState[state], message, final=state in FINAL)

    async def cancel(self, context, event_queue):
        await TaskUpdater(event_queue, context.task_id, context.context_id).cancel()


def main() -> None:
    listener = socket.create_server(("127.0.0.1", 0))
    url = f"http://127.0.0.1:{listener.getsockname()[1]}"
    card = AgentCard(
        name="conformance",
        description="Behaves as the conformance agent",
        version="1",
        url=url,
        additional_interfaces=[AgentInterface(url=url, transport="HTTP+JSON")],
        capabilities=AgentCapabilities(streaming=True, push_notifications=True),
        default_input_modes=["*/*"],
        default_output_modes=["*/*"],
        skills=[AgentSkill(id="tck", name="tck", description="fixed behaviours", tags=["tck"])],
    )
    configs = InMemoryPushNotificationConfigStore()
    handler = DefaultRequestHandler(
        agent_executor=Conformance(),
        task_store=InMemoryTaskStore(),
        push_config_store=configs,
        push_sender=BasePushNotificationSender(httpx.AsyncClient(), configs),
    )
    app = A2AStarletteApplication(card, handler).build()
    for (path, method), endpoint in RESTAdapter(card, handler).routes().items():
        app.routes.append(Route(path, endpoint, methods=[method]))
    print(f"listening on {url}", flush=True)
    uvicorn.Server(uvicorn.Config(app, log_level="warning")).run(sockets=[listener])


main()
