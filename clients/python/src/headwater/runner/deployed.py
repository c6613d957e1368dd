"""DeployedFlow and TriggeredRun: a flow that is deployed, and a run that was started of it by hand."""

import time
from typing import Any

from headwater.client import Run, resources
from headwater.client.http import API, connect, segment
from headwater.errors import FailedPrecondition, NotFound


class TriggeredRun:
    """A run of a deployed flow: `run`, `status`, wait_for_completion(), terminate()."""

    def __init__(self, deployed_flow: "DeployedFlow", body: dict[str, Any]) -> None:
        self.deployer = self.deployed_flow = deployed_flow
        self._body = body
        self.name: str = body["runId"]
        self.pathspec = f"{body.get('flow', '')}/{body['runId']}"

    @property
    def run(self) -> Run | None:
        """The client's Run."""
        try:
            return Run(self.pathspec, _namespace_check=False)
        except NotFound:
            return None

    @property
    def status(self) -> str:
        """Running, Suspended, Succeeded, Failed or Cancelled."""
        body = resources.get_run(self.name)
        state = body.get("state", "")
        if body.get("pausedAt") and state not in resources.FINAL_RUN:
            return "Suspended"
        return state.removeprefix("RUN_STATE_").capitalize()

    @property
    def is_running(self) -> bool:
        return resources.get_run(self.name).get("state") not in resources.FINAL_RUN

    def wait_for_run(self, check_interval: int = 5, timeout: int | None = None) -> Run:
        """The client's Run; it is there at once."""
        return Run(self.pathspec, _namespace_check=False)

    def wait_for_completion(self, check_interval: int = 5, timeout: int | None = None) -> None:
        """Until the run is over. Raises TimeoutError."""
        until = None if timeout is None else time.monotonic() + timeout
        while self.is_running:
            if until is not None and time.monotonic() > until:
                raise TimeoutError(f"run {self.pathspec} is not over after {timeout} seconds")
            time.sleep(min(check_interval, 0.2))

    def suspend(self, **kwargs: Any) -> bool:
        """Hands out no more of its tasks; False: it is over."""
        return self._change("pause")

    def unsuspend(self, **kwargs: Any) -> bool:
        """Goes on with a suspended run; False: it is over."""
        return self._change("resume")

    def _change(self, verb: str) -> bool:
        try:
            connect().call("POST", f"{API}/runs/{segment(self.name)}/{verb}", {}, repeatable=True)
        except FailedPrecondition:
            return False
        return True

    def terminate(self, **kwargs: Any) -> bool:
        """Cancels the run; False: it was over already."""
        run = Run(self.pathspec, _namespace_check=False)
        if run.finished:
            return False
        run.cancel("terminated")
        return True

    def __repr__(self) -> str:
        return f"TriggeredRun({self.pathspec!r})"


class DeployedFlow:
    """A flow as it is deployed: trigger() starts a run of it, delete() takes it away."""

    def __init__(self, body: dict[str, Any]) -> None:
        self._body = body
        self.name: str = body["name"]
        self.flow_name: str = body.get("graph", {}).get("flow") or body["name"]

    @property
    def metadata(self) -> str:
        return f"service@{connect().server.url}"

    @property
    def production_token(self) -> str:
        """namespace(f"production:{token}") shows the runs of the deployment, whoever started them."""
        return self.name

    @property
    def workflow_template(self) -> dict[str, Any]:
        """scheduler.v1.Deployment in JSON: version, parameters, triggers, graph, code."""
        return self._body

    @classmethod
    def from_deployment(cls, identifier: str, metadata: str | None = None, impl: str = "headwater") -> "DeployedFlow":
        """A deployment by its name. Raises NotFound."""
        found = {each.name: each for each in cls.list_deployed_flows()}
        if identifier not in found:
            from headwater.flow.lint import suggestion

            raise NotFound(f"no flow {identifier!r} is deployed{suggestion(identifier, list(found))}", field="name")
        return found[identifier]

    from_headwater = from_argo_workflows = from_step_functions = from_deployment

    @classmethod
    def list_deployed_flows(cls, flow_name: str | None = None, impl: str = "headwater") -> "list[DeployedFlow]":
        """All deployments of the project, or those of one flow."""
        conn = connect()
        reply = conn.call("GET", f"{API}/projects/{segment(conn.project)}/deployments")
        found = [cls(body) for body in reply.get("deployments", ())]
        return [each for each in found if flow_name in (None, each.flow_name)]

    list_headwater = list_argo_workflows = list_step_functions = list_deployed_flows

    @classmethod
    def get_triggered_run(cls, identifier: str, run_id: str, metadata: str | None = None) -> TriggeredRun:
        """A run of a deployment, by its id."""
        body = resources.get_run(run_id.rsplit("/", 1)[-1])
        return TriggeredRun(cls.from_deployment(identifier), body)

    def trigger(self, **kwargs: Any) -> TriggeredRun:
        """Starts a run; arguments are parameters of the flow."""
        import os

        conn = connect()
        body = {"deployment": self.name, "parameters": kwargs, "requestId": os.urandom(16).hex()}
        reply = conn.call("POST", f"{API}/projects/{segment(conn.project)}/runs", body)
        return TriggeredRun(self, reply["run"])

    def delete(self, **kwargs: Any) -> bool:
        """Takes the deployment away; its runs stay. False: it was gone already."""
        conn = connect()
        try:
            conn.call("DELETE", f"{API}/projects/{segment(conn.project)}/deployments/{segment(self.name)}")
        except NotFound:
            return False
        return True

    def __repr__(self) -> str:
        return f"DeployedFlow({self.name!r})"
