"""Where a bucket is and who may sign for it: the platform, or an S3 server that the user configured.

s3://headwater-files/<project>/… are files of the platform: it signs, so user code needs no credentials. All other
buckets are reached as AWS_* and METAFLOW_S3_ENDPOINT_URL say.
"""

import configparser
import os
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Protocol

from headwater.s3.errors import MetaflowS3AccessDenied, MetaflowS3Exception, MetaflowS3URLException
from headwater.s3.signing import Credentials, Request, presign

FILES = "headwater-files"
_BATCH = 500
# Seconds; the server signs for a quarter of an hour.
_GOOD_FOR = 600.0


class Place(Protocol):
    """A bucket. Names in it begin with `root`, which users do not see."""

    root: str

    def sign(self, requests: Sequence[Request]) -> list[str]:
        """The URLs of requests; their keys and prefixes without `root`."""
        ...

    def expect(self, requests: Sequence[Request]) -> None:
        """Each of these will be asked for on its own in a moment."""
        ...


class PlatformFiles:
    """The files of one project, through the server that the process is connected to."""

    def __init__(self, project: str) -> None:
        self.project = project
        self.root = ""
        self._ahead: dict[str, tuple[str, float]] = {}

    def expect(self, requests: Sequence[Request]) -> None:
        """Signs them in one go."""
        now = time.monotonic()
        self._ahead = {name: known for name, known in self._ahead.items() if now - known[1] < _GOOD_FOR}
        for request, url in zip(requests, self._sign(requests), strict=True):
            self._ahead[_name(request)] = (url, now)

    def sign(self, requests: Sequence[Request]) -> list[str]:
        if len(requests) == 1:
            url, when = self._ahead.pop(_name(requests[0]), ("", 0.0))
            if url and time.monotonic() - when < _GOOD_FOR:
                return [url]
        return self._sign(requests)

    def _sign(self, requests: Sequence[Request]) -> list[str]:
        from headwater.client.http import connect, segment
        from headwater.errors import InvalidArgument, PermissionDenied

        urls: list[str] = []
        path = f"/api/v1/projects/{segment(self.project)}/objects"
        for begin in range(0, len(requests), _BATCH):
            batch = requests[begin : begin + _BATCH]
            reads = all(each.method in ("GET", "HEAD") for each in batch)
            wanted = [_as_json(each) for each in batch]
            try:
                reply = connect().call(
                    "POST", f"{path}/{'reads' if reads else 'writes'}", {"requests": wanted}, repeatable=True
                )
            except InvalidArgument as error:
                raise MetaflowS3URLException(error.message, hint=error.hint) from None
            except PermissionDenied as error:
                raise MetaflowS3AccessDenied(error.message, hint=error.hint) from None
            self.root = reply.get("root", "")
            urls += reply.get("urls", [])
        return urls


def _name(request: Request) -> str:
    return repr((request.method, request.key, sorted(request.query.items()), sorted(request.headers.items())))


def _as_json(request: Request) -> dict[str, Any]:
    body = {"method": request.method, "key": request.key, "query": request.query, "headers": request.headers}
    return {name: value for name, value in body.items() if value}


class Server:
    """One bucket of an S3 server of the user's choice."""

    root = ""

    def __init__(self, bucket: str, settings: "Settings") -> None:
        self._bucket, self._settings = bucket, settings

    def expect(self, requests: Sequence[Request]) -> None:
        """To sign here costs nothing."""

    def sign(self, requests: Sequence[Request]) -> list[str]:
        settings = self._settings
        credentials = settings.credentials()
        if credentials is None:
            raise MetaflowS3AccessDenied(
                f"there are no credentials for s3://{self._bucket}",
                hint="set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY where this runs, or use S3(run=self), "
                "which needs none",
            )
        region = settings.region
        endpoint = settings.endpoint or f"https://s3.{region}.amazonaws.com"
        path_style = bool(settings.endpoint) or "." in self._bucket
        return [
            presign(
                each, endpoint=endpoint, bucket=self._bucket, region=region, credentials=credentials,
                path_style=path_style,
            )
            for each in requests
        ]  # fmt: skip


class Signed:
    """One object, by a URL that somebody else has signed."""

    root = ""

    def __init__(self, url: str) -> None:
        self._url = url

    def sign(self, requests: Sequence[Request]) -> list[str]:
        return [self._url] * len(requests)

    def expect(self, requests: Sequence[Request]) -> None:
        """It is signed already."""


class Settings:
    """Endpoint, region and credentials, from `client_params`, the environment and ~/.aws, in this order."""

    def __init__(
        self, params: Mapping[str, Any] | None = None, role: str | None = None, session: Mapping[str, Any] | None = None
    ) -> None:
        self._params, self._role, self._session = dict(params or {}), role, dict(session or {})
        self._profile = str(self._session.get("profile_name") or os.environ.get("AWS_PROFILE") or "default")
        self._found: Credentials | None = None

    @property
    def endpoint(self) -> str:
        """ "" for AWS itself."""
        names = ("METAFLOW_S3_ENDPOINT_URL", "AWS_ENDPOINT_URL_S3", "AWS_ENDPOINT_URL")
        found = self._params.get("endpoint_url") or next(
            (os.environ[name] for name in names if os.environ.get(name)), ""
        )
        if found and not found.startswith(("http://", "https://")):
            raise MetaflowS3URLException(f"the S3 endpoint {found!r} is no http:// or https:// address")
        return str(found or self._config("config", "endpoint_url")).rstrip("/")

    @property
    def region(self) -> str:
        named = self._params.get("region_name") or self._session.get("region_name")
        environ = os.environ.get("AWS_REGION") or os.environ.get("AWS_DEFAULT_REGION")
        return str(named or environ or self._config("config", "region") or "us-east-1")

    @property
    def verify(self) -> str | bool:
        """A file of CA certificates, True for those of the system, False for none."""
        given = self._params.get("verify")
        if given is None:
            given = os.environ.get("METAFLOW_S3_VERIFY_CERTIFICATE") or os.environ.get("AWS_CA_BUNDLE") or True
        return given if isinstance(given, bool) else str(given)

    def credentials(self) -> Credentials | None:
        if self._role is None:
            for source in (self._params, self._session):
                if source.get("aws_access_key_id"):
                    return _credentials(source)
            environ = {name.lower(): os.environ.get(name) for name in _NAMES}
            if environ["aws_access_key_id"] and environ["aws_secret_access_key"]:
                return _credentials(environ)
            stored = {name.lower(): self._config("credentials", name.lower()) for name in _NAMES}
            if stored["aws_access_key_id"] and stored["aws_secret_access_key"]:
                return _credentials(stored)
        return self._of_boto3()

    def _of_boto3(self) -> Credentials | None:
        """Roles, single sign-on and instance metadata are boto3's business, where it is installed."""
        try:
            import boto3  # pyright: ignore[reportMissingImports]
        except ImportError:
            if self._role is not None:
                raise MetaflowS3Exception("a role needs boto3", hint="pip install boto3") from None
            return None
        session: Any = boto3.session.Session(**self._session)
        if self._role is not None:
            taken = session.client("sts").assume_role(RoleArn=self._role, RoleSessionName="headwater-s3")["Credentials"]
            return Credentials(taken["AccessKeyId"], taken["SecretAccessKey"], taken["SessionToken"])
        found = session.get_credentials()
        if found is None:
            return None
        frozen = found.get_frozen_credentials()
        return Credentials(frozen.access_key, frozen.secret_key, frozen.token or "")

    def _config(self, kind: str, name: str) -> str:
        variable = {"config": "AWS_CONFIG_FILE", "credentials": "AWS_SHARED_CREDENTIALS_FILE"}[kind]
        path = Path(os.environ.get(variable) or Path.home() / ".aws" / kind)
        parser = configparser.ConfigParser(interpolation=None)
        try:
            parser.read(path)
        except (OSError, configparser.Error) as error:
            raise MetaflowS3Exception(f"{path} cannot be read: {error}") from None
        section = f"profile {self._profile}" if kind == "config" and self._profile != "default" else self._profile
        return parser.get(section, name, fallback="")


_NAMES = ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN")


def _credentials(source: Mapping[str, Any]) -> Credentials:
    return Credentials(*(str(source.get(name.lower()) or "") for name in _NAMES))
