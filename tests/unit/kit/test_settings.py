"""Settings come from the environment; a wrong one is named with its value."""

import pytest

from headwater_server.kit.errors import InvalidArgument
from headwater_server.kit.settings import ServiceSettings, load


def test_a_services_own_variable_wins():
    env = {
        "HEADWATER_DATABASE_URL": "all",
        "HEADWATER_TRACKING_DATABASE_URL": "mine",
        "HEADWATER_DATABASE_POOL_SIZE": "7",
    }
    settings = load(ServiceSettings, "tracking", env)
    assert (settings.database_url, settings.database_pool_size) == ("mine", 7)


def test_a_wrong_value_is_named():
    with pytest.raises(InvalidArgument, match="HEADWATER_DATABASE_POOL_SIZE='many'"):
        load(ServiceSettings, "tracking", {"HEADWATER_DATABASE_POOL_SIZE": "many"})


def test_a_secret_is_not_shown():
    settings = load(ServiceSettings, "tracking", {"HEADWATER_INTERNAL_KEY": "s3cret"})
    assert "s3cret" not in repr(settings)


def test_settings_do_not_change():
    settings = load(ServiceSettings, "tracking", {})
    with pytest.raises(Exception, match="frozen"):
        settings.database_url = "x"  # type: ignore[misc]


def test_every_setting_is_described():
    assert all(field.description for field in ServiceSettings.model_fields.values())


def test_peers_default_to_this_process():
    settings = load(ServiceSettings, "tracking", {"HEADWATER_GRPC_ADDRESS": "h:1", "HEADWATER_REGISTRY_ADDRESS": "r:2"})
    assert (settings.peer("scheduler"), settings.peer("registry")) == ("h:1", "r:2")
