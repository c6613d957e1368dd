"""How much two things that are true of traces go together: pointwise mutual information, from -1 to 1. Pure."""

import math

PRIOR = 0.5


def correlation(both: int, one: int, two: int, total: int, prior: float = 0.0) -> float:
    """NaN: it cannot be said. prior: added to each of the four cells, so that few traces say little."""
    cells = (both, one - both, two - both, total - one - two + both)
    if total <= 0 or not one or not two or min(cells) < 0:
        return math.nan
    if not both and not prior:
        return -1.0
    if not any(cells[1:]):
        return 1.0
    n11, n10, n01, n00 = (cell + prior for cell in cells)
    whole = n11 + n10 + n01 + n00
    information = math.log(n11) + math.log(whole) - math.log(n11 + n10) - math.log(n11 + n01)
    return max(-1.0, min(1.0, information / (math.log(whole) - math.log(n11))))
