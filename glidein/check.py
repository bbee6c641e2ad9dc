"""What is wrong, in words: the pool, the token, the runtime, and this installation.

Each check is a small function from what it looks at to findings; none starts anything. All that
asks the network shares one deadline, so that the whole takes half a minute whatever it does.
"""

import re
import socket
import stat
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime, timedelta
from importlib.metadata import packages_distributions
from pathlib import Path

from glidein import process, quantities, runtime, tokenfile, tokens
from glidein.errors import ConfigError, GlideinError, NotFoundError, ObservationError
from glidein.model import FAIL, PASS, WARN, Finding, PoolAddress
from glidein.pool import Access, Daemon, Granted, Pool
from glidein.runtime import Runtime

_CONNECT, _ANSWER = 8.0, 10.0
_WHOLE = 30.0  # seconds for all that goes over the network, together
_SKEW = 30.0
_OURS = ("glidein", "annex", "cloud_init", "slurm_templates")


def run(
    address: PoolAddress | None, token: Path | None, seconds: float = _WHOLE
) -> Iterator[Finding]:
    """Yield what was found, in the order a pilot would run into it, as soon as it is known.

    All that asks the network is over after so many seconds; what was found by then stands.
    """
    yield from check_installation(packages_distributions())
    yield from check_runtime(runtime.find)
    claims, broken = None, False
    if token is not None:
        findings, claims = check_token(token, datetime.now(UTC))
        yield from findings
        if any(finding.verdict == FAIL for finding in findings):
            # What is wrong already would only be told a second time, in the pool's words.
            broken = True
    if address is None:
        yield Finding(WARN, "pool", "none was named", "Give --pool HOST[:PORT]")
        return
    deadline = time.monotonic() + seconds
    reached = list(check_reach(address, deadline))
    yield from reached
    if reached[-1].verdict == FAIL or broken:
        return
    access = Access(token_file=token, timeout=_ANSWER, deadline=deadline)
    with Pool(address, access) as pool:
        yield from check_pool(pool, claims)


def check_installation(owners: Mapping[str, list[str]]) -> Iterator[Finding]:
    """Hold the four import names against the distribution that installed them."""
    foreign = {name: owners[name] for name in _OURS if set(owners.get(name, [])) - {"glidein"}}
    for name, distributions in foreign.items():
        others = ", ".join(sorted(set(distributions) - {"glidein"}))
        yield Finding(
            FAIL,
            "installation",
            f"the package {name} belongs to {others} too",
            "Install Glidein in an environment of its own: uv tool install, or pipx",
        )
    if not foreign:
        yield Finding(PASS, "installation", "all four packages are ours")


def check_runtime(find: Callable[[], Runtime]) -> Iterator[Finding]:
    """Say whether a runtime is there and as recorded."""
    try:
        found = find()
    except NotFoundError:
        yield Finding(WARN, "runtime", "none is in the cache", "Get one: glidein runtime get")
        return
    except GlideinError as error:
        yield Finding(FAIL, "runtime", str(error), "Get one: glidein runtime get")
        return
    problems = runtime.verify(found)
    if problems:
        files = f"{len(problems)} files are not as recorded, such as {problems[0].path}"
        yield Finding(FAIL, "runtime", f"{found.id}: {files}", problems[0].remedy)
    else:
        yield Finding(PASS, "runtime", f"HTCondor {found.version} ({found.source})")


def check_token(path: Path, now: datetime) -> tuple[list[Finding], tokens.Claims | None]:
    """Read a token file; the second result is None if that was not possible."""
    remedy = "Make one: glidein token create"
    try:
        mode = path.stat().st_mode
        if not stat.S_ISREG(mode):
            return [Finding(FAIL, "token", f"--token-file {path} is no file", remedy)], None
        claims = tokens.read_file(path)
    except OSError as error:
        return [Finding(FAIL, "token", f"--token-file {path}: {error.strerror}", remedy)], None
    except ConfigError as error:
        return [Finding(FAIL, "token", error.problems[0].message, remedy)], None
    found = []
    if mode & 0o077:
        found.append(Finding(FAIL, "token", f"{path} can be read by others", f"chmod 600 {path}"))
    if claims.expires is not None and claims.expires <= now:
        ago = quantities.show_seconds((now - claims.expires).total_seconds())
        found.append(Finding(FAIL, "token", f"it expired {ago} ago", remedy))
    if claims.not_before is not None and claims.not_before > now + timedelta(seconds=60):
        found.append(Finding(FAIL, "token", f"it begins only at {claims.not_before}", remedy))
    missing = [level for level in tokens.PILOT_SCOPE[1:] if not claims.grants(level)]
    if missing:
        found.append(Finding(FAIL, "token", f"it does not grant {' '.join(missing)}", remedy))
    if not found:
        found.append(Finding(PASS, "token", f"of {claims.subject}, {_left(claims, now)}"))
    return found, claims


def check_reach(address: PoolAddress, deadline: float) -> Iterator[Finding]:
    """Resolve the pool's name and connect to its port, each within its time."""
    host = address.host.strip("[]")
    resolved = _resolved(host, address.port, _left_of(_CONNECT, deadline))
    if isinstance(resolved, str):
        yield Finding(FAIL, "name", f"{host}: {resolved}", "Check --pool, and the name server")
        return
    patience = _left_of(_CONNECT, deadline)
    try:
        socket.create_connection((resolved[0], address.port), timeout=patience).close()
    except TimeoutError:
        message = f"{address}: no answer in {patience:.3g} s"
        yield Finding(FAIL, "connect", message, "A firewall drops the packets: ask to be let out")
    except OSError as error:
        message = f"{address}: {error.strerror or error}"
        yield Finding(FAIL, "connect", message, "Check port and firewall")
    else:
        yield Finding(PASS, "connect", f"{address} answers")


def _left_of(seconds: float, deadline: float) -> float:
    """Return how long may be waited: never nothing, which would mean for ever to a socket."""
    return max(0.01, min(seconds, deadline - time.monotonic()))


def _resolved(host: str, port: int, patience: float) -> tuple[str, ...] | str:
    """Return the addresses of a host, or why there are none.

    A resolver cannot be interrupted: it is asked in a daemon thread, and left there when late.
    """
    answers: list[tuple[str, ...] | str] = []

    def ask() -> None:
        try:
            found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
            answers.append(tuple(str(each[4][0]) for each in found))
        except OSError as error:
            answers.append(error.strerror or str(error))

    thread = threading.Thread(target=ask, daemon=True)
    thread.start()
    thread.join(patience)
    return answers[0] if answers else f"no answer from the name server in {patience:.3g} s"


def check_pool(pool: Pool, claims: tokens.Claims | None) -> Iterator[Finding]:
    """Ask the collector who it is and what it grants this token."""
    try:
        collector = pool.collector()
    except GlideinError as error:
        yield _why_not(pool, str(error))
        return
    yield from _version(collector)
    if claims is None:
        yield Finding(WARN, "token", "none was given", "Give --token-file to see what it grants")
        return
    for level in tokens.PILOT_SCOPE:
        try:
            said = pool.ping(level, collector)
        except GlideinError as error:
            yield Finding(FAIL, level, str(error), "Ask the pool's administrator")
            if isinstance(error, ObservationError):
                return  # What does not answer now would only be waited for again.
            continue
        yield from _granted(said, claims)


def _why_not(pool: Pool, said: str) -> Finding:
    """Say whether the token or the pool is at fault; condor_ping tells more than the bindings."""
    token = pool.access.token_file
    if pool.address is not None and token is not None:
        words = _ping(pool.address, token, pool.access.patience())
        if "AUTHENTICATE:" in words:
            return Finding(
                FAIL,
                "token",
                f"the pool does not accept it: {_refusal(words)}",
                "Take a token of this pool, whole and in its time: glidein token create",
            )
    return Finding(FAIL, "pool", said, "Check host and port of --pool; show a token")


def _refusal(words: str) -> str:
    found = re.search(r"AUTHENTICATE:\d+:([^|\n]*)", words)
    return found[1].strip() if found else "authentication failed"


def _ping(address: PoolAddress, token: Path, patience: float) -> str:
    """Return what the runtime's condor_ping says with that token only; empty if it cannot run."""
    with tokenfile.alone(token) as folder:
        env = {
            "CONDOR_CONFIG": "/dev/null",
            "_CONDOR_COLLECTOR_HOST": f"<{address}>" if address.sock else str(address),
            "_CONDOR_SEC_TOKEN_DIRECTORY": folder,
            "_CONDOR_SEC_TOKEN_SYSTEM_DIRECTORY": folder,
            "_CONDOR_SEC_CLIENT_AUTHENTICATION": "REQUIRED",
            "_CONDOR_SEC_CLIENT_AUTHENTICATION_METHODS": "IDTOKENS",
            "_CONDOR_NETWORK_HOSTNAME": socket.gethostname(),
        }
        try:
            program = runtime.find().program("condor_ping")
            argv: list[str | Path] = [program, "-verbose", "-type", "COLLECTOR", "READ"]
            said = process.run(argv, timeout=patience, env=env, check=False)
        except GlideinError:
            return ""
        return said.stdout + said.stderr


def _granted(said: Granted, claims: tokens.Claims) -> Iterator[Finding]:
    if not said.granted:
        remedy = "The token must grant it, and the pool allow it: see docs/pool-administrators.md"
        yield Finding(FAIL, said.level, said.why or f"not granted to {said.identity}", remedy)
        return
    yield Finding(PASS, said.level, f"granted to {said.identity}")
    if said.level != tokens.PILOT_SCOPE[0]:
        return
    if said.clock is not None and abs(time.time() - said.clock) > _SKEW:
        off = quantities.show_seconds(abs(time.time() - said.clock))
        yield Finding(WARN, "clock", f"differs from the pool's by {off}", "Set the clock")
    if said.trust_domain and said.trust_domain != claims.issuer:
        text = f"it was issued by {claims.issuer}; the pool is {said.trust_domain}"
        yield Finding(WARN, "token", text, "Take a token of this pool")


def _version(collector: Daemon) -> Iterator[Finding]:
    try:
        here = runtime.find().version
    except GlideinError:
        yield Finding(PASS, "pool", f"a collector of HTCondor {collector.version}")
        return
    if _numbers(here) > _numbers(collector.version):
        text = f"pilots would run HTCondor {here}; the pool's {collector.version} is older"
        remedy = "Should no job match, get a runtime of the pool's version"
        yield Finding(WARN, "version", text, remedy)
    else:
        yield Finding(PASS, "pool", f"a collector of HTCondor {collector.version}")


def _numbers(version: str) -> tuple[int, ...]:
    return tuple(int(part) for part in version.split(".") if part.isdigit())


def _left(claims: tokens.Claims, now: datetime) -> str:
    if claims.expires is None:
        return "without an end"
    return f"good for {quantities.show_seconds((claims.expires - now).total_seconds())}"
