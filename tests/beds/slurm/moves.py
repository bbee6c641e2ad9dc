"""What can befall a bed: power, daemons, links, limits. Every move has one that undoes it."""

import os
import signal
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

from tests.beds.slurm.hosts import Hosts, wait_for

LEGS = ("site", "wan")

_CUT = """\
table ip cut {
  chain in { type filter hook prerouting priority -300; iifname "wan" drop; }
  chain out { type filter hook postrouting priority 300; oifname "wan" drop; }
}
"""

# Deletes every entry of the connection table: one netlink message, of type CT_DELETE.
_FORGET = """\
import socket, struct
door = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, 12)
door.send(struct.pack("=IHHIIBBH", 20, 0x102, 5, 1, 0, 2, 0, 0))
assert struct.unpack_from("=i", door.recv(4096), 16) == (0,)
"""


class Moves(Hosts):
    """The moves a test can make against a running bed."""

    def __init__(self, *words: Any, **options: Any) -> None:
        super().__init__(*words, **options)
        # What undoes the moves made; most tests make none, and a look at every host takes long.
        self._owed: dict[str, Callable[[], None]] = {}

    def undo(self) -> None:
        """Undo every move on links and disks that was made since the last time."""
        for each in list(self._owed.values()):
            each()
        self._owed.clear()

    def power_off(self, *hosts: str) -> None:
        """Cut hosts' power: their links fall silent first, so nobody hears a farewell.

        One without power is left alone.
        """
        pids = [pid for host in hosts if (pid := self._powered(host))]
        links = "; ".join(f"ip link set {host}-{leg} down" for host in hosts for leg in LEGS)
        self.inside("bash", "-c", f"exec 2>/dev/null; {links}; true")
        for pid in pids:
            os.kill(pid, signal.SIGKILL)
        for host in hosts:
            (self.folder / "up" / host).unlink(missing_ok=True)
        gone = lambda: not any(Path(f"/proc/{pid}").exists() for pid in pids)  # noqa: E731
        wait_for(gone, 10, f"{hosts} are dead")

    def power_on(self, *hosts: str) -> None:
        """Give hosts power and wait for their daemons; one that has power is left alone."""
        off = [host for host in hosts if not self._powered(host)]
        if not off:
            return
        links = "; ".join(f"ip link set {host}-{leg} up" for host in off for leg in LEGS)
        run = "; ".join(
            f"bash bin/host.sh {host} >>logs/host.{host} 2>&1 </dev/null & true" for host in off
        )
        self.inside("bash", "-c", f'({links}) 2>/dev/null; cd "$GLIDEIN_BED"; {run}')
        wait_for(lambda: all(map(self.is_up, off)), 30, f"{off} are up")

    def _powered(self, host: str) -> int:
        with suppress(LookupError):
            return self.init_of(host)
        return 0

    def stop_slurmctld(self, kill: bool = False) -> None:
        """Stop the controller, or kill it: then what it was told in the last seconds is lost."""
        word = "kill" if kill else "stop"
        self.on("head", "root", "bash", self.folder / "bin/slurmctld.sh", word)

    def start_slurmctld(self) -> None:
        """Start the controller and wait until it answers."""
        self.on("head", "root", "bash", self.folder / "bin/slurmctld.sh", "start")

        def answers() -> bool:
            return self.on("login", "root", "scontrol", "ping", check=False).ok

        wait_for(answers, 30, "slurmctld answers")

    def restart_cm(self) -> None:
        """End the central manager's HTCondor, and start it again."""
        for word in ("stop", "start"):
            self.on("cm", "root", "bash", self.folder / "bin/condor.sh", word)

    def cut_wan(self, *hosts: str) -> None:
        """Let every packet between the site and the world vanish, at gw and login, or one of them.

        Connections are not closed: neither side hears anything.
        """
        self._owed["cut"] = self.restore_wan
        for host in hosts or ("gw", "login"):
            self.on(host, "root", "nft", "-f", "-", stdin=_CUT)

    def restore_wan(self) -> None:
        """Undo cut_wan; not cut is success."""
        for host in ("gw", "login"):
            self.on(host, "root", "nft", "delete", "table", "ip", "cut", check=False)

    def nat_forgets(self) -> None:
        """Let the gateway forget every connection there is: each of them hangs from now on."""
        self._owed["nat"] = lambda: self.nat_patience(None)
        self._gateway("netfilter.nf_conntrack_tcp_loose", 0)
        self.on("gw", "root", "python3", "-c", _FORGET)

    def nat_patience(self, seconds: int | None) -> None:
        """Set after how many idle seconds the gateway forgets a connection; None: in days."""
        self._owed["nat"] = lambda: self.nat_patience(None)
        self._gateway("netfilter.nf_conntrack_tcp_loose", int(seconds is None))
        patience = 432000 if seconds is None else seconds
        self._gateway("netfilter.nf_conntrack_tcp_timeout_established", patience)

    def _gateway(self, key: str, value: int) -> None:
        self.on("gw", "root", "sysctl", "-qw", f"net.{key}={value}")

    def delay(self, milliseconds: float, loss: float = 0) -> None:
        """Delay what goes between site and world, one way, and lose some per cent; 0: no more."""
        self._owed["delay"] = lambda: self.delay(0)
        file = self.folder / "state/relay"
        file.write_text(f"{milliseconds} {loss}\n")
        pid = self.folder / "state/relay.pid"
        plain = milliseconds == 0 and loss == 0
        if plain == (not pid.exists()):
            return
        if plain:
            self.inside("kill", "-KILL", pid.read_text().strip())
            pid.unlink()
        else:
            relay = f'cd "$GLIDEIN_BED"; python3 bin/relay.py near far "{file}" >logs/relay 2>&1 &'
            self.inside("bash", "-c", f'{relay} echo $! >"{pid}"')
            join = "ip link set near master campus up && ip link set far master world up"
            wait_for(lambda: self.inside("bash", "-c", f"{join} || echo no").stdout == "", 10, join)
        self.inside("ip", "link", "set", "plain", "up" if plain else "down")

    def end_soon(self, job: int, seconds: int = 1) -> None:
        """Bring a running job's time limit near; Slurm looks for those past it every 30 s."""
        what = [f"JobId={job}", f"EndTime=now+{seconds}seconds"]
        self.on("head", "root", "scontrol", "update", *what)

    def fill(self, node: str, folder: str = "/small") -> None:
        """Leave no byte free in a folder of a node; /small is a small file system made for it."""
        self._owed[f"full {node}:{folder}"] = lambda: self.unfill(node, folder)
        self.on(node, "root", "dd", "if=/dev/zero", f"of={folder}/full", "bs=1M", check=False)

    def unfill(self, node: str, folder: str = "/small") -> None:
        """Undo fill."""
        self.on(node, "root", "rm", "-f", f"{folder}/full")
