"""Jobs of any number of owners in one schedd without root: each owner submits by a token."""

from pathlib import Path

from glidein import process
from glidein.throwaway import ThrowawayPool


def token_of(pool: ThrowawayPool, owner: str, folder: Path, *authz: str) -> Path:
    """Write a token of `owner` into a folder of its own and return the file."""
    place = folder / f"t-{owner}-{'-'.join(authz)}"
    place.mkdir(mode=0o700, exist_ok=True)
    path = place / "token"
    if not path.exists():
        path.touch(mode=0o600)
        path.write_text(pool.token(owner, *authz) + "\n")
    return path


def submit(pool: ThrowawayPool, owner: str, text: str, folder: Path, timeout: float = 60) -> str:
    """Submit what a submit file says, as `owner`; return the id of the first job."""
    token = token_of(pool, owner, folder, "READ", "WRITE")
    env = pool.env | {
        "_CONDOR_SEC_CLIENT_AUTHENTICATION_METHODS": "IDTOKENS",
        "_CONDOR_SEC_TOKEN_DIRECTORY": str(token.parent),
    }
    argv: list[str | Path] = [pool.runtime.program("condor_submit"), "-terse", "-"]
    said = process.run(argv, timeout=timeout, env=env, stdin=text)
    return said.stdout.split()[0]


def clear(pool: ThrowawayPool) -> None:
    """Take every job out of the queue, those too whose pilot is gone."""
    for force in ([], ["-forcex"]):
        pool.tool("condor_rm", *force, "-all", check=False)
