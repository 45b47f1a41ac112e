"""A CloudFormation stack: how it is, what would change, and changing it."""

import time
import uuid
from dataclasses import dataclass

from botocore.exceptions import ClientError
from tools import Fault, called

# Longer than any deployment of this template has a reason to take, a canary's included.
LONGEST_S = 45 * 60
CAPABILITIES = ["CAPABILITY_IAM", "CAPABILITY_AUTO_EXPAND"]


@dataclass
class Change:
    """A change set that was made: nothing has been done yet."""

    id: str
    kind: str
    lines: list[str]


class Stack:
    def __init__(self, session, name: str, endpoint: str | None, poll_s: float):
        self.client = session.client("cloudformation", endpoint_url=endpoint)
        self.name = name
        self.poll_s = poll_s

    def describe(self) -> dict | None:
        try:
            [found] = self.client.describe_stacks(StackName=self.name)["Stacks"]
        except ClientError as error:
            # CloudFormation has no code of its own for a stack that is not there.
            if "does not exist" in str(error):
                return None
            raise
        return None if found["StackStatus"] == "DELETE_COMPLETE" else found

    def parameters(self) -> dict[str, str]:
        """The values that the stack has; a secret one is `****`."""
        found = self.describe()
        if found is None or found["StackStatus"] == "REVIEW_IN_PROGRESS":
            return {}
        pairs = found.get("Parameters", [])
        return {one["ParameterKey"]: one.get("ParameterValue", "") for one in pairs}

    def outputs(self) -> dict[str, str]:
        found = self.describe() or {}
        return {one["OutputKey"]: one["OutputValue"] for one in found.get("Outputs", [])}

    def template_body(self) -> str:
        answer = self.client.get_template(StackName=self.name, TemplateStage="Original")
        return answer["TemplateBody"]

    def check_ready(self) -> None:
        found = self.describe()
        if found is None:
            return
        status = found["StackStatus"]
        if status in ("ROLLBACK_COMPLETE", "ROLLBACK_FAILED", "CREATE_FAILED", "DELETE_FAILED"):
            raise Fault(
                f"stack {self.name} is {status}: it was never made whole. Remove it with "
                f"{called('deploy')} --stack {self.name} --destroy, and deploy again"
            )
        if status == "UPDATE_ROLLBACK_FAILED":
            raise Fault(
                f"stack {self.name} is {status}: repair it with "
                f"aws cloudformation continue-update-rollback --stack-name {self.name}"
            )
        if status.endswith("_IN_PROGRESS") and status != "REVIEW_IN_PROGRESS":
            raise Fault(f"stack {self.name} is {status}: wait until that is done")

    def propose(self, template: dict, parameters: dict[str, str], kept: set[str]) -> Change | None:
        """Makes a change set; None if nothing would change.

        `template` is what names it to CloudFormation: a body, a URL, or the one that is there.
        `kept` are parameters whose value stays as it is in the stack.
        """
        found = self.describe()
        is_new = found is None or found["StackStatus"] == "REVIEW_IN_PROGRESS"
        kind = "CREATE" if is_new else "UPDATE"
        given = [{"ParameterKey": k, "ParameterValue": v} for k, v in sorted(parameters.items())]
        given += [{"ParameterKey": k, "UsePreviousValue": True} for k in sorted(kept)]
        change_id = self.client.create_change_set(
            StackName=self.name,
            ChangeSetName=f"a2a-lambda-{uuid.uuid4()}",
            ChangeSetType=kind,
            Capabilities=CAPABILITIES,
            Parameters=given,
            **template,
        )["Id"]
        for _ in self._polls():
            change = self.client.describe_change_set(ChangeSetName=change_id, StackName=self.name)
            if change["Status"] == "FAILED":
                self.drop(Change(change_id, kind, []))
                reason = change.get("StatusReason", "no reason given")
                if "didn't contain changes" in reason or "No updates" in reason:
                    return None
                raise Fault(f"CloudFormation refuses the template or a parameter: {reason}")
            if change["Status"] == "CREATE_COMPLETE":
                break
        changes = change["Changes"]
        while token := change.get("NextToken"):
            change = self.client.describe_change_set(
                ChangeSetName=change_id, StackName=self.name, NextToken=token
            )
            changes += change["Changes"]
        return Change(change_id, kind, [_line(one["ResourceChange"]) for one in changes])

    def drop(self, change: Change) -> None:
        """Takes a change set back, and the empty stack that was made for it."""
        self.client.delete_change_set(ChangeSetName=change.id, StackName=self.name)
        if change.kind == "CREATE":
            self.client.delete_stack(StackName=self.name)

    def execute(self, change: Change) -> None:
        seen = self._event_ids()
        self.client.execute_change_set(ChangeSetName=change.id, StackName=self.name)
        self._wait(seen, ("CREATE_COMPLETE", "UPDATE_COMPLETE"), "deployed")

    def destroy(self) -> None:
        found = self.describe()
        if found is None:
            raise Fault(f"there is no stack {self.name}")
        seen = self._event_ids()
        # A stack that is gone is found by its id only.
        self.name = found["StackId"]
        self.client.delete_stack(StackName=self.name)
        self._wait(seen, (None,), "removed")

    def _polls(self):
        end = time.monotonic() + LONGEST_S
        while time.monotonic() < end:
            yield
            time.sleep(self.poll_s)
        raise Fault(f"stack {self.name} is not done after {LONGEST_S // 60} minutes")

    def _event_ids(self) -> set[str]:
        return {one["EventId"] for one in self._events()}

    def _events(self) -> list[dict]:
        """The newest page of events, the oldest of it first."""
        try:
            answer = self.client.describe_stack_events(StackName=self.name)
        except ClientError:
            return []
        return answer["StackEvents"][::-1]

    def _wait(self, seen: set[str], good: tuple, done: str) -> None:
        """Shows what happens until it is over; a failure is told with all its reasons."""
        failures = []
        for _ in self._polls():
            found = self.describe()
            for event in self._events():
                if event["EventId"] in seen:
                    continue
                seen.add(event["EventId"])
                status = event["ResourceStatus"]
                if status.endswith("_IN_PROGRESS"):
                    continue
                said = f"{event['LogicalResourceId']}: {status}"
                if status.endswith("_FAILED"):
                    reason = event.get("ResourceStatusReason", "")
                    # These follow from another's failure, and only hide it.
                    if "cancelled" not in reason.lower():
                        failures.append(f"{event['LogicalResourceId']}: {reason}")
                    said += f" {reason}"
                print(f"  {said}")
            status = found["StackStatus"] if found else None
            if status in good:
                return
            if status is None or not status.endswith("_IN_PROGRESS"):
                told = "\n  ".join(failures or [found.get("StackStatusReason", "no reason given")])
                raise Fault(f"the stack could not be {done} and is {status}:\n  {told}")


def _line(change: dict) -> str:
    what = change["Action"]
    if change.get("Replacement") in ("True", "Conditional"):
        what += " (replaced)" if change["Replacement"] == "True" else " (may be replaced)"
    parts = {
        detail["Target"].get("Name") or detail["Target"]["Attribute"]
        for detail in change.get("Details", [])
        if "Target" in detail
    }
    named = f" [{', '.join(sorted(parts))}]" if parts else ""
    return f"{what} {change['LogicalResourceId']} {change['ResourceType']}{named}"
