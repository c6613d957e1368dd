"""`driver`: zygotes and children for the tests of one module, as the node agent would have them."""

from collections.abc import Iterator

import pytest

from tests.unit.runtime.driver import Driver


@pytest.fixture(scope="module")
def driver(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Driver]:
    made = Driver(tmp_path_factory.mktemp("driver"))
    yield made
    made.close()
