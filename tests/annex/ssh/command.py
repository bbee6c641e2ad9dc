"""A command at a terminal: runs steps on the host `far` and tells each answer as a line of JSON."""

import json
import os
import sys
from pathlib import Path

from annex import prompting, sshconfig
from annex.openssh import Master
from annex.reaching import reach
from annex.ssh import SshTransport
from annex.transport import Transport
from glidein.errors import GlideinError


def transport(way: str, config: Path) -> Transport:
    """Return the way that the test names."""
    login = sshconfig.resolve("far", config=config)
    if way == "login":
        Master(login).open(30)
    return SshTransport(login, prompting.of()) if way == "paramiko" else reach(login)


def main() -> None:
    """Run all steps, each one until it works or fails."""
    told, way, config, *steps = sys.argv[1:]
    with os.fdopen(int(told), "w") as out:
        try:
            over = transport(way, Path(config))
        except GlideinError as error:
            out.write(json.dumps({"error": type(error).__name__, "why": str(error)}))
            return
        for step in steps:
            try:
                said = over.step(step, 20)
                news = {"status": said.status, "out": said.out, "err": said.err}
            except GlideinError as error:
                news = {"error": type(error).__name__, "why": str(error)}
            except KeyboardInterrupt:
                news = {"error": "KeyboardInterrupt"}
            out.write(json.dumps(news) + "\n")
            out.flush()


if __name__ == "__main__":
    main()
