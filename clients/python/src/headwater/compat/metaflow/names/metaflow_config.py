"""metaflow.metaflow_config: settings by name, from the environment (METAFLOW_<name>), else as they are here."""

import os
from typing import Any

from headwater.compat.metaflow.names.metaflow_config_funcs import from_conf

# What a flow or a notebook asks for, and what it is on this platform where the environment says nothing.
_DEFAULTS: dict[str, Any] = {
    "DEFAULT_DATASTORE": "s3",
    "DEFAULT_ENVIRONMENT": "local",
    "DEFAULT_METADATA": "service",
    "DEFAULT_EVENT_LOGGER": "nullSidecarLogger",
    "DEFAULT_MONITOR": "nullSidecarMonitor",
    "DEFAULT_PACKAGE_SUFFIXES": ".py,.R,.RDS",
    "DEFAULT_CONTAINER_IMAGE": None,
    "DEFAULT_CONTAINER_REGISTRY": None,
    "DEFAULT_DECOSPECS": "",
    "DATASTORE_SYSROOT_LOCAL": None,
    "DATASTORE_SYSROOT_S3": None,
    "DATASTORE_SYSROOT_AZURE": None,
    "DATASTORE_SYSROOT_GS": None,
    "DATASTORE_LOCAL_DIR": ".metaflow",
    "DATATOOLS_SUFFIX": "data",
    "DATATOOLS_S3ROOT": None,
    "DATATOOLS_CLIENT_PARAMS": {},
    "DATATOOLS_SESSION_VARS": {},
    "CARD_S3ROOT": None,
    "CARD_LOCALROOT": None,
    "S3_ENDPOINT_URL": None,
    "S3_VERIFY_CERTIFICATE": None,
    "S3_RETRY_COUNT": 7,
    "S3_WORKER_COUNT": 64,
    "SERVICE_URL": None,
    "SERVICE_AUTH_KEY": None,
    "SERVICE_HEADERS": {},
    "SERVICE_INTERNAL_URL": None,
    "SERVICE_RETRY_COUNT": 5,
    "UI_URL": None,
    "MAX_ATTEMPTS": 6,
    "MAX_WORKERS": 16,
    "MAX_NUM_SPLITS": 100,
    "MAX_LOG_SIZE": 1024 * 1024,
    "TEMPDIR": ".",
    "USER": None,
    "KUBERNETES_NAMESPACE": "default",
    "KUBERNETES_CONTAINER_IMAGE": None,
    "KUBERNETES_SERVICE_ACCOUNT": None,
    "KUBERNETES_SECRETS": "",
    "BATCH_JOB_QUEUE": None,
    "BATCH_CONTAINER_IMAGE": None,
    "ECS_S3_ACCESS_IAM_ROLE": None,
    "CONTACT_INFO": {},
    "AWS_SECRETS_MANAGER_DEFAULT_REGION": None,
    "DEFAULT_SECRETS_BACKEND_TYPE": None,
    "ARGO_WORKFLOWS_UI_URL": None,
    "ARGO_EVENTS_WEBHOOK_URL": None,
}
__all__ = list(_DEFAULTS)  # pyright: ignore[reportUnsupportedDunderAll]


def __getattr__(name: str) -> Any:
    if name in _DEFAULTS or f"METAFLOW_{name}" in os.environ:
        return from_conf(name, _DEFAULTS.get(name))
    raise AttributeError(f"module 'metaflow.metaflow_config' has no attribute {name!r}: METAFLOW_{name} is not set")


def __dir__() -> list[str]:
    return sorted(__all__)
