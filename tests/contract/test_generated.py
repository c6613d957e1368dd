"""Generated files are up to date, and real programs take them: NATS its configuration, psql its script, a JSON Schema
validator the events that we publish."""

import asyncio
import importlib.util
import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml
from google.protobuf.json_format import ParseDict
from google.protobuf.message import Message

from headwater.api.events.v1 import events_pb2
from headwater_server.embedded import nats
from headwater_server.embedded.postgres import installation
from headwater_server.embedded.processes import Child, answers, await_ready, free_port, stop_all
from headwater_server.embedded.topology import topology
from headwater_server.kit.bus import Bus
from headwater_server.kit.envelope import encode
from headwater_server.kit.errors import PermissionDenied

ROOT = Path(__file__).parents[2]
SCRIPT = ROOT / "infra/generate.py"
COMPOSE: dict[str, Any] = yaml.safe_load((ROOT / "docker-compose.yml").read_text())["services"]
EVENTS = [name for name, message in events_pb2.DESCRIPTOR.message_types_by_name.items() if message.GetOptions()]


def test_every_generated_file_is_up_to_date():
    done = subprocess.run([sys.executable, str(SCRIPT), "--check"], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


def test_a_file_that_drifted_is_named(tmp_path, monkeypatch, capsys):
    monkeypatch.syspath_prepend(str(SCRIPT.parent))
    spec = importlib.util.spec_from_file_location("generate", SCRIPT)
    assert spec is not None
    assert spec.loader is not None
    generate = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(generate)
    monkeypatch.setattr(generate, "ROOT", tmp_path)
    names = ["infra/s3/artifact.json", "infra/nats/nats.conf"]
    assert generate.main(names) == 0
    assert generate.main(["--check", *names]) == 0
    (tmp_path / names[1]).write_text("listen: 0.0.0.0:4222\n")
    capsys.readouterr()
    assert generate.main(["--check", *names]) == 1
    said = capsys.readouterr().err
    assert names[1] in said
    assert names[0] not in said


# --- AsyncAPI -----------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def asyncapi() -> dict[str, Any]:
    return json.loads((ROOT / "docs/asyncapi.json").read_text())


def _filled(message: Message) -> Message:
    """The message with a value in every field."""
    for field in message.DESCRIPTOR.fields:
        inner = field.message_type
        if inner and inner.GetOptions().map_entry:
            values = getattr(message, field.name)
            values["key"] = "text" if inner.fields_by_name["value"].type == field.TYPE_STRING else 0.5
        elif inner and inner.full_name == "google.protobuf.Struct":
            getattr(message, field.name).update({"rate": 0.1})
        elif inner and inner.full_name == "google.protobuf.Timestamp":
            getattr(message, field.name).FromJsonString("2026-01-02T03:04:05Z")
        elif inner and field.is_repeated:
            getattr(message, field.name).add()  # left empty: it may be of the message's own kind
        elif inner:
            _filled(getattr(message, field.name))
        elif field.is_repeated:
            getattr(message, field.name).append("text")
        else:
            setattr(message, field.name, type(getattr(message, field.name))(3))
    return message


def test_every_reference_of_the_page_leads_somewhere(asyncapi):
    def references(value: Any) -> list[str]:
        if isinstance(value, dict):
            own = [value["$ref"]] if isinstance(value.get("$ref"), str) else []
            return own + [ref for inner in value.values() for ref in references(inner)]
        return [ref for inner in value for ref in references(inner)] if isinstance(value, list) else []

    found = references(asyncapi)
    assert found
    for reference in found:
        at: Any = asyncapi
        for part in reference.removeprefix("#/").split("/"):
            at = at[part]


@pytest.mark.parametrize("name", EVENTS)
def test_a_published_event_is_what_the_page_says(asyncapi, name):
    event = _filled(getattr(events_pb2, name)())
    sent = encode(event, "00-" + "a" * 32 + "-" + "b" * 16 + "-01")
    message = asyncapi["components"]["messages"][name]
    payload = {**message["payload"], "components": asyncapi["components"]}
    body = json.loads(sent.body)
    checker = jsonschema.Draft202012Validator(payload, format_checker=jsonschema.FormatChecker())
    checker.validate(body)
    schema = asyncapi["components"]["schemas"][name]
    assert set(body) == set(schema["properties"]), "every field is described, and no other"
    jsonschema.validate(sent.headers, asyncapi["components"]["messageTraits"]["cloudEvent"]["headers"])
    channel = asyncapi["channels"][message["name"]]
    assert re.fullmatch(re.sub(r"\{\w+\}", "[A-Za-z0-9_-]+", channel["address"].replace(".", r"\.")), sent.subject)
    assert not checker.is_valid({**body, "at": 5})
    ParseDict(body, getattr(events_pb2, name)())


# --- Configurations -----------------------------------------------------------------------------------------------


def test_the_bus_takes_its_configuration_and_knows_the_users(tmp_path):
    """Also as the compose file starts it: with every password that the configuration asks for."""
    text = (ROOT / "infra/nats/nats.conf").read_text()
    assert set(re.findall(r"password: \$(\w+)", text)) == set(COMPOSE["nats"]["environment"])
    done = subprocess.run(
        [str(nats.binary("nats-server")), "-t", "-c", str(ROOT / "infra/nats/nats.conf")],
        env=dict.fromkeys(COMPOSE["nats"]["environment"], "secret"),
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr


async def test_users_of_the_production_bus_have_their_rights_and_no_others(tmp_path):
    port = free_port()
    config = tmp_path / "nats.conf"
    config.write_text((ROOT / "infra/nats/nats.conf").read_text().replace('"/data"', f'"{tmp_path}"'))
    command = [str(nats.binary("nats-server")), "-c", str(config), "-a", "127.0.0.1", "-p", str(port)]
    command += ["-m", str(free_port())]
    passwords = {name: f"of-{name.lower()}" for name in COMPOSE["nats"]["environment"]}
    server = Child("nats", command, tmp_path / "log", ready=lambda _: answers(port), env=passwords)
    server.start()
    try:
        await_ready([server], 10)
        for identity in topology().identities:
            user = identity.replace("-", "_")
            url = f"nats://{user}:{passwords[f'NATS_{user.upper()}_PASSWORD']}@127.0.0.1:{port}"
            bus = await Bus.connect(url, identity=identity, patience=3)
            try:
                if identity != "infra":
                    with pytest.raises(PermissionDenied):
                        await bus.request("$JS.API.STREAM.DELETE.HW_EVENTS", b"{}")
            finally:
                await bus.close()
    finally:
        stop_all([server])


async def test_psql_makes_the_roles(postgres, new_database):
    await new_database("tracking")  # makes database headwater and the roles with the passwords of the harness
    schemas = [identity.schema for identity in topology().services()]
    env = {f"POSTGRES_{schema.upper()}_PASSWORD": postgres.password(schema) for schema in schemas}
    script = str(ROOT / "infra/postgres/roles.sql")
    for _ in range(2):  # safe to repeat
        await _psql(postgres.admin_url("headwater"), "-v", "ON_ERROR_STOP=1", "-f", script, env=env)
    assert await _psql(postgres.url("registry", "headwater"), "-c", "SHOW search_path") == "registry"


async def _psql(url: str, *options: str, env: dict[str, str] | None = None) -> str:
    process = await asyncio.create_subprocess_exec(
        installation() / "bin" / "psql", url, "-qXAt", *options, env=env, stdout=-1, stderr=-1
    )
    out, error = await process.communicate()
    assert process.returncode == 0, error.decode()
    return out.decode().strip()


def test_the_s3_setup_is_a_script_whose_variables_are_set():
    script = ROOT / "infra/s3/setup.sh"
    assert subprocess.run([shutil.which("sh") or "sh", "-n", str(script)]).returncode == 0
    wanted = set(re.findall(r"\$\{?(S3_\w+)", script.read_text())) - {"S3_ENDPOINT"}
    assert wanted == set(COMPOSE["minio-setup"]["environment"])
    for file in re.findall(r"/etc/headwater/(\w+\.json)", script.read_text()):
        assert (script.parent / file).exists()


def test_the_environment_file_sets_what_compose_demands():
    done = subprocess.run([sys.executable, str(SCRIPT), "--env"], capture_output=True, text=True, env=dict(os.environ))
    values = dict(line.split("=", 1) for line in done.stdout.splitlines())
    demanded = set(re.findall(r"\$\{([A-Z0-9_]+):\?\}", (ROOT / "docker-compose.yml").read_text()))
    assert set(values) == demanded
    assert len(set(values.values())) == len(values)
    assert all(re.fullmatch(r"[a-z][A-Za-z0-9_-]{15,}", value) for value in values.values()), (
        "fit for URLs and nats.conf"
    )
