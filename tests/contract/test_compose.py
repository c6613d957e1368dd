"""docker-compose.yml is valid and agrees with the code: commands, settings, addresses, identities, generated grants."""

import re
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest
import yaml
from compose_spec import PyCompose

from headwater_server.__main__ import SERVICES
from headwater_server.embedded.topology import topology
from headwater_server.executor.node.settings import parse as worker_settings
from headwater_server.kit.settings import ServiceSettings, load

ROOT = Path(__file__).parents[2]
TEXT = (ROOT / "docker-compose.yml").read_text()
COMPOSE: dict[str, Any] = yaml.safe_load(TEXT)
DOCKERFILE = (ROOT / "infra/docker/Dockerfile").read_text()
PORT = "7401"


def environment(service: str) -> dict[str, str]:
    """The variables of a container, with every secret filled in."""
    raw = COMPOSE["services"][service].get("environment", {})
    return {k: re.sub(r"\$\{[^}]+\}", "filled-in", str(v)) for k, v in raw.items()}


def interpolated() -> str:
    """The file as compose sees it: merge keys merged, variables replaced by their default or by some value."""
    return re.sub(r"\$\{\w+(?::-([^}]*)|:\?)\}", lambda m: m[1] or "filled-in", yaml.safe_dump(COMPOSE))


def test_the_file_follows_the_compose_specification():
    spec = PyCompose.from_yaml(interpolated()).to_spec()
    assert set(spec.model_dump(exclude_none=True)["services"]) == set(COMPOSE["services"])


@pytest.mark.parametrize("service", SERVICES)
def test_every_service_has_a_container_whose_variables_are_settings(service):
    container = COMPOSE["services"][service]
    assert container["command"] == [service]
    settings_class = import_module(f"headwater_server.{service}.app").Settings
    env = environment(service)
    known = {f"HEADWATER_{name.upper()}" for name in settings_class.model_fields}
    assert {name for name in env if name.startswith("HEADWATER_")} <= known
    settings = load(settings_class, service, env)
    assert settings.database_url.startswith(f"postgresql://{service}:")
    assert settings.nats_url.startswith(f"nats://{service}:")
    assert settings.internal_key.get_secret_value()
    for peer in SERVICES:
        assert settings.peer(peer) == f"{peer}:{PORT}"
    assert settings.grpc_address == f"0.0.0.0:{PORT}"
    assert settings.insecure, "a bind beyond loopback must be said"


@pytest.mark.parametrize("service", SERVICES)
def test_every_service_can_be_scaled_and_is_watched(service):
    container = COMPOSE["services"][service]
    assert "container_name" not in container
    assert service == "gateway" or "ports" not in container, "a fixed host port cannot be scaled"
    assert "9100/healthz" in str(container["healthcheck"]["test"])
    assert environment(service)["HEADWATER_METRICS_ADDRESS"].endswith(":9100")


def test_only_loopback_ports_are_published():
    published = [port for c in COMPOSE["services"].values() for port in c.get("ports", [])]
    assert published
    assert all(str(port).startswith("127.0.0.1:") for port in published)


def test_no_secret_stands_in_the_file():
    for service, container in COMPOSE["services"].items():
        for name, value in (container.get("environment") or {}).items():
            if re.search(r"PASSWORD|SECRET|KEY|TOKEN", name) or "@" in str(value):
                assert re.search(r"\$\{[A-Z0-9_]+:\?\}", str(value)), f"{service}: {name}"


def test_workers_are_containers_with_the_rights_of_their_pool_and_nothing_else():
    container = COMPOSE["services"]["worker"]
    env = environment("worker")
    command, *arguments = container["command"]
    assert command == "worker"
    settings = worker_settings(arguments, env)
    assert (settings.pool, settings.slots) == ("default", 2)
    assert settings.nats_url.startswith("nats://worker_default:")
    assert settings.nats_inbox == topology().identities[settings.identity].inbox
    assert settings.url == "http://gateway:7400"
    assert not [name for name in env if "DATABASE" in name or "S3" in name or "INTERNAL_KEY" in name]
    assert "ports" not in container
    assert "container_name" not in container


def test_provisioning_comes_before_every_service_and_has_what_it_needs():
    once = COMPOSE["services"]["apply"]
    assert once["command"] == ["admin", "apply"]
    assert "restart" not in once
    env = environment("apply")
    settings = load(ServiceSettings, "infra", env)
    assert settings.nats_url.startswith("nats://infra:")
    assert settings.database_url.startswith("postgresql://postgres:")
    passwords = {f"POSTGRES_{identity.schema.upper()}_PASSWORD" for identity in topology().services()}
    assert passwords == {name for name in env if name.startswith("POSTGRES_")}
    for service in (*SERVICES, "worker"):
        assert COMPOSE["services"][service]["depends_on"]["apply"] == {"condition": "service_completed_successfully"}


def test_traces_reach_jaeger():
    collector = yaml.safe_load((ROOT / "infra/otel/collector.yaml").read_text())
    for pipeline in collector["service"]["pipelines"].values():
        for kind in ("receivers", "processors", "exporters"):
            assert set(pipeline[kind]) <= set(collector[kind])
    assert collector["receivers"]["otlp"]["protocols"]["http"]["endpoint"].endswith(":4318")
    assert [e["endpoint"].split(":")[0] for e in collector["exporters"].values()] == ["jaeger"]
    for service in (*SERVICES, "worker"):
        assert environment(service)["OTEL_EXPORTER_OTLP_ENDPOINT"] == "http://otel-collector:4318"


def test_images_are_pinned():
    for service, container in COMPOSE["services"].items():
        image, _, tag = container["image"].rpartition(":")
        assert "HEADWATER_IMAGE" in container["image"] or (image and re.search(r"\d", tag)), service


def test_what_is_waited_for_exists():
    for service, container in COMPOSE["services"].items():
        for name, wait in (container.get("depends_on") or {}).items():
            other = COMPOSE["services"][name]
            assert wait["condition"] != "service_healthy" or "healthcheck" in other, f"{service} waits for {name}"


def test_buckets_belong_to_their_service():
    assert environment("artifact")["HEADWATER_S3_BUCKET"] == "headwater-artifacts"
    assert environment("executor")["HEADWATER_S3_BUCKET"] == "headwater-logs"
    for service in ("scheduler", "tracking", "registry", "gateway", "worker"):
        assert not any("S3" in name and "SECRET" in name for name in environment(service))


def test_the_image_runs_as_nobody_in_particular_and_starts_our_command():
    stages = re.split(r"^FROM ", DOCKERFILE, flags=re.MULTILINE)[1:]
    assert len(stages) == 2, "two stages: build tools stay out of the image"
    assert re.search(r"^USER 10001$", stages[1], re.MULTILINE)
    assert 'ENTRYPOINT ["python", "-m", "headwater_server"]' in stages[1]
    for path in re.findall(r"^COPY (?!--from)(\S+)", DOCKERFILE, re.MULTILINE):
        assert (ROOT / path).exists(), path


def test_mounted_files_exist():
    for container in COMPOSE["services"].values():
        for volume in container.get("volumes", []):
            source = volume.split(":")[0]
            assert not source.startswith("./") or (ROOT / source).exists(), source
