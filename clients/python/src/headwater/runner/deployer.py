"""Deployer: deploys a flow file from code.

    deployed = Deployer("train.py").headwater().create(alpha=5)
    run = deployed.trigger(alpha=6).wait_for_run()

argo_workflows() and step_functions() are accepted: a flow is deployed to Headwater all the same.
"""

import json
import os
import sys
from pathlib import Path
from typing import Any

from headwater.runner.deployed import DeployedFlow
from headwater.runner.process import Process
from headwater.runner.words import command, words

# Options of Metaflow's deployers that have no meaning here.
_WITHOUT_EFFECT = frozenset(
    ("authorize", "generate_new_token", "given_token", "new_token",
     "auto_emit_argo_events", "notify_on_error", "notify_on_success", "only_json",
     "notify_slack_webhook_url", "notify_pager_duty_integration_key", "notify_incident_io_api_key",
     "enable_heartbeat_daemon", "enable_error_msg_capture", "deployer_attribute_file", "workflow_title",
     "workflow_description", "use_distributed_map", "log_execution_history", "compress_state_machine",
     "aws_batch_tag", "user_namespace")
)  # fmt: skip


class Deployer:
    """Deploys a flow file; arguments as those of Runner."""

    def __init__(
        self,
        flow_file: str,
        show_output: bool = True,
        profile: str | None = None,
        env: dict[str, str] | None = None,
        cwd: str | None = None,
        file_read_timeout: int = 3600,
        **kwargs: Any,
    ) -> None:
        self.flow_file = str(Path(flow_file).absolute())
        self.show_output = show_output
        self.env_vars = {**os.environ, **(env or {})}
        if profile:
            self.env_vars["METAFLOW_PROFILE"] = profile
        self.cwd = cwd or str(Path.cwd())
        self.file_read_timeout = file_read_timeout
        self.top_level_kwargs = kwargs
        command(self.flow_file)  # is there such a file?

    def headwater(self, **kwargs: Any) -> "Deployment":
        """Where to deploy: to this platform. name: of the deployment; by default that of the flow."""
        return Deployment(self, str(kwargs.get("name") or ""))

    argo_workflows = step_functions = headwater


class Deployment:
    """A deployment to be made."""

    def __init__(self, deployer: Deployer, name: str = "") -> None:
        self._deployer, self._name = deployer, name
        self.name = ""
        self.flow_name = ""

    def create(self, **kwargs: Any) -> DeployedFlow:
        """Deploys; arguments: parameters of the flow, tags. Raises RuntimeError with what the command said."""
        deployer = self._deployer
        ignored = sorted(set(kwargs) & _WITHOUT_EFFECT)
        if ignored:
            print(f"No effect on Headwater: {', '.join(ignored)}.", file=sys.stderr)
        given = {name: value for name, value in kwargs.items() if name not in _WITHOUT_EFFECT}
        if self._name:
            given["deployment_name"] = self._name
        told = "--deployer-attribute-file={folder}/deployment"
        line = [*command(deployer.flow_file), *words(deployer.top_level_kwargs), "deploy", told, *words(given)]
        process = Process(line, env=deployer.env_vars, cwd=deployer.cwd, show=deployer.show_output)
        try:
            process.wait(deployer.file_read_timeout)
            if process.returncode != 0:
                raise RuntimeError(f"the flow was not deployed:\n{process.output('stderr').strip()}")
            deployed = DeployedFlow(json.loads((process.folder / "deployment").read_text()))
        finally:
            process.cleanup()
        self.name, self.flow_name = deployed.name, deployed.flow_name
        return deployed
