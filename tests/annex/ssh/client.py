"""What a person types, for test_openssh_real: client.py login|logout|step HOST [TEXT]."""

import sys

from annex import openssh, reaching, sshconfig
from glidein.errors import GlideinError


def main(word: str, host: str, text: str = "") -> None:
    login = sshconfig.resolve(host)
    if word == "login":
        openssh.Master(login).open(60)
        print("OPEN", openssh.Master(login).is_open())
    elif word == "logout":
        openssh.Master(login).close()
        print("OPEN", openssh.Master(login).is_open())
    else:
        way = reaching.reach(host)
        for each in text.split("//"):
            said = way.step(each, 20)
            print(type(way).__name__, said.status, said.out.strip(), said.err.strip())


try:
    main(*sys.argv[1:])
except GlideinError as error:
    print(type(error).__name__, error)
