"""What is wrong, in words: the pool, the token, the runtime, and this installation.

Each check is a small function from what it looks at to findings; none starts anything, and each is
bounded in time, so that the whole takes no longer than half a minute whatever the network does.
"""

import re
import socket
import stat
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime, timedelta
from importlib.metadata import packages_distributions
from pathlib import Path

from glidein import process, quantities, runtime, tokens
from glidein.errors import ConfigError, GlideinError, NotFoundError
from glidein.model import Finding, PoolAddress
from glidein.pool import Access, Daemon, Pool
from glidein.runtime import Runtime

PASS, WARN, FAIL = "PASS", "WARN", "FAIL"
_CONNECT, _ANSWER = 8.0, 10.0
_SKEW = 30.0
_OURS = ("glidein", "annex", "cloud_init", "slurm_templates")


def run(address: PoolAddress | None, token: Path | None) -> Iterator[Finding]:
    """Yield what was found, in the order a pilot would run into it."""
    yield from check_installation(packages_distributions())
    yield from check_runtime(runtime.find)
    claims = None
    if token is not None:
        findings, claims = check_token(token, datetime.now(UTC))
        yield from findings
        if any(finding.verdict == FAIL for finding in findings):
            # What is wrong already would only be told a second time, in the pool's words.
            token = claims = None
    if address is None:
        yield Finding(WARN, "pool", "none was named", "Give --pool HOST[:PORT]")
        return
    reached = list(check_reach(address))
    yield from reached
    if reached[-1].verdict == FAIL:
        return
    with Pool(address, Access(token_file=token, timeout=_ANSWER)) as pool:
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
        mode = stat.S_IMODE(path.stat().st_mode)
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


def check_reach(address: PoolAddress) -> Iterator[Finding]:
    """Resolve the pool's name and connect to its port, each within its time."""
    host = address.host.strip("[]")
    resolved = _resolved(host, address.port)
    if isinstance(resolved, str):
        yield Finding(FAIL, "name", f"{host}: {resolved}", "Check --pool, and the name server")
        return
    try:
        socket.create_connection((resolved[0], address.port), timeout=_CONNECT).close()
    except TimeoutError:
        message = f"{address}: no answer in {_CONNECT:g} s"
        yield Finding(FAIL, "connect", message, "A firewall drops the packets: ask to be let out")
    except OSError as error:
        message = f"{address}: {error.strerror or error}"
        yield Finding(FAIL, "connect", message, "Check port and firewall")
    else:
        yield Finding(PASS, "connect", f"{address} answers")


def _resolved(host: str, port: int) -> tuple[str, ...] | str:
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
    thread.join(_CONNECT)
    return answers[0] if answers else f"no answer from the name server in {_CONNECT:g} s"


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
        yield from _granted(pool, collector, level, claims)


def _why_not(pool: Pool, said: str) -> Finding:
    """Say whether the token or the pool is at fault; condor_ping tells more than the bindings."""
    token = pool.access.token_file
    if pool.address is not None and token is not None:
        words = _ping(pool.address, token)
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


def _ping(address: PoolAddress, token: Path) -> str:
    """Return what the runtime's condor_ping says with that token only; empty if it cannot run."""
    with tempfile.TemporaryDirectory(prefix="glidein-check-") as folder:
        Path(folder, "token").symlink_to(token.absolute())
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
            argv = [
                str(runtime.find().program("condor_ping")),
                "-verbose",
                "-type",
                "COLLECTOR",
                "READ",
            ]
            said = process.run(argv, timeout=_ANSWER, env=env, check=False)
        except GlideinError:
            return ""
        return said.stdout + said.stderr


def _granted(pool: Pool, collector: Daemon, level: str, claims: tokens.Claims) -> Iterator[Finding]:
    try:
        said = pool.ping(level, collector)
    except GlideinError as error:
        yield Finding(FAIL, level, str(error), "Ask the pool's administrator")
        return
    if not said.granted:
        remedy = "The token must grant it, and the pool allow it: see docs/pool-administrators.md"
        yield Finding(FAIL, level, said.why or f"not granted to {said.identity}", remedy)
        return
    yield Finding(PASS, level, f"granted to {said.identity}")
    if level != tokens.PILOT_SCOPE[0]:
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
