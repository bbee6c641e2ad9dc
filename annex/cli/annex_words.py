"""From the options of `glidein annex` to a plan: every problem at once, nothing connected."""

import getpass
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from annex import places
from annex.annexes import LONGEST_NAME
from annex.cli.drafting import Draft, Given, draft
from annex.creating import Plan
from annex.places import Place
from glidein import asking, catalogue, tokenfile
from glidein.cli import output
from glidein.errors import ConfigError
from glidein.model import RuntimeChoice
from glidein.runtime import manifest
from glidein.validation import validate

_AT_HAND = RuntimeChoice("")  # the one that create would pack
_IDLE = 300  # seconds, as annexes have always had it


@dataclass(frozen=True, slots=True)
class Login:
    """Where to log in and as whom, as typed; empty means the catalogue's, and ssh's own."""

    host: str = ""
    user: str = ""


def plan(
    given: Given, login: Login, knobs: Mapping[str, str], *, live: bool = False, dry: bool = False
) -> Plan:
    """Return what create is to do. Raises ConfigError with all that is wrong.

    With `live` the queue's limits are left to the system itself to tell; `dry` packs no runtime.
    """
    problems = asking.Problems()
    known = catalogue.load()
    given = _filled_in(given, knobs, problems)
    problems.settle()
    asks = draft(given, problems, known, here=True)
    place = None
    if asks.target is not None:
        system, queue = asks.target.system, asks.target.queue
        place = problems.take(lambda: places.find(system, login.host, login.user, knobs), None)
        problems.found += catalogue.retirement(system, queue)
        problems.found += [] if live else validate(asks.ask, system, queue)
    token = None
    if given.token_file:
        token = problems.take(lambda: tokenfile.find(given.token_file), None)
    chosen = None if problems.found else problems.take(lambda: _tarball(asks), None)
    problems.settle()
    return _plan(asks, place, chosen or (_AT_HAND if dry else packed()), token)


def packed() -> RuntimeChoice:
    """Return the HTCondor at hand, packed for the nodes."""
    from annex import staging  # it can fetch, pack and check runtimes, so it loads much

    return staging.packed(output.progress)


def _plan(asks: Draft, place: Place | None, runtime: RuntimeChoice, token: Path | None) -> Plan:
    assert asks.target is not None and place is not None  # noqa: S101, PT018 - settled before
    return Plan(place, asks.target, asks.ask, asks.spec, runtime, token)


def _filled_in(given: Given, knobs: Mapping[str, str], problems: asking.Problems) -> Given:
    if not given.name.strip():
        problems.add("NAME", "is empty", "Name the annex as your jobs' TargetAnnexName does")
    if not given.target:
        problems.add(
            "QUEUE@SYSTEM", "is missing", "Say where: NAME QUEUE@SYSTEM; see annex systems"
        )
    if len(given.name) > LONGEST_NAME:
        problems.add("NAME", f"has {len(given.name)} letters", f"Use at most {LONGEST_NAME}")
    collector = knobs.get("ANNEX_COLLECTOR", "") or knobs.get("COLLECTOR_HOST", "").split(",")[0]
    return replace(
        given,
        pool=given.pool or collector.strip(),
        owners=given.owners or (getpass.getuser(),),
        idle_time=given.idle_time or str(_IDLE),
    )


def _tarball(asks: Draft) -> RuntimeChoice | None:
    """Return the runtime that was named, its checksum known if it has to travel."""
    runtime = asks.runtime
    if runtime is None or not runtime.where.startswith("/"):
        return runtime
    path = Path(runtime.where)
    if path.is_dir():
        remedy = f"Pack it: glidein runtime pack -o FILE, or leave --runtime out: {path}"
        raise ConfigError.one("--runtime", "a folder cannot be sent to another system", remedy)
    return RuntimeChoice(runtime.where, runtime.sha256 or manifest.file_sha256(path))
