"""Settings of a service: one frozen class, read from the environment.

HEADWATER_<NAME> sets a value for every service of a process, HEADWATER_<SERVICE>_<NAME> for one of them.
"""

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal, TypeVar

from pydantic import BaseModel, ConfigDict, Field, SecretStr, ValidationError

from headwater_server.kit.errors import InvalidArgument

PEERS = ("scheduler", "executor", "tracking", "artifact", "registry", "gateway")


class ServiceSettings(BaseModel):
    """What every service needs to know. Services add their own fields."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    nats_url: str = Field("nats://127.0.0.1:4222", description="Address of the message bus.")
    nats_seed: Path | None = Field(
        None, description="File with the nkey seed of this identity; none: no authentication."
    )
    nats_inbox: str = Field("", description="Prefix of reply subjects; default _INBOX_<identity>.")
    database_url: str = Field(
        "", description="postgresql:// URL of the role that owns nothing but its own schema's rows."
    )
    database_pool_size: int = Field(4, ge=1, le=200, description="Connections to Postgres at most.")
    grpc_address: str = Field("127.0.0.1:7401", description="host:port on which this process serves gRPC.")
    scheduler_address: str = Field("", description="host:port of the scheduler; default: this process.")
    executor_address: str = Field("", description="host:port of the executor; default: this process.")
    tracking_address: str = Field("", description="host:port of tracking; default: this process.")
    artifact_address: str = Field("", description="host:port of the artifact service; default: this process.")
    registry_address: str = Field("", description="host:port of the registry; default: this process.")
    gateway_address: str = Field("", description="host:port of the gateway's gRPC; default: this process.")
    internal_key: SecretStr = Field(
        SecretStr(""), description="Signs tokens of services and tasks; the same for all services."
    )
    s3_endpoint: str = Field("", description="URL of the S3 server as this process reaches it.")
    s3_public_endpoint: str = Field("", description="URL of the S3 server as clients reach it; default: s3_endpoint.")
    s3_region: str = Field("us-east-1", description="Region in S3 signatures.")
    s3_access_key: str = Field("", description="Access key id of this service's bucket.")
    s3_secret_key: SecretStr = Field(SecretStr(""), description="Secret access key of this service's bucket.")
    s3_session_token: SecretStr = Field(SecretStr(""), description="Session token, with temporary credentials.")
    s3_bucket: str = Field("", description="Bucket that this service owns.")
    s3_path_style: bool = Field(True, description="endpoint/bucket/key (true) or bucket.endpoint/key (false).")
    log_level: Literal["debug", "info", "warning", "error"] = Field(
        "info", description="Least severe line that is logged."
    )
    log_format: Literal["json", "console"] = Field("json", description="Form of the log lines on stderr.")
    metrics_address: str = Field("", description="host:port of /metrics and /healthz of this process; none: off.")
    insecure: bool = Field(False, description="Allow listening beyond loopback without TLS.")
    tls_ca: Path | None = Field(
        None, description="PEM file of the CA that signed the peers' certificates; turns mTLS on."
    )
    tls_cert: Path | None = Field(None, description="PEM file of this service's certificate.")
    tls_key: Path | None = Field(None, description="PEM file of the certificate's key.")

    def peer(self, service: str) -> str:
        """host:port of another service; our own when nothing else is said."""
        return getattr(self, f"{service}_address") or self.grpc_address


S = TypeVar("S", bound=ServiceSettings)


def load(cls: type[S], service: str, environ: Mapping[str, str] | None = None) -> S:
    """Reads the settings of a service. Raises InvalidArgument that names the variable and the value."""
    env = os.environ if environ is None else environ
    values: dict[str, Any] = {}
    origin: dict[str, str] = {}
    for name in cls.model_fields:
        for variable in (f"HEADWATER_{service.upper()}_{name.upper()}", f"HEADWATER_{name.upper()}"):
            if variable in env:
                values[name], origin[name] = env[variable], variable
                break
    try:
        return cls(**values)
    except ValidationError as error:
        first = error.errors()[0]
        name = str(first["loc"][0]) if first["loc"] else "?"
        variable = origin.get(name, f"HEADWATER_{name.upper()}")
        shown = "(hidden)" if any(word in name for word in ("key", "secret", "token")) else repr(values.get(name, ""))
        raise InvalidArgument(f"{variable}={shown}: {first['msg']}", field=variable) from None
