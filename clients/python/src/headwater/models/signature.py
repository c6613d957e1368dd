"""infer_signature: names, types and shapes of what a model takes and gives, from an example of each.

Looks at attributes that arrays, data frames and series share; imports none of their packages.
"""

from typing import Any

from headwater.errors import InvalidArgument


def infer_signature(inputs: Any, outputs: Any = None) -> dict[str, Any]:
    """{"inputs": [{"name", "type", "shape"}], "outputs": […]} of example data.

    An array is one entry with the number of rows as -1; a data frame has one entry per column; a dict one per key; a
    list is read as rows. Raises InvalidArgument when an example has no type to speak of.

        >>> infer_signature(numpy.zeros((100, 64)), numpy.zeros(100, int))
        {'inputs': [{'name': 'input', 'type': 'float64', 'shape': [-1, 64]}], 'outputs': [{'name': …, 'shape': [-1]}]}
    """
    signature = {"inputs": _fields(inputs, "input")}
    if outputs is not None:
        signature["outputs"] = _fields(outputs, "output")
    return signature


def _fields(example: Any, name: str) -> list[dict[str, Any]]:
    columns = getattr(example, "columns", None)
    if columns is not None and hasattr(example, "dtypes"):
        return [{"name": str(each), "type": str(example[each].dtype), "shape": [-1]} for each in columns]
    if isinstance(example, dict):
        return [field for key, value in example.items() for field in _fields(value, str(key))]
    return [_field(example, name)]


def _field(example: Any, name: str) -> dict[str, Any]:
    dtype, shape = getattr(example, "dtype", None), getattr(example, "shape", None)
    if dtype is not None and shape is not None:
        label = getattr(example, "name", None)
        dimensions = [int(each) for each in shape]
        text = str(dtype).removeprefix("torch.")
        return {"name": str(label) if isinstance(label, str) else name, "type": text, "shape": [-1, *dimensions[1:]]}
    shape = []
    while isinstance(example, (list, tuple)) and example:
        shape.append(len(example))
        example = example[0]
    if isinstance(example, (list, tuple)) or example is None:
        raise InvalidArgument(f"no signature can be inferred from an empty {name}", field="signature")
    return {"name": name, "type": type(example).__name__, "shape": [-1, *shape[1:]] if shape else []}
