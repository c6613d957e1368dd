"""The supervisor with its real servers, and in place of the services a program that answers as a ready gateway does.

Run as a program, with the arguments of `up`: tests of starting, stopping and recovering need no more, and start faster.
"""

import sys
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from headwater_server.embedded import stack, supervisor
from headwater_server.embedded.processes import Child


class Ready(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        body = b'{"workers": [{}]}'
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:
        return None


def services(options: stack.Options, made: supervisor.Secrets) -> list[Child]:
    command = [sys.executable, __file__, "gateway", str(made.ports["http"])]
    return [
        Child("all", command, options.logs / "all.log", ready=lambda _: True, env={"HEADWATER_HOME": str(options.home)})
    ]


def main(argv: list[str]) -> int:
    if argv[0] == "gateway":
        ThreadingHTTPServer(("127.0.0.1", int(argv[1])), Ready).serve_forever()
    stack.services = services
    supervisor._applied = lambda options: True
    return supervisor.main(argv)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
