"""Every structural check of a flow. Where Metaflow has the rule, its words are the contract: people search for them."""

import importlib.util
from pathlib import Path

import pytest

from headwater.flow.lint import LintError, lint
from headwater.flow.start import FlowRejected

END = "end(self): pass"
TAKES_INPUTS = "seems like a join step (it takes an extra input argument) but"
MISSING = "is missing a self.next() transition to the next step. Add a self.next() as the last line in the function."


def load(folder: Path, *steps: str, start: str = "start") -> type:
    """A flow of these steps: "name(arguments): statement; statement", with decorators in front where it has some."""
    lines = ["from headwater import FlowSpec, Parameter, catch, parallel, step", "", "class Flow(FlowSpec):"]
    for text in steps:
        *decorators, definition = text.split(" | ")
        head, _, body = definition.partition(": ")
        if head.startswith("attribute"):
            lines.append(f"    {body}")
            continue
        made = head if head.startswith("async") else f"def {head}"
        lines += [f"    {each}" for each in decorators]
        lines += [] if any(each.startswith("@step") for each in decorators) else ["    @step"]
        lines += [f"    {made}:", *(f"        {each}" for each in body.split("; ")), ""]
    path = folder / "flow.py"
    path.write_text("\n".join(lines))
    spec = importlib.util.spec_from_file_location("linted", path)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module.Flow


# (steps, message) of Metaflow 2.19, without the asterisks that its terminal takes for bold.
METAFLOW = {
    "reserved": (
        ["start(self): self.next(self.index)", "index(self): self.next(self.end)", END],
        "Step name index is a reserved word. Choose another name for the step.",
    ),
    "no start": (
        ["first(self): self.next(self.end)", END],
        "Your flow must have exactly one start step. Either name a step 'start' or use @step(start=True).",
    ),
    "no end": (
        ["start(self): self.next(self.last)", "last(self): pass"],
        "Your flow must have exactly one end step. Either name a step 'end' or use @step(end=True).",
    ),
    "two marked starts": (
        [
            "@step(start=True) | a(self): self.next(self.end)",
            "@step(start=True) | b(self): self.next(self.end)",
            END,
        ],
        "Multiple steps annotated with @step(start=True): a, b. Exactly one is allowed.",
    ),
    "ambiguous start": (
        ["@step(start=True) | a(self): self.next(self.end)", "start(self): self.next(self.end)", END],
        "Ambiguous start step: step 'a' is annotated with @step(start=True) but a step named 'start' also exists. "
        "Remove the 'start' name or the @step(start=True) annotation.",
    ),
    "end goes on": (
        ["start(self): self.next(self.end)", "end(self): self.next(self.end)"],
        "The end step end has outgoing transitions. An end step must have no outgoing transitions (no self.next()).",
    ),
    "end goes nowhere": (
        ["start(self): self.next(self.end)", "end(self): self.next()"],
        "The terminal step end should not have a self.next() transition. Just remove it.",
    ),
    "end joins": (
        ["start(self): self.next(self.a, self.b)", "a(self): self.next(self.end)", "b(self): self.next(self.end)",
         "end(self, inputs): pass"],
        "The terminal step end should not be a join step (it gets an extra argument). Add a join step before it.",
    ),
    "capital": (
        ["start(self): self.next(self.Train)", "Train(self): self.next(self.end)", END],
        "Step Train has an invalid name. Only lowercase ascii characters, underscores, and digits are allowed.",
    ),
    "underscore": (
        ["start(self): self.next(self._a)", "_a(self): self.next(self.end)", END],
        "Step _a has an invalid name. Only lowercase ascii characters, underscores, and digits are allowed.",
    ),
    "three arguments": (
        ["start(self): self.next(self.a)", "a(self, inputs, more): self.next(self.end)", END],
        "Step a has too many arguments. Normal steps take only 'self' as an argument. "
        "Join steps take 'self' and 'inputs'.",
    ),
    "no self": (
        ["start(self): self.next(self.a)", "a(): self.next(self.end)", END],
        "Step a is missing the 'self' argument.",
    ),
    "join that splits": (
        ["start(self): self.next(self.a, self.b)", "a(self): self.next(self.j)", "b(self): self.next(self.j)",
         "j(self, inputs): self.next(self.c, self.d)", "c(self): self.next(self.k)", "d(self): self.next(self.k)",
         "k(self, inputs): self.next(self.end)", END],
        "Step j is both a join step (it takes an extra argument) and a split step (it transitions to multiple steps). "
        "This is not allowed. Add a new step so that split and join become separate steps.",
    ),
    "no next": (["start(self): self.x = 1", END], f"Step start {MISSING}"),
    "next is not last": (["start(self): self.next(self.end); print(1)", END], f"Step start {MISSING}"),
    "unknown step": (
        ["start(self): self.next(self.trian)", "train(self): self.next(self.end)", END],
        "Step start specifies a self.next() transition to an unknown step, trian.",
    ),
    "loop": (
        ["start(self): self.next(self.a)", "a(self): self.next(self.b)", "b(self): self.next(self.a)", END],
        "There is a loop in your flow: a->b->a. Break the loop by fixing self.next() transitions.",
    ),
    "orphan": (
        ["start(self): self.next(self.end)", "lost(self): self.next(self.end)", END],
        "Step lost is unreachable from the entry step start. Add self.next(lost) in another step or remove lost.",
    ),
    "split without join": (
        ["start(self): self.xs = []; self.next(self.a, foreach='xs')", "a(self): self.next(self.end)", END],
        "The terminal step end was reached before a split started at step(s) a were joined. "
        "Add a join step before end.",
    ),
    "branches that end": (
        ["start(self): self.next(self.a, self.b)", "a(self): self.next(self.end)", "b(self): self.next(self.end)", END],
        "The terminal step end was reached before a split started at step(s) a, b were joined. "
        "Add a join step before end.",
    ),
    "join of some": (
        ["start(self): self.next(self.a, self.b, self.c)", "a(self): self.next(self.j)", "b(self): self.next(self.j)",
         "c(self): self.next(self.end)", "j(self, inputs): self.next(self.end)", END],
        f"Step j {TAKES_INPUTS} an incorrect number of steps (a, b) lead to it. This join was expecting 3 incoming "
        "paths, starting from split step(s) a, b, c.",
    ),
    "join without split": (
        ["start(self): self.next(self.j)", "j(self, inputs): self.next(self.end)", END],
        f"Step j {TAKES_INPUTS} it is not preceded by a split. Ensure that there is a matching split for every join.",
    ),
    "unrelated splits": (
        ["start(self): self.xs = []; self.next(self.a, self.b)", "a(self): self.next(self.deep, foreach='xs')",
         "deep(self): self.next(self.j)", "b(self): self.next(self.j)", "j(self, inputs): self.next(self.end)", END],
        "Step j joins steps from unrelated splits. Ensure that there is a matching join for every split.",
    ),
    "one case": (
        ["start(self): self.k = 'x'; self.next({'x': self.end}, condition='k')", END],
        "Step start is a switch split but defines 1 transitions. Switch splits must define at least 2 transitions.",
    ),
    "empty foreach": (
        ["start(self): self.xs = []; self.next(self.j, foreach='xs')", "j(self, inputs): self.next(self.end)", END],
        "Step start is a foreach split that has no children: it is followed immediately by a join step, j. "
        "Add at least one step between the split and the join.",
    ),
    "gang of plain steps": (
        ["start(self): self.next(self.a, num_parallel=2)", "a(self): self.next(self.j)",
         "j(self, inputs): self.next(self.end)", END],
        "Step start is called as a parallel step with self.next(num_parallel=..) but does not have a @parallel "
        "decorator.",
    ),
    "parallel without a number": (
        ["start(self): self.xs = []; self.next(self.a, foreach='xs')", "@parallel | a(self): self.next(self.j)",
         "j(self, inputs): self.next(self.end)", END],
        "Step a has a @parallel decorator, but is not called with self.next(num_parallel=...) from step start.",
    ),
    "parallel without join": (
        ["start(self): self.next(self.a, num_parallel=2)", "@parallel | a(self): self.next(self.b)",
         "b(self): self.next(self.end)", END],
        "An @parallel step should be followed by a join step. Step b is called after an @parallel step but is not a "
        "join step. Please add an extra `inputs` argument to the step.",
    ),
    "switch into a join": (
        ["start(self): self.k = 'x'; self.next(self.a, self.b)",
         "a(self): self.next({'x': self.c, 'y': self.j}, condition='k')", "b(self): self.next(self.j)",
         "c(self): self.next(self.j)", "j(self, inputs): self.next(self.end)", END],
        "A conditional path cannot lead directly to a join step.",
    ),
    "catch on a foreach": (
        ["@catch(var='x') | start(self): self.xs = []; self.next(self.a, foreach='xs')", "a(self): self.next(self.j)",
         "j(self, inputs): self.next(self.end)", END],
        "@catch is defined for the step start but @catch is not supported in foreach split steps",
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", METAFLOW)
def test_what_metaflow_says(case, tmp_path):
    steps, message = METAFLOW[case]
    errors = lint(load(tmp_path, *steps))
    assert any(error.message.startswith(message) for error in errors), errors
    assert all(error.file == str(tmp_path / "flow.py") and error.line for error in errors)


INVALID = "Step start specifies an invalid self.next() transition"


@pytest.mark.parametrize(
    ("steps", "message", "fix"),
    [
        (["start(self): self.next(self.end, foreach=self.xs)", END],
         f"{INVALID}: the argument to 'foreach' must be a string, got `self.xs`.", 'write foreach="xs"'),
        (["start(self): self.next(self.a, self.end, foreach='xs')", "a(self): self.next(self.end)", END],
         f"{INVALID}: specify exactly one target for 'foreach'.", "use self.next"),
        (["start(self): self.next(self.end, parallel=4)", END],
         f"{INVALID}: it passes an unknown keyword argument 'parallel'.", "use self.next"),
        (["start(self): self.next('end')", END],
         f"{INVALID}: `'end'` is not a step written as self.<step>.", "use self.next"),
        (["start(self): self.next({'a': self.end})", END],
         f"{INVALID}: dictionary argument requires 'condition' parameter.", "use self.next"),
        (["start(self): self.next(self.end, foreach='_xs')", END],
         "Step start: foreach='_xs' is not a name that an artifact can have.", "use the name of a list"),
        (["start(self): self.next(self.end); self.next(self.end)", END],
         "Multiple self.next() calls detected in step start. Call self.next() only once.", "last statement"),
        (["start(self): self.next(self.end)", END, "end(self): pass"],
         "There are two steps named end; the first is on line 9.", "rename one"),
        (["async def start(self): self.next(self.end)", END], "Step start cannot be an async function.", "asyncio.run"),
        (["start(self): self.next(self.a, self.b)", "a(self): self.next(self.c)", "b(self): self.next(self.c)",
          "c(self): self.next(self.end)", END],
         "The steps a, b all lead to step c, but it is not a join step.", "def c(self, inputs)"),
        (["attribute: index = Parameter('idx', default=1)", "start(self): self.next(self.end)", END],
         "The name self.index of a parameter is reserved.", "rename"),
        (["attribute: a = Parameter('x', default=1)", "attribute: b = Parameter('X', default=1)",
          "start(self): self.next(self.end)", END],
         "Parameter X is specified twice. Note that parameter names are case-insensitive.", "rename"),
        (["attribute: alpha = Parameter('alpha', default=1)", "start(self): self.alpha = 3; self.next(self.end)", END],
         "Step start assigns self.alpha, which is a parameter and cannot be assigned.", "another name"),
        (["start(self): self.input = 3; self.next(self.end)", END],
         "Step start assigns self.input, which is reserved and cannot be assigned.", "another name"),
        (["start(self): self.end = 3; self.next(self.end)", END],
         "Step start assigns self.end, which is a step and cannot be assigned.", "another name"),
    ],
)  # fmt: skip
def test_what_only_we_say(steps, message, fix, tmp_path):
    errors = lint(load(tmp_path, *steps))
    assert [error.message for error in errors if error.message == message], errors
    assert fix in next(error.fix for error in errors if error.message == message)


def test_a_balanced_flow_has_no_errors(tmp_path):
    steps = [
        "start(self): self.xs = [1]; self.next(self.left, self.right)",
        "left(self): self.next(self.work, foreach='xs')",
        "work(self): self.next(self.inner, foreach='xs')",
        "inner(self): self.next(self.close_inner)",
        "close_inner(self, inputs): self.next(self.close_outer)",
        "close_outer(self, inputs): self.next(self.join)",
        "right(self): self.next(self.join)",
        "join(self, inputs): self.next(self.end)",
        END,
    ]
    assert lint(load(tmp_path, *steps)) == []


def test_all_errors_are_found_at_once_with_their_line_and_a_fix(tmp_path):
    cls = load(tmp_path, "start(self): self.next(self.trian)", "train(self): pass")
    errors = lint(cls)
    assert len(errors) == 3
    typo = next(error for error in errors if "unknown step" in error.message)
    source = Path(typo.file).read_text().splitlines()
    assert "self.trian" in source[typo.line - 1]
    assert "did you mean 'train'?" in typo.fix
    title = f"Validity checker found an issue in file {typo.file} on line {typo.line}:"
    assert str(typo).splitlines()[0] == title
    assert title in str(FlowRejected("Flow", errors))


def test_a_step_without_its_decorator(tmp_path):
    errors = lint(load(tmp_path, "start(self): self.next(self.a)", "attribute: def a(self): pass", END))
    assert isinstance(errors[0], LintError)
    assert "@step is missing there" in errors[0].fix
