"""A task in a process of its own from the start: `python -m headwater.runtime.fresh <fd>`, for @isolation("process").

Nothing was imported before it, so what must not be forked (CUDA, some native libraries) begins here: the task's
environment first, then the user's module, then the step.
"""

import os
import socket
import sys
import traceback
from typing import Any, NoReturn

from headwater.runtime import child, failures, frames
from headwater.runtime.load import load_flow


def main(argv: list[str]) -> NoReturn:
    sock = socket.socket(fileno=int(argv[0]))
    try:
        for stream in (sys.stdout, sys.stderr):
            stream.reconfigure(line_buffering=True)  # pyright: ignore[reportAttributeAccessIssue]
        message = frames.receive(sock)
        if message is not None:
            _serve(sock, message, message["code"])
    except BaseException:
        traceback.print_exc()
    finally:
        child.flush()
        os._exit(child.USED)


def _serve(sock: socket.socket, message: dict[str, Any], code: dict[str, str]) -> None:
    package = code["package"]
    nest = child.Nest(code["base"], child.entries_of(package))
    nest.build(package)
    os.environ.update(message.get("environment", {}))
    try:
        os.chdir(package)
        flow_class = load_flow(package, code["entrypoint"], code["flow_class"])
    except BaseException as error:
        failure = failures.describe_import(error, code["entrypoint"])
        sys.stderr.write(failure["traceback"])
        child.flush()
        frames.send(sock, {"op": "result", "failure": failure})
        return
    os.chdir(nest.cwd)
    child.serve(sock, flow_class, nest, message)


if __name__ == "__main__":
    main(sys.argv[1:])
