"""How many tags a run may have: as many as Metaflow's client lets it have."""

import pytest

from headwater_server.kit.errors import InvalidArgument
from headwater_server.scheduler.tags import check_size

FIFTY = [f"t{number}" for number in range(50)]
ONE_MORE = [*FIFTY, "t50"]


def test_a_set_may_not_grow_beyond_fifty():
    check_size([*FIFTY, "t1", "project:churn", "project_branch:user.ann"])
    for before in ([], FIFTY):
        with pytest.raises(InvalidArgument, match="Cannot increase size of tag set beyond 50"):
            check_size(ONE_MORE, before)


def test_one_that_is_too_large_already_may_shrink_or_stay():
    check_size(ONE_MORE, [*ONE_MORE, "t51"])
    check_size(ONE_MORE, ONE_MORE)
