"""`--with retry:times=4`: adds decorators to all steps that do not have them, for one command line.

What is not in the graph (registry.IN_GRAPH) travels in the code package, and the tasks add it again.
"""

from __future__ import annotations

from headwater.errors import FlowError
from headwater.flow import registry
from headwater.flow.options import step_options
from headwater.flow.spec import step_function, step_names


def apply_with(cls: type, specs: list[str]) -> None:
    """Adds each NAME or NAME:key=value,key=value to every step of the class that lacks it. Raises FlowError."""
    for spec in specs:
        try:
            name, attributes = registry.parse(spec)
            factory = registry.find(name)
            for each in step_names(cls):
                function = step_function(cls, each)
                options = step_options(function)
                if options is not None and name.rpartition(".")[2] not in options.decorators:
                    factory(**attributes)(function)
        except TypeError as error:
            raise FlowError(f"--with {spec}: {str(error).split('() ', 1)[-1]}") from None
        except (AttributeError, ValueError) as error:
            raise FlowError(f"--with {spec}: a value is of the wrong kind ({error})") from None
        except FlowError as error:
            raise FlowError(f"--with {error.message}", hint=error.hint) from None


def for_tasks(specs: list[str]) -> list[str]:
    """Those of the decorators that a task must know of."""
    return [
        spec for spec in specs if spec.partition(":")[0].strip() not in registry.IN_GRAPH and spec.strip() != "catch"
    ]
