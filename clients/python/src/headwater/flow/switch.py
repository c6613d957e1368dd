"""Which step a switch goes on with: the case that the value of its condition names."""

from __future__ import annotations

from typing import Any

from headwater.errors import FlowError


def choose(flow: Any, destinations: tuple[Any, ...], condition: object) -> Any:
    """The step of the case. Raises FlowError for what is no switch, RuntimeError for a value without a case."""
    step = flow._step_name
    invalid = f"Step {step} has an invalid self.next() transition"
    if condition is None:
        raise FlowError(f"{invalid}: a dictionary requires the 'condition' parameter", hint=_HELP)
    if len(destinations) != 1 or not isinstance(destinations[0], dict) or not destinations[0]:
        raise FlowError(
            f"{invalid}: with 'condition', it goes to a single, non-empty dictionary of condition values and steps",
            hint=_HELP,
        )
    if not isinstance(condition, str):
        raise FlowError(f"{invalid}: the argument to 'condition' must be a string", hint=_HELP)
    try:
        value = getattr(flow, condition)
    except AttributeError:
        text = f"Condition variable self.{condition} in step {step} does not exist"
        raise FlowError(text, hint=f"set self.{condition} in this step") from None
    cases: dict[Any, Any] = destinations[0]
    if value not in cases:
        raise RuntimeError(
            f"Switch condition variable '{condition}' has value '{value}' "
            f"which is not in the available cases: {list(cases)}"
        )
    return cases[value]


_HELP = 'self.next({"x": self.a, "y": self.b}, condition="kind"), with self.kind set before'
