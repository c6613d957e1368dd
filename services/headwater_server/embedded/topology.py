"""infra/grants.toml as objects, and the configurations generated from it: NATS permissions, Postgres roles, S3 keys.

Pure: reads the table, touches no server.
"""

import tomllib
from dataclasses import dataclass
from functools import cache
from importlib import resources
from typing import Any

_HOUR = 3_600_000_000_000
_SECOND = 1_000_000_000


@dataclass(frozen=True)
class Identity:
    name: str
    publish: tuple[str, ...] = ()
    subscribe: tuple[str, ...] = ()
    consumers: tuple[str, ...] = ()
    ordered: tuple[str, ...] = ()
    replies: bool = False
    schema: str = ""
    bucket: str = ""

    @property
    def inbox(self) -> str:
        """Prefix of its reply subjects. Not below `_INBOX.`: nobody reads another's replies by a wide grant."""
        return f"_INBOX_{self.name}"

    def may_publish(self) -> list[str]:
        rights = list(self.publish)
        for consumer in self.consumers:
            stream, durable = consumer.split("/")
            rights += [f"$JS.API.CONSUMER.MSG.NEXT.{stream}.{durable}", f"$JS.ACK.{stream}.{durable}.>"]
        for stream in self.ordered:
            rights += [f"$JS.API.CONSUMER.{act}.{stream}.>" for act in ("CREATE", "INFO", "DELETE", "MSG.NEXT")] + [
                f"$JS.FC.{stream}.>"
            ]
            rights += [f"$JS.API.STREAM.{act}.{stream}" for act in ("INFO", "MSG.GET")] + [
                f"$JS.API.DIRECT.GET.{stream}",
                f"$JS.API.DIRECT.GET.{stream}.>",
            ]
        return rights

    def may_subscribe(self) -> list[str]:
        return [*self.subscribe, f"{self.inbox}.>"]


@dataclass(frozen=True)
class Topology:
    identities: dict[str, Identity]
    streams: dict[str, dict[str, Any]]
    consumers: dict[str, dict[str, Any]]
    datastores: dict[str, str]

    def may_not_publish(self, identity: Identity) -> list[str]:
        """What readers of a stream must not do: change, drain or delete the consumers that others have on it. They
        name their own consumers, for a request without a name could name anybody's in its body."""
        denied: list[str] = []
        for key in self.consumers:
            stream, durable = key.split("/")
            if stream in identity.ordered and key not in identity.consumers:
                denied += [f"$JS.API.CONSUMER.{act}.{stream}.{durable}" for act in ("*", "*.*")]
                denied += [f"$JS.API.CONSUMER.*.{stream}.{durable}.>"]
        return denied

    def services(self) -> list[Identity]:
        return [i for i in self.identities.values() if i.schema]

    def buckets(self) -> dict[str, str]:
        """Identity or datastore → bucket."""
        return {i.name: i.bucket for i in self.identities.values() if i.bucket} | self.datastores


@cache
def topology() -> Topology:
    text = resources.files("headwater_server.embedded").joinpath("grants.toml").read_text()
    table = tomllib.loads(text)
    identities = {name: _identity(name, row) for name, row in table["identity"].items()}
    datastores = {name: row["bucket"] for name, row in table["datastore"].items()}
    return Topology(identities, table["stream"], table["consumer"], datastores)


def _identity(name: str, row: dict[str, Any]) -> Identity:
    values: dict[str, Any] = {k: tuple(v) if isinstance(v, list) else v for k, v in row.items()}
    return Identity(name, **values)


def stream_config(name: str, row: dict[str, Any]) -> dict[str, Any]:
    """The JetStream configuration of a stream, as the server's API takes it."""
    config: dict[str, Any] = {
        "name": name,
        "subjects": row["subjects"],
        "storage": "file",
        "retention": row.get("retention", "limits"),
        "discard": row.get("discard", "old"),
        "max_bytes": row["max_mb"] << 20,
        "max_age": row.get("max_age", 0) * _HOUR,
        "duplicate_window": row["dedup"] * _SECOND,
        "allow_direct": True,
        "num_replicas": 1,
        "max_msgs_per_subject": row.get("max_per_subject", -1),
        "discard_new_per_subject": "max_per_subject" in row,
    }
    if row.get("atomic"):
        config["allow_atomic"] = True
    if row.get("persist"):
        config["persist_mode"] = row["persist"]
    return config


def consumer_config(key: str, row: dict[str, Any]) -> tuple[str, dict[str, Any]]:
    """(stream, configuration) of a durable pull consumer."""
    stream, durable = key.split("/")
    filters = row["filter"]
    config: dict[str, Any] = {
        "durable_name": durable,
        "ack_policy": "explicit",
        "ack_wait": row.get("ack_wait", 30) * _SECOND,
        "max_deliver": -1,
        "max_ack_pending": 20_000,
        "deliver_policy": "all",
    }
    config |= {"filter_subject": filters[0]} if len(filters) == 1 else {"filter_subjects": filters}
    return stream, config


def nats_permissions(identity: Identity) -> str:
    """The `permissions` block of a user."""
    if identity.name == "infra":
        return ""
    denied = topology().may_not_publish(identity)
    shared = {key.split("/")[0] for key in topology().consumers}
    unnamed = [f"$JS.API.CONSUMER.CREATE.{stream}" for stream in identity.ordered if stream not in shared]
    publish = _list(identity.may_publish() + unnamed)
    if denied:
        publish = f"{{ allow: {publish}, deny: {_list(denied)} }}"
    text = f"publish: {publish}, subscribe: {_list(identity.may_subscribe())}"
    if identity.replies:
        text += ', allow_responses: { max: 1, expires: "60s" }'
    return f", permissions: {{ {text} }}"


def _list(subjects: list[str]) -> str:
    return "[" + ", ".join(f'"{s}"' for s in subjects) + "]"


def nats_users(credential: dict[str, str]) -> str:
    """The users of the application's account; credential: identity → e.g. 'nkey: U…' or 'user: x, password: $Y'."""
    return "\n".join(
        f"      {{ {credential[name]}{nats_permissions(identity)} }}"
        for name, identity in topology().identities.items()
    )


def postgres_roles(passwords: dict[str, str]) -> list[str]:
    """SQL for a superuser, safe to repeat: per service a schema, an owner that nobody logs in as (migrations run under
    it), and a role that sees only rows of that schema. passwords: service → password."""
    statements = ["REVOKE CREATE ON SCHEMA public FROM PUBLIC", "REVOKE ALL ON DATABASE headwater FROM PUBLIC"]
    for identity in topology().services():
        name, owner = identity.schema, f"{identity.schema}_owner"
        quoted = passwords[name].replace("'", "''")
        for role in (owner, name):
            statements.append(f"DO $$ BEGIN CREATE ROLE {role}; EXCEPTION WHEN duplicate_object THEN NULL; END $$")
        statements += [
            f"ALTER ROLE {name} LOGIN PASSWORD '{quoted}'",
            f"ALTER ROLE {name} SET search_path = {name}",
            f"GRANT CONNECT ON DATABASE headwater TO {name}",
            f"CREATE SCHEMA IF NOT EXISTS {name} AUTHORIZATION {owner}",
        ]
    return statements


def s3_identities(keys: dict[str, tuple[str, str]]) -> dict[str, Any]:
    """The embedded S3 server's key file; keys: identity → (access key, secret key), and "admin"."""
    rows = [_s3_identity("admin", keys["admin"], ["Admin", "Read", "Write", "List", "Tagging"])]
    for name, bucket in topology().buckets().items():
        rows.append(_s3_identity(name, keys[name], [f"{act}:{bucket}" for act in ("Read", "Write", "List", "Tagging")]))
    return {"identities": rows}


def _s3_identity(name: str, key: tuple[str, str], actions: list[str]) -> dict[str, Any]:
    return {"name": name, "credentials": [{"accessKey": key[0], "secretKey": key[1]}], "actions": actions}


_ON_BUCKET = ("s3:ListBucket", "s3:GetBucketLocation", "s3:ListBucketMultipartUploads")
_ON_OBJECTS = (
    "s3:GetObject",
    "s3:PutObject",
    "s3:DeleteObject",
    "s3:AbortMultipartUpload",
    "s3:ListMultipartUploadParts",
)


def s3_policy(bucket: str) -> dict[str, Any]:
    """An IAM policy that opens one bucket, for S3 servers that speak IAM."""
    arn = f"arn:aws:s3:::{bucket}"
    return {
        "Version": "2012-10-17",
        "Statement": [
            {"Effect": "Allow", "Action": list(_ON_BUCKET), "Resource": [arn]},
            {
                "Effect": "Allow",
                "Action": list(_ON_OBJECTS),
                "Resource": [f"{arn}/*"],
            },
        ],
    }
