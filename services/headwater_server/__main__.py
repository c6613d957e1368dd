"""`python -m headwater_server <command>`: one service, all of them, a worker, or the embedded stack."""

import sys

SERVICES = ("scheduler", "executor", "tracking", "artifact", "registry", "gateway")

USAGE = f"""usage: python -m headwater_server COMMAND [options]

  all                      every service in one process
  {" | ".join(SERVICES)}
                           one service on its own
  worker                   a node agent: runs the tasks of a pool
  up                       the embedded stack: NATS, Postgres, S3, all services, a worker
  admin apply              streams, roles, schemas, buckets: what a deployment needs before it starts
"""


def main(argv: list[str]) -> int:
    command, rest = (argv[0] if argv else "help"), argv[1:]
    if command in SERVICES or command == "all":
        from headwater_server.kit.service import run

        return run(list(SERVICES) if command == "all" else [command])
    if command == "worker":
        from headwater_server.executor.node.agent import main as worker

        return worker(rest)
    if command == "up":
        from headwater_server.embedded.supervisor import main as up

        return up(rest)
    if command == "admin":
        from headwater_server.embedded.provision import main as admin

        return admin(rest)
    wanted_help = command in ("help", "-h", "--help")
    print(
        USAGE if wanted_help else f"unknown command {command!r}\n\n{USAGE}",
        file=sys.stdout if wanted_help else sys.stderr,
    )
    return 0 if wanted_help else 2


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
