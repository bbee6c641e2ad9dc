"""The errors of this project, by who must act next.

    GlideinError             1  the user: read the message
        ConfigError          2  the user: every problem with file or options at once
        RenderError          2  the user: a renderer was handed a value it refuses
        ObservationError    30  the user: the pool or a provider could not be read, look again
        RuntimeUnavailable  31  the user: no HTCondor release could be had from any source
        LedgerError         32  the user: a ledger folder cannot be read or written
        ProviderError       33  the site's admin: it could not do what was asked
            TransientError  34  nobody: network, time-out; the caller repeats, after a pause
            CapacityError   35  the caller: quota, full queue, no host; another place, or later
            RejectedError   36  the user: never again as it is
            AuthError       37  the user: stop that provider, renew the credential
            NotFoundError   38  nobody: it is gone; success, for cancel
        CommandError        39  the caller: a program failed; it says what that means
        DemoError           40  the project: the demo's result is not what it must be

Each class carries the exit code that the command line ends with, apart from the pilots' own codes,
so that scripts can rely on both. docs/troubleshooting.md lists them. Two live with what raises
them, CommandError in glidein.process and DemoError in glidein.demo.show; all others are here.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar


class GlideinError(Exception):
    """The root: whatever this project raises on purpose."""

    exit_code: ClassVar[int] = 1


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing that is wrong with what the user gave: where, what, and what to do."""

    path: str
    message: str
    remedy: str = ""

    def __str__(self) -> str:
        text = f"{self.path}: {self.message}"
        return f"{text}. {self.remedy}" if self.remedy else text


class ConfigError(GlideinError):
    """What the user gave cannot be used; carries every problem, not only the first."""

    exit_code = 2

    def __init__(self, problems: Sequence[Problem]) -> None:
        self.problems = tuple(problems)
        super().__init__("\n".join(str(problem) for problem in self.problems))

    @classmethod
    def one(cls, path: str, message: str, remedy: str = "") -> "ConfigError":
        """Make the error for a single problem."""
        return cls([Problem(path, message, remedy)])


class RenderError(GlideinError):
    """A renderer was handed a value that its language cannot hold."""

    exit_code = 2


class ObservationError(GlideinError):
    """The pool or a provider could not be read; nothing may be concluded from that."""

    exit_code = 30


class RuntimeUnavailable(GlideinError):  # noqa: N818 - says what is the matter, not that it is an error
    """No HTCondor release that a pilot can run could be had."""

    exit_code = 31


class LedgerError(GlideinError):
    """A ledger folder cannot be read or written, or is of a newer format."""

    exit_code = 32


class ProviderError(GlideinError):
    """A provider could not do what was asked."""

    exit_code = 33


class TransientError(ProviderError):
    """Network or time-out: ask the same place again, after a pause."""

    exit_code = 34


class CapacityError(ProviderError):
    """Quota, full queue, no host: another place, or later."""

    exit_code = 35


class RejectedError(ProviderError):
    """The site will never accept this request as it is."""

    exit_code = 36


class AuthError(ProviderError):
    """A credential is missing, wrong or expired: a person must act."""

    exit_code = 37


class NotFoundError(ProviderError):
    """What was asked for is gone; for cancel that is success."""

    exit_code = 38
