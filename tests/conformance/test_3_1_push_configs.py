"""Sections 3.1.7 to 3.1.10: push notification configs, as far as they are kept and shown."""

from errors import TASK_NOT_FOUND
from messages import HOOK, INPUT_REQUIRED, SLOW, message, push_config, unique

CREATE = "CreateTaskPushNotificationConfig"
GET = "GetTaskPushNotificationConfig"
LIST = "ListTaskPushNotificationConfigs"
DELETE = "DeleteTaskPushNotificationConfig"


def create(agent, task_id: str, **fields) -> dict:
    return agent.call(CREATE, push_config(task_id, **fields)).ok()


def listed(agent, task_id: str, **params) -> dict[str, dict]:
    """All configs of a task by their ids, page by page."""
    found, token = [], ""
    while True:
        page_params = {"pageToken": token} if token else {}
        page = agent.call(LIST, {"taskId": task_id} | params | page_params).ok()
        found += page.get("configs", [])
        token = page.get("nextPageToken", "")
        if not token:
            assert len({config["id"] for config in found}) == len(found)
            return {config["id"]: config for config in found}


def test_3_1_7_create_returns_the_config_with_an_id(agent, waiting):
    config = create(agent, waiting["id"])
    assert config["id"]
    assert config["taskId"] == waiting["id"]
    assert config["url"] == HOOK
    assert create(agent, waiting["id"])["id"] != config["id"]


def test_3_1_7_must_establish_the_webhook(agent, waiting):
    config = create(agent, waiting["id"])
    assert list(listed(agent, waiting["id"])) == [config["id"]]


def test_3_1_7_unknown_task_is_not_found(agent):
    agent.call(CREATE, push_config(unique("none"))).refused_as(TASK_NOT_FOUND)


def test_3_1_7_config_must_persist(agent, waiting):
    config = create(agent, waiting["id"])
    agent.task(message(INPUT_REQUIRED, taskId=waiting["id"]))
    read = agent.call(GET, {"taskId": waiting["id"], "id": config["id"]}).ok()
    assert read["url"] == HOOK


def test_3_1_8_must_return_the_details(agent, waiting):
    """The URL and the settings; what is secret of them is another matter (section 13.2)."""
    config = create(agent, waiting["id"])
    read = agent.call(GET, {"taskId": waiting["id"], "id": config["id"]}).ok()
    assert read["id"] == config["id"]
    assert read["taskId"] == waiting["id"]
    assert read["url"] == HOOK
    assert read["authentication"]["scheme"] == "Bearer"


def test_3_1_8_must_fail_if_the_config_does_not_exist(agent, waiting):
    params = {"taskId": waiting["id"], "id": unique("none")}
    agent.call(GET, params).refused_as(TASK_NOT_FOUND)
    agent.call(GET, params | {"taskId": unique("none")}).refused_as(TASK_NOT_FOUND)


def test_3_1_8_must_fail_if_the_client_lacks_access(agent, waiting):
    params = {"taskId": waiting["id"], "id": create(agent, waiting["id"])["id"]}
    stranger = agent.as_caller(unique("stranger"))
    stranger.call(GET, params).refused_as(TASK_NOT_FOUND)


def test_3_1_9_must_return_all_configs_of_the_task(agent, waiting):
    other = agent.task(message(INPUT_REQUIRED))
    create(agent, other["id"])
    assert listed(agent, waiting["id"]) == {}
    urls = {create(agent, waiting["id"], url=f"{HOOK}/{n}")["id"]: f"{HOOK}/{n}" for n in range(3)}
    found = listed(agent, waiting["id"])
    assert {name: config["url"] for name, config in found.items()} == urls
    assert {config["taskId"] for config in found.values()} == {waiting["id"]}


def test_3_1_9_page_size_is_a_limit(agent, waiting):
    ids = {create(agent, waiting["id"])["id"] for _ in range(3)}
    first = agent.call(LIST, {"taskId": waiting["id"], "pageSize": 2}).ok()
    assert len(first["configs"]) <= 2
    assert first["nextPageToken"]
    assert set(listed(agent, waiting["id"], pageSize=2)) == ids


def test_3_1_9_unknown_task_is_not_found(agent):
    agent.call(LIST, {"taskId": unique("none")}).refused_as(TASK_NOT_FOUND)


def test_3_1_10_must_remove_the_config_for_good(agent, waiting):
    goes, stays = create(agent, waiting["id"]), create(agent, waiting["id"])
    params = {"taskId": waiting["id"], "id": goes["id"]}
    agent.call(DELETE, params).ok()
    agent.call(GET, params).refused_as(TASK_NOT_FOUND)
    assert list(listed(agent, waiting["id"])) == [stays["id"]]


def test_3_1_10_must_be_idempotent(agent, waiting):
    params = {"taskId": waiting["id"], "id": create(agent, waiting["id"])["id"]}
    first = agent.call(DELETE, params).ok()
    assert agent.call(DELETE, params).ok() == first


def test_3_1_10_unknown_task_is_not_found(agent):
    params = {"taskId": unique("none"), "id": "c"}
    agent.call(DELETE, params).refused_as(TASK_NOT_FOUND)


def test_3_2_2_push_config_comes_with_the_message(agent):
    """Without a task id: the task is the one that the message makes."""
    config = push_config("")
    del config["taskId"]
    task = agent.task(message(INPUT_REQUIRED), taskPushNotificationConfig=config)
    [kept] = listed(agent, task["id"]).values()
    assert kept["taskId"] == task["id"]
    assert kept["url"] == HOOK


def test_3_2_2_return_immediately_has_no_effect_on_push_configs(agent):
    config = push_config("")
    del config["taskId"]
    configuration = {"taskPushNotificationConfig": config, "returnImmediately": True}
    task = agent.task(message(SLOW), **configuration)
    [kept] = listed(agent, task["id"]).values()
    assert kept["url"] == HOOK
    agent.call("CancelTask", {"id": task["id"]}).ok()
