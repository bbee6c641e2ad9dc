"""Steps through one bash: whatever one of them does, the next one is whole."""

import shlex
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from annex import framing
from annex.framing import Answer, Said
from annex.transport import LocalTransport
from glidein import process
from glidein.errors import TransientError

WORDS = ["-begins\n", "-ends", "\n", " 0\n", "far-", "m", "x", "\xff", "\n\n"]


def through(*steps: tuple[str, bytes], shell: tuple[str, ...] = ("bash",)) -> list[Said | None]:
    """Send all steps to one bash and read their answers."""
    frames = [framing.frame(text, len(blob)) for text, blob in steps]
    sent = b"".join(each.head + blob for each, (_, blob) in zip(frames, steps, strict=True))
    result = process.run(shell, timeout=20, stdin=sent, check=False)
    return [framing.read(each.mark, result.stdout, result.stderr) for each in frames]


def test_a_step_says_what_it_prints_and_how_it_ends() -> None:
    assert through(("echo out; echo err >&2; exit 3", b"")) == [Said(3, "out\n", "err\n")]


@pytest.mark.parametrize(
    "text",
    ["", "exit", "exec true", "true\n", "cat", "cat <&9 >/dev/null", "set -e; true"],
)
def test_a_step_that_ends_early_or_reads_on_does_not_eat_the_next(text: str) -> None:
    said = through((text, b"x" * 70000), ("cat <&9; echo next", b"blob\n"), ("echo last", b""))
    assert said == [Said(0, "", ""), Said(0, "blob\nnext\n", ""), Said(0, "last\n", "")]


def test_a_step_with_a_fault_fails_alone() -> None:
    first, second = through(("if", b"abc"), ("echo next", b""))
    assert first is not None
    assert first.status not in (0, 127)
    assert "syntax error" in first.err
    assert second == Said(0, "next\n", "")


def test_nothing_of_a_step_stays() -> None:
    _, second = through(("here=1; cd /", b""), ('echo "${here-}$PWD"', b""))
    assert second is not None
    assert second.out == f"{Path.cwd()}\n"


def test_the_text_is_in_no_argument_and_no_environment() -> None:
    (said,) = through(
        ("secret=hunter2; cat /proc/[0-9]*/{cmdline,environ} 2>/dev/null | tr '\\0' '\\n' |"
         " grep -c hunter[2]; true", b"")
    )  # fmt: skip
    assert said is not None
    assert said.out == "0\n"


def test_every_byte_of_a_file_arrives(tmp_path: Path) -> None:
    content = bytes(range(256)) * 999 + b"no line's end"
    (tmp_path / "blob").write_bytes(content)
    copy = shlex.quote(str(tmp_path / "copy"))
    said = LocalTransport().step(f"cat <&9 >{copy}; echo done", 20, tmp_path / "blob")
    assert said == Said(0, "done\n", "")
    assert (tmp_path / "copy").read_bytes() == content


def test_what_start_up_files_print_is_no_part_of_the_answer(tmp_path: Path) -> None:
    (tmp_path / "rc").write_text("echo Welcome; echo far-1-ends 0; echo noise >&2\n")
    noisy = ("bash", "--rcfile", str(tmp_path / "rc"), "-i")
    (said,) = through(("echo out", b""), shell=noisy)
    assert said == Said(0, "out\n", "")


def test_a_bash_that_dies_in_a_step_has_no_answer(tmp_path: Path) -> None:
    (tmp_path / "blob").touch()
    assert through(("kill -KILL 0; sleep 1", b"")) == [None]
    with pytest.raises(TransientError, match="cut off"):
        LocalTransport().step("kill -KILL 0; sleep 1", 20, tmp_path / "blob")


def split(text: bytes, sizes: list[int]) -> Iterator[bytes]:
    for size in sizes:
        yield text[:size]
        text = text[size:]
    yield text


@given(
    st.lists(st.sampled_from(WORDS)).map("".join),
    st.lists(st.sampled_from(WORDS)).map("".join),
    st.lists(st.integers(0, 9)),
    st.integers(0, 255),
)
def test_answers_are_read_whatever_comes_in_whatever_pieces(
    noise: str, body: str, sizes: list[int], status: int
) -> None:
    answer = Answer("far-mark")
    out = f"{noise}far-mark-begins\n{body}\nfar-mark-ends {status}\n{noise}"
    for piece in split(out.encode(), sizes):
        assert answer.said is None
        answer.out(piece)
    assert answer.begun
    for piece in split(f"{noise}far-mark-begins\n\nfar-mark-ends\n".encode(), sizes):
        answer.err(piece)
    assert answer.said == Said(status, body, "")


@given(st.lists(st.binary()), st.lists(st.binary()))
def test_no_bytes_make_it_stumble(out: list[bytes], err: list[bytes]) -> None:
    answer = Answer("far-mark")
    for piece in out:
        answer.out(piece)
    for piece in err:
        answer.err(piece)
    assert answer.said is None
    assert not answer.begun
    assert len(answer.so_far) <= 500


def test_bash_starts_the_next_step_only_when_one_is_over() -> None:
    with subprocess.Popen(["/bin/bash"], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as shell:
        assert shell.stdin is not None
        assert shell.stdout is not None
        for word in (b"one", b"two"):
            shell.stdin.write(framing.frame(f"echo {word.decode()}").head)
            shell.stdin.flush()
            lines = [shell.stdout.readline() for _ in range(4)]
            assert lines[1] == word + b"\n"
        shell.stdin.close()
