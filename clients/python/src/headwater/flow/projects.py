"""@project: the name that flows share, and the branch under which somebody runs or deploys them.

Branches are Metaflow's: user.<name>, test.<branch>, prod, prod.<branch>. Who may see what is the business of the
server's own projects, not of this name.
"""

from __future__ import annotations

import re
from typing import Any, NamedTuple

from headwater.errors import FlowError
from headwater.flow.choices import chosen
from headwater.flow.declare import flow_decorator
from headwater.flow.options import flow_options, own_flow_options

_NOT_ALLOWED = re.compile("[^a-z0-9_]")
_NOT_IN_NAMES = re.compile(r"[^A-Za-z0-9_.@+-]")
_LONGEST = 128


class Branch(NamedTuple):
    """Where a flow of a project runs, under the names that `current` gives them."""

    project_name: str
    branch_name: str
    project_flow_name: str
    is_user_branch: bool
    is_production: bool

    @property
    def deployment_name(self) -> str:
        return _NOT_IN_NAMES.sub("_", self.project_flow_name)

    @property
    def tags(self) -> list[str]:
        return [f"project:{self.project_name}", f"project_branch:{self.branch_name}"]


@flow_decorator
def project(*, name: str, branch: str | None = None, production: bool | None = None) -> Any:
    """Names the project of the flow; its runs carry the tags project:NAME and project_branch:BRANCH.

    branch, production: also as options of the command line, `--branch staging`, `--production`.
    """
    _check("@project name", name)
    if branch is not None:
        _check("branch name", branch)

    def decorate(cls: Any) -> Any:
        from headwater.flow.triggers import flow_class

        options = own_flow_options(flow_class("project", cls))
        options.project, options.branch, options.production = name, branch, production
        options.decorators.append("project")
        return cls

    return decorate


def branch_of(cls: Any, user: str) -> Branch | None:
    """The branch a run of this flow belongs to; None without @project. Raises FlowError when it is said twice."""
    options = flow_options(cls)
    if not options.project:
        return None
    if options.branch is not None and chosen.branch not in ("", options.branch):
        raise _twice("branch")
    if options.production is not None and chosen.production and not options.production:
        raise _twice("production")
    branch = options.branch if options.branch is not None else chosen.branch
    production = options.production if options.production is not None else chosen.production
    name = f"{'prod' if production else 'test'}.{branch}" if branch else "prod" if production else f"user.{user}"
    return Branch(
        options.project, name, f"{options.project}.{name}.{cls.__name__}", not branch and not production, production
    )


def choose(branch: str, production: bool, cls: Any) -> None:
    """Takes `--branch` and `--production` of the command line. Raises FlowError."""
    if (branch or production) and not flow_options(cls).project:
        raise FlowError(f"--branch and --production need @project on {cls.__name__}")
    if branch:
        _check("branch name", branch)
    chosen.branch, chosen.production = branch, production


def _twice(option: str) -> FlowError:
    return FlowError(
        f"You cannot pass {option} as both a command-line argument and an attribute of the @project decorator."
    )


def _check(what: str, name: Any) -> None:
    if not name or not isinstance(name, str):
        raise FlowError("@project needs a name. Try @project(name='some_name')")
    if _NOT_ALLOWED.search(name):
        raise FlowError(f"The {what} must contain only lowercase alphanumeric characters and underscores: {name!r}")
    if len(name) > _LONGEST:
        raise FlowError(f"The {what} must be shorter than {_LONGEST} characters.")
