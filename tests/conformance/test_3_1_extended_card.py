"""Section 3.1.11: the extended agent card."""

from shapes import problems


def test_3_1_11_returns_a_complete_agent_card(agent, card):
    extended = agent.call("GetExtendedAgentCard").ok()
    assert problems(extended, "AgentCard") == []
    assert extended["name"] == card["name"]
    assert extended["supportedInterfaces"] == card["supportedInterfaces"]


def test_3_1_11_is_available_if_the_public_card_declares_it(agent, card):
    assert card["capabilities"]["extendedAgentCard"] is True
    agent.call("GetExtendedAgentCard").ok()
