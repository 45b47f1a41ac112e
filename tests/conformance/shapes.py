"""The data model of the protocol's proto definition, as it looks in JSON, to check answers by."""

import re

# A field is `name`, `name!` if it is REQUIRED, `name:Type`, `name:Type*` if it is repeated. Lower
# case types are those of JSON, or named below; `any` is the user's own data.
MESSAGES = {
    "Task": "id! contextId status!:TaskStatus artifacts:Artifact* history:Message* metadata:any",
    "TaskStatus": "state!:TaskState message:Message timestamp:timestamp",
    "Message": "messageId! contextId taskId role!:Role parts!:Part* metadata:any "
    "extensions:string* referenceTaskIds:string*",
    "Part": "text raw url data:any metadata:any filename mediaType",
    "Artifact": "artifactId! name description parts!:Part* metadata:any extensions:string*",
    "TaskStatusUpdateEvent": "taskId! contextId! status!:TaskStatus metadata:any",
    "TaskArtifactUpdateEvent": "taskId! contextId! artifact!:Artifact append:bool lastChunk:bool "
    "metadata:any",
    "SendMessageResponse": "task:Task message:Message",
    "StreamResponse": "task:Task message:Message statusUpdate:TaskStatusUpdateEvent "
    "artifactUpdate:TaskArtifactUpdateEvent",
    "ListTasksResponse": "tasks!:Task* nextPageToken! pageSize!:int totalSize!:int",
    "TaskPushNotificationConfig": "tenant id taskId url! token authentication:AuthenticationInfo",
    "AuthenticationInfo": "scheme! credentials",
    "ListTaskPushNotificationConfigsResponse": "configs:TaskPushNotificationConfig* nextPageToken",
    "AgentCard": "name! description! supportedInterfaces!:AgentInterface* provider:AgentProvider "
    "version! documentationUrl capabilities!:AgentCapabilities securitySchemes:any "
    "securityRequirements:SecurityRequirement* defaultInputModes!:string* "
    "defaultOutputModes!:string* skills!:AgentSkill* signatures:AgentCardSignature* iconUrl",
    "AgentInterface": "url! protocolBinding! tenant protocolVersion!",
    "AgentProvider": "url! organization!",
    "AgentCapabilities": "streaming:bool pushNotifications:bool extensions:AgentExtension* "
    "extendedAgentCard:bool",
    "AgentExtension": "uri description required:bool params:any",
    "AgentSkill": "id! name! description! tags!:string* examples:string* inputModes:string* "
    "outputModes:string* securityRequirements:SecurityRequirement*",
    "SecurityRequirement": "schemes:any",
    "AgentCardSignature": "protected! signature! header:any",
}
ONE_OF = {
    "Part": {"text", "raw", "url", "data"},
    "SendMessageResponse": {"task", "message"},
    "StreamResponse": {"task", "message", "statusUpdate", "artifactUpdate"},
}
# REQUIRED, and yet it has nothing to hold when there are no tasks (section 3.1.4).
MAY_BE_EMPTY = {("ListTasksResponse", "tasks")}
# Likewise a text: it is empty on the last page (section 3.1.4).
MAY_BE_BLANK = {("ListTasksResponse", "nextPageToken")}

# What the card of 0.3 had besides. It is at the same place for clients of either version, so it is
# there if an interface of 0.3 is declared.
CARD_OF_0_3 = {
    "url",
    "preferredTransport",
    "protocolVersion",
    "additionalInterfaces",
    "supportsAuthenticatedExtendedCard",
    "security",
}

ENUMS = {
    "TaskState": {
        f"TASK_STATE_{state}"
        for state in "SUBMITTED WORKING COMPLETED FAILED CANCELED INPUT_REQUIRED REJECTED "
        "AUTH_REQUIRED".split()
    },
    "Role": {"ROLE_USER", "ROLE_AGENT"},
}
JSON_TYPES = {"string": str, "bool": bool, "int": int}
TIMESTAMP = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z")
MILLISECONDS = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z")
FIELD = re.compile(r"(\w+)(!?)(?::(\w+))?(\*?)")

# What the answer to each operation is. A deletion is answered by nothing in particular.
ANSWERS = {
    "SendMessage": "SendMessageResponse",
    "GetTask": "Task",
    "ListTasks": "ListTasksResponse",
    "CancelTask": "Task",
    "CreateTaskPushNotificationConfig": "TaskPushNotificationConfig",
    "GetTaskPushNotificationConfig": "TaskPushNotificationConfig",
    "ListTaskPushNotificationConfigs": "ListTaskPushNotificationConfigsResponse",
    "GetExtendedAgentCard": "AgentCard",
}


def problems(value, type_name: str, path: str = "") -> list[str]:
    """What is wrong with a value, each with the path to it."""
    at = path or type_name
    if type_name == "any":
        return []
    if type_name == "timestamp":
        return [] if TIMESTAMP.fullmatch(str(value)) else [f"{at}: no UTC timestamp: {value!r}"]
    if type_name in ENUMS:
        return [] if value in ENUMS[type_name] else [f"{at}: no name of {type_name}: {value!r}"]
    if type_name in JSON_TYPES:
        is_it = type(value) is JSON_TYPES[type_name]
        return [] if is_it else [f"{at}: no {type_name}: {value!r}"]
    if not isinstance(value, dict):
        return [f"{at}: no object: {value!r}"]
    return _problems_of_message(value, type_name, at)


def _problems_of_message(value: dict, type_name: str, at: str) -> list[str]:
    found = []
    unknown = set(value)
    if type_name == "AgentCard" and _is_also_of_0_3(value):
        unknown -= CARD_OF_0_3
    for name, required, of, repeated in FIELD.findall(MESSAGES[type_name]):
        unknown.discard(name)
        if name not in value:
            if required:
                found.append(f"{at}.{name}: is REQUIRED")
            continue
        of, member, here = of or "string", value[name], f"{at}.{name}"
        if not repeated:
            found += problems(member, of, here)
            if required and member == "" and (type_name, name) not in MAY_BE_BLANK:
                found.append(f"{here}: is REQUIRED")
            continue
        if not isinstance(member, list):
            found.append(f"{here}: no array")
            continue
        if required and not member and (type_name, name) not in MAY_BE_EMPTY:
            found.append(f"{here}: must have at least one element")
        for index, item in enumerate(member):
            found += problems(item, of, f"{here}[{index}]")
    found += [f"{at}.{name}: is not in the protocol" for name in sorted(unknown)]
    if (choices := ONE_OF.get(type_name)) and len(choices & set(value)) != 1:
        found.append(f"{at}: must have exactly one of {sorted(choices)}")
    return found


def _is_also_of_0_3(card: dict) -> bool:
    interfaces = card.get("supportedInterfaces", [])
    return any(interface.get("protocolVersion") == "0.3" for interface in interfaces)


def timestamps(value) -> list[str]:
    """Every timestamp of the protocol in an answer."""
    if isinstance(value, list):
        return [found for item in value for found in timestamps(item)]
    if not isinstance(value, dict):
        return []
    own = [value["timestamp"]] if "timestamp" in value else []
    return own + [found for item in value.values() for found in timestamps(item)]
