from pathlib import Path

import pytest

from glidein import tokenfile
from glidein.errors import ConfigError
from tests.beds import tokens

GOOD = tokens.unsigned()


def _put(path: Path, text: str = GOOD, mode: int = 0o600) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    path.chmod(mode)
    return path


def test_the_file_given(tmp_path: Path) -> None:
    path = _put(tmp_path / "my token")
    assert tokenfile.find(str(path)) == path


def test_the_only_one_in_the_users_folder(tmp_path: Path) -> None:
    path = _put(tmp_path / ".condor" / "tokens.d" / "pool")
    _put(tmp_path / ".condor" / "tokens.d" / ".hidden")
    assert tokenfile.find(None, tmp_path) == path


def test_none_or_several_are_a_question(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="holds none"):
        tokenfile.find(None, tmp_path)
    for name in ("one", "two"):
        _put(tmp_path / ".condor" / "tokens.d" / name)
    with pytest.raises(ConfigError, match="one, two"):
        tokenfile.find(None, tmp_path)


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o666])
def test_what_others_can_read_is_refused_with_the_remedy(tmp_path: Path, mode: int) -> None:
    with pytest.raises(ConfigError, match="chmod 600"):
        tokenfile.find(str(_put(tmp_path / "token", mode=mode)))


def test_what_holds_no_token(tmp_path: Path) -> None:
    for path in (tmp_path / "missing", tmp_path, _put(tmp_path / "empty", "\n")):
        with pytest.raises(ConfigError, match="--token-file"):
            tokenfile.find(str(path))


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("nonsense", "no IDTOKEN"),
        (f"{GOOD} {GOOD}", "no IDTOKEN"),
        ("a.b.c", "no IDTOKEN"),
        (GOOD.replace(".", "\0.", 1), "no IDTOKEN"),
        (tokens.unsigned(exp=-1), "expired at"),
        (tokens.unsigned(nbf=86400), "not good before"),
        (tokens.unsigned(scope="condor:/READ"), "does not let a pilot join"),
    ],
)
def test_a_token_that_every_pilot_would_refuse(tmp_path: Path, text: str, why: str) -> None:
    with pytest.raises(ConfigError, match=why) as caught:
        tokenfile.find(str(_put(tmp_path / "token", text)))
    assert "glidein token create" in str(caught.value)


@pytest.mark.parametrize(
    "text",
    [
        f"\n {GOOD}\n",
        tokens.unsigned(nbf=30),
        tokens.unsigned(scope="condor:/READ condor:/ADVERTISE_STARTD"),
        tokens.unsigned(scope="condor:/DAEMON"),
    ],
)
def test_a_token_that_may_do(tmp_path: Path, text: str) -> None:
    assert tokenfile.find(str(_put(tmp_path / "token", text)))
