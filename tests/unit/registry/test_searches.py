"""What may be searched for, and the SQL that it becomes: values are parameters, whatever they hold."""

import ipaddress

import pytest

from headwater.api.registry.v1 import logged_models_pb2 as pb
from headwater_server.kit.errors import InvalidArgument
from headwater_server.registry.deliveries import PATIENCE, headers_of, pause
from headwater_server.registry.filters import Comparison, Junction, Order, parse_filter, parse_order
from headwater_server.registry.logged_sql import logged_models_page
from headwater_server.registry.outgoing import Policy, is_public, read_url
from headwater_server.registry.search_sql import models_page, versions_page


def test_a_filter_is_a_tree():
    assert parse_filter("") is parse_filter("  ") is None
    assert parse_filter("name = 'it''s'") == Comparison("", "name", "=", "it's", 0)
    assert parse_filter('tags.`a b`!="x"') == Comparison("tags", "a b", "!=", "x", 0)
    node = parse_filter("name LIKE 'a%' and (version_number > 3 OR run_id not in ('x', 'y',))")
    assert isinstance(node, Junction) and node.word == "AND"
    either = node.items[1]
    assert isinstance(either, Junction) and either.word == "OR"
    assert either.items[1] == Comparison("", "run_id", "NOT IN", ("x", "y"), 42)
    assert parse_order("`name` desc") == Order("", "name", True)


@pytest.mark.parametrize(
    "text, says",
    [
        ("name", "position 5"), ("name = x", "position 8"), ("name = 'a' 'b'", "position 12"), ("= 'a'", "position 1"),
        ("(name = 'a'", "position 12"), ("name = 'a' AND", "position 15"), ("name ~ 'a'", "position 6"),
        ("name IN ()", "position 10"), ("(" * 30 + "name = 'a'" + ")" * 30, "parentheses"), ("x" * 20_000, "10000"),
        ("'; DROP TABLE models; --", "position 1"),
    ],
)  # fmt: skip
def test_a_malformed_filter_says_where(text, says):
    with pytest.raises(InvalidArgument) as refused:
        parse_filter(text)
    assert says in refused.value.message


def test_values_never_become_sql():
    evil = "x'; DROP TABLE models; --"
    quoted = evil.replace("'", "''")
    page = versions_page("p", f"name = '{quoted}' AND tags.`{evil.replace(chr(96), '')}` LIKE '{quoted}'", [], 0, 10)
    assert "DROP" not in page.sql and page.args.count(evil) == 3
    logged = pb.SearchLoggedModelsRequest(
        project="p", experiment_ids=[evil], filter=f"metrics.`{evil}` > 1 OR params.a = '{quoted}'",
        datasets=[pb.LoggedModelDataset(name=evil)], order_by=[pb.LoggedModelOrder(field=f"metrics.{evil}")],
    )  # fmt: skip
    assert "DROP" not in logged_models_page(logged, 0, 10).sql


@pytest.mark.parametrize(
    "text, order, says",
    [
        ("size = 'a'", "", "attribute key"), ("foo.x = 'a'", "", "entity type"), ("name > 'a'", "", "comparator"),
        ("name = 1", "", "quoted string"), ("version_number IN ('1')", "", "list"), ("tags.a IN ('1')", "", "tag"),
        ("version_number = 'x'", "", "numeric attribute"), ("version_number > 1.5", "", "numeric attribute"),
        ("", "size", "order by key"), ("", "name sideways", "ordering key"), ("", "tags.a", "order by key"),
    ],
)  # fmt: skip
def test_what_cannot_be_searched_is_named(text, order, says):
    with pytest.raises(InvalidArgument) as refused:
        versions_page("p", text, [order] if order else [], 0, 10)
    assert says in refused.value.message


def test_prompts_are_found_by_who_asks_for_them():
    assert "is_prompt" in models_page("p", "name = 'a'", [], 0, 1).sql
    asked = models_page("p", "tags.`mlflow.prompt.is_prompt` = 'true'", [], 0, 1)
    assert "<> 'true'" not in asked.sql


PRIVATE = ["127.0.0.1", "10.1.2.3", "192.168.0.1", "169.254.169.254", "0.0.0.0", "100.64.0.1", "224.0.0.1", "::1"]
PRIVATE += ["fe80::1", "fc00::1", "::ffff:127.0.0.1", "64:ff9b::7f00:1", "2002:7f00:1::"]


@pytest.mark.parametrize("address", PRIVATE)
def test_no_webhook_calls_home(address):
    assert not is_public(ipaddress.ip_address(address))
    assert is_public(ipaddress.ip_address("93.184.216.34"))


@pytest.mark.parametrize("url", ["http://a.b", "ftp://a.b", "https://", "https://u:p@a.b", "https://a b", "//x", " ",
                                 "https://a:99999/", "file:///etc", "https://a.b/\r\nX: y", "gopher://a"])  # fmt: skip
def test_a_webhook_is_an_https_address(url):
    with pytest.raises(InvalidArgument):
        read_url(url, Policy())
    assert read_url("https://a.b/x?y=1", Policy()).target == "/x?y=1"


def test_failed_deliveries_are_tried_for_days_and_then_given_up():
    tries, age = 0, 0.0
    while (delay := pause(tries + 1, age, 500)) is not None:
        tries, age = tries + 1, age + delay
    assert 30 < tries < 100 and PATIENCE < age < PATIENCE + 7201
    assert pause(1, 0, 410) is None


def test_a_delivery_is_signed_as_mlflow_signs():
    """The documented check: base64 of the HMAC-SHA256 of "<id>.<time>.<body>"."""
    headers = headers_of("secret", "id-1", '{"a":1}', at=1_700_000_000)
    assert headers["X-MLflow-Signature"] == "v1,26pwlE8p4lfI2hZnvDAsYExOsz2j5qWu0P9FqBXV8Fo="
    assert "X-MLflow-Signature" not in headers_of("", "id-1", "{}")
