"""Where parameters name data, and which names are for good."""

import pytest

from headwater_server.scheduler.references import is_pinned, references, replaced

DATUM = "datum://01890a5d-ac96-774b-bcce-b302099a8057"


@pytest.mark.parametrize(
    ("text", "pinned"),
    [
        ("dataset://d/3", True), ("dataset://d/3/a/b.csv", True), (DATUM, True), (f"datum://{'ab' * 32}", True),
        ("dataset://d", False), ("dataset://d/latest", False), ("dataset://d/prod", False), ("dataset://d/03", False),
        ("dataset://d/3x", False), ("datum://best", False), ("s3://b/3", False),
    ],
)  # fmt: skip
def test_which_are_for_good(text: str, pinned: bool) -> None:
    assert is_pinned(text) is pinned


def test_they_are_found_and_replaced_wherever_they_stand() -> None:
    given = {"a": ["dataset://d", {"b": DATUM}, 1, None, "x dataset://d"], "c": "dataset://d"}
    assert list(references(given)) == ["dataset://d", DATUM, "dataset://d"]
    assert replaced(given, {"dataset://d": "dataset://d/1"}) == {
        "a": ["dataset://d/1", {"b": DATUM}, 1, None, "x dataset://d"], "c": "dataset://d/1",
    }  # fmt: skip
    deep: object = "dataset://d"
    for _ in range(1000):
        deep = [deep]
    assert not list(references(deep)) and replaced(deep, {"dataset://d": "y"}) == deep
