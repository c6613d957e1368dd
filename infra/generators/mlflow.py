"""docs/mlflow.md: which endpoints of MLflow's REST API are served, from the tables that the gateway serves them by."""

from collections.abc import Iterator
from typing import Any

from headwater_server.gateway.mlflow.endpoints import Endpoint
from headwater_server.gateway.mlflow.routes import Mlflow
from headwater_server.registry.hooks import EVENTS

_HEAD = """# Headwater as an MLflow server

Generated from the gateway's tables; `make docs` writes it.

Every MLflow client works against the gateway, with nothing but MLFLOW_TRACKING_URI and MLFLOW_TRACKING_TOKEN:

```
eval "$(headwater env)"
```

MLFLOW_TRACKING_USERNAME (any) and MLFLOW_TRACKING_PASSWORD (the token) do as well. A token for several projects names
one by the header `X-Headwater-Project` or as MLflow's workspace; otherwise it is `default`.

- **Models** are the models of `headwater models`. Setting an alias is a promotion (`model.promoted`), a move between
  stages is a fact too (`model.stage_changed`): both start the flows that wait for them, and both need the role
  `promoter`. A version whose files lie elsewhere says so in `source`. Filters know OR and parentheses besides.
- **Artifacts** go through the gateway, so clients need no key of the object store: streamed both ways, stored by
  content, at most 5 GiB per file. What a run has is one tree, `runs/<id>` of `GET /api/v1/projects/{project}/files`,
  wherever its experiment says that artifacts lie; that of a logged model is `models/<id>`. Large files go past the
  gateway where a client asks for that (MLFLOW_ENABLE_PROXY_MULTIPART_UPLOAD, _DOWNLOAD) and reaches the object store.
- **Webhooks** are rows of the registry: a delivery is written with the change that it tells of, tried again for three
  days, and kept for 30 in a log (`GET /api/v1/projects/{project}/webhooks/{id}/deliveries`). Secrets lie sealed in
  Postgres (`HEADWATER_REGISTRY_SECRETS_KEY`, by default the internal key). They are signed as MLflow
  signs them. Only public https addresses are called; HEADWATER_WEBHOOKS_HTTP and _PRIVATE open that.
- **Traces** are rows of tracking, spans too: clients of MLflow send both as they come, anything else speaks
  OpenTelemetry's protocol to `/v1/traces` (protobuf or JSON, gzip or not, at most 32 MB) with the header
  `x-mlflow-experiment-id`, and `x-mlflow-run-id` to link a trace to a run. What OpenTelemetry's conventions for
  generative AI, OpenInference and Traceloop say of inputs, outputs, tokens and models is shown as MLflow's own. Filters
  are MLflow's and know OR, NOT and parentheses besides; an attribute of a span (`span.attributes.model LIKE 'gpt%'`) is
  compared by its value. Files of a trace lie below `traces/<id>`. Deleting a flow's run deletes what it traced.

"""
_MISSING = """
## Not served

Answered with `ENDPOINT_NOT_FOUND` (404), as by a server that does not know them: metrics of traces, evaluation
datasets, scorers, issues, label schemas, review queues, prompt optimization, MLflow's AI gateway and its secrets, jobs,
workspaces, GraphQL, and the users and permissions of MLflow's auth app (Headwater has tokens and roles). The presigned
URLs of `/mlflow/artifacts/` are refused as MLflow refuses them where artifacts go through the server.
"""


class _Kit:
    """A gateway that never runs."""

    def __getattr__(self, name: str) -> Any:
        return lambda *_: None


def _endpoints() -> Iterator[tuple[str, Endpoint]]:
    for table in Mlflow(_Kit())._tables:  # type: ignore[arg-type]
        for endpoint in table.endpoints():
            prefix = f"/api/{endpoint.version}" if endpoint.version else ""
            yield f"{prefix}{endpoint.path}".replace(":path}", "}"), endpoint


def page() -> str:
    rows = sorted((path, endpoint.verb, endpoint.action) for path, endpoint in _endpoints())
    table = [f"| {verb} | `{path}` | {action or 'nothing'} |" for path, verb, action in rows]
    head = f"## Served\n\n{len(rows)} endpoints; all below `/api/` also below `/ajax-api/`.\n"
    events = f"\nEvents of webhooks: {', '.join(f'`{event}`' for event in EVENTS)}.\n"
    return "\n".join([_HEAD + head, "| verb | path | needs |", "|---|---|---|", *table, ""]) + events + _MISSING
