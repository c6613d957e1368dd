"""Bodies of Metaflow clients, and the routes below /metaflow."""

from types import SimpleNamespace
from typing import Any

import pytest

from headwater_server.gateway.metaflow.bodies import Artifact, Datum, NewObject, decoded, text
from headwater_server.gateway.metaflow.routes import Metaflow
from headwater_server.gateway.rest.routes import Router
from headwater_server.kit.auth import ACTIONS
from headwater_server.kit.errors import InvalidArgument


def test_what_a_client_sends_is_read():
    body = b'{"flow_id": "F", "ts_epoch": 5, "tags": ["a"], "run_number": 7}'
    assert decoded(body, NewObject) == NewObject(tags=["a"], ts_epoch=5, run_number=7)
    assert decoded(b'[{"field_name": "a", "value": null}]', list[Datum]) == [Datum("a", None)]
    assert decoded(b'[{"name": "x", "sha": "ab", "attempt_id": 1}]', list[Artifact])[0].attempt_id == 1
    assert [text(v) for v in (None, "a", 7, [1])] == ["", "a", "7", "[1]"]


@pytest.mark.parametrize(
    ("body", "kind"),
    [
        (b"{", NewObject),
        (b"[]", NewObject),
        (b'{"tags": "a"}', NewObject),
        (b"{}", list[Datum]),
        (b"[{}]", list[Datum]),
    ],
)
def test_what_does_not_fit_is_refused(body, kind):
    with pytest.raises(InvalidArgument):
        decoded(body, kind)


def test_every_route_is_found_and_guarded():
    router: Router[str] = Router()
    for verb, path, action, _ in Metaflow(SimpleNamespace()).routes():  # type: ignore[arg-type]
        router.add(verb, path, action)
        assert action in ACTIONS or path == "/metaflow/ping"
    found: Any = router.find("/metaflow/flows/F/runs/1/steps/s/tasks/2/artifacts/x/attempt/0")
    assert found.targets == {"GET": "runs:read"} and found.segments == ["F", "1", "s", "2", "x", "0"]
    assert router.find("/metaflow/flows/F/runs/1/tag/mutate").targets == {"PATCH": "runs:write"}
