"""A guard over a throw-away folder: when we die, whoever belongs to it dies, and it is removed.

Contexts clean up after themselves, but not after `kill -9`. The guard is a small shell that waits
on a pipe whose other end only we hold: the kernel closes it when we end, however we end.
"""

import os
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Self

from glidein import process
from glidein.errors import ConfigError

# Processes of the folder are known by the marks of process.all_of, whole NAME=VALUE entries. They
# are looked for until none is found, since one may be starting another; the rounds are bounded.
_SCRIPT = r"""
folder=$1 names=$2
marked() {
  local entry name
  grep -qzF -- "$folder" "$1" || return 1
  while IFS= read -r -d '' entry; do
    name=${entry%%=*} entry=${entry#*=}
    [[ $name == GLIDEIN_* || " $names " == *" $name "* ]] || continue
    [[ $entry == "$folder" || $entry == "$folder"/* ]] && return 0
  done <"$1"
  return 1
}
read -r word || word=
[ "$word" = released ] && exit 0
for round in 1 2 3 4 5 6 7 8 9 10; do
  found=
  for entry in /proc/[0-9]*; do
    pid=${entry#/proc/}
    [ "$pid" != "$$" ] || continue
    marked "$entry/environ" && kill -9 "$pid" && found=1
  done 2>/dev/null
  [ -n "$found" ] || break
  sleep 0.2
done
rm -rf -- "$folder"
"""


class Guard:
    """Guards `folder` until released; leaving the context releases it.

    The guard will remove the folder with all in it: so it is made here, or empty. Raises
    ConfigError for one that holds something.
    """

    def __init__(self, folder: Path) -> None:
        _make_or_refuse(folder)
        reader, self._writer = os.pipe()
        names = " ".join(os.fsdecode(name) for name in sorted(process.MARKS))
        argv = ["bash", "-c", _SCRIPT, "glidein-guard", str(folder), names]
        try:
            self.pid = process.spawn(
                argv, log=Path(os.devnull), env={"PATH": "/usr/bin:/bin"}, stdin=reader
            )
        finally:
            os.close(reader)

    def release(self) -> None:
        """Tell the guard that the folder was taken care of; told twice is told once."""
        if self._writer >= 0:
            with suppress(BrokenPipeError):
                os.write(self._writer, b"released\n")
            os.close(self._writer)
            self._writer = -1
            with suppress(ChildProcessError):
                os.waitpid(self.pid, 0)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        value: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.release()


def _make_or_refuse(folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        full = any(folder.iterdir())
    except OSError as error:
        raise ConfigError.one("folder", f"{folder} cannot be used: {error.strerror}") from error
    if full:
        raise ConfigError.one(
            "folder", f"{folder} holds something, and would be removed", "Name a new folder"
        )
