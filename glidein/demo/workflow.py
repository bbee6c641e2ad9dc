"""The seed's two-step workflow as a DAG: fetch a page with curl, count its lines with wc. Pure."""

from dataclasses import dataclass

PAGE_LINES = 42

# curl may be missing on a fresh machine; what is asked of the job is the page, not the program.
_FETCH = """\
#!/bin/bash
# fetch.sh URL FILE
set -eu
if command -v curl >/dev/null; then
  curl --silent --show-error --fail --max-time 30 --output "$2" "$1"
elif command -v wget >/dev/null; then
  wget --quiet --timeout=30 --output-document="$2" "$1"
else
  python3 -c 'import sys, urllib.request; urllib.request.urlretrieve(sys.argv[1], sys.argv[2])' \\
    "$1" "$2"
fi
"""

_COMMON = """\
should_transfer_files = YES
when_to_transfer_output = ON_EXIT
request_cpus = 1
request_memory = 32
request_disk = 1024
log = events.log
queue
"""

_FETCH_SUB = (
    """\
executable = fetch.sh
arguments = "{url} page_$(n).html"
transfer_output_files = page_$(n).html
error = fetch_$(n).err
"""
    + _COMMON
)

_COUNT_SUB = (
    """\
executable = /usr/bin/wc
transfer_executable = False
arguments = "-l page_$(n).html"
transfer_input_files = page_$(n).html
output = count_$(n).txt
error = count_$(n).err
"""
    + _COMMON
)


@dataclass(frozen=True, slots=True)
class Workflow:
    """The files of a workflow of `chains` independent fetch-then-count pairs."""

    chains: int
    url: str

    @property
    def jobs(self) -> int:
        """How many HTCondor jobs it has."""
        return 2 * self.chains

    def files(self) -> dict[str, str]:
        """Return every file by name; the DAG is workflow.dag."""
        return {
            "fetch.sh": _FETCH,
            "fetch.sub": _FETCH_SUB.format(url=self.url),
            "count.sub": _COUNT_SUB,
            "workflow.dag": "".join(self._chain(n) for n in range(self.chains)),
        }

    def expected(self) -> dict[str, str]:
        """Return what the result files must hold."""
        return {f"count_{n}.txt": f"{PAGE_LINES} page_{n}.html\n" for n in range(self.chains)}

    def _chain(self, n: int) -> str:
        return (
            f"JOB fetch_{n} fetch.sub\n"
            f"JOB count_{n} count.sub\n"
            f'VARS fetch_{n} n="{n}"\n'
            f'VARS count_{n} n="{n}"\n'
            f"RETRY fetch_{n} 3\n"
            f"RETRY count_{n} 3\n"
            f"PARENT fetch_{n} CHILD count_{n}\n"
        )


def page() -> str:
    """Return the page that the workflow fetches: PAGE_LINES lines."""
    body = "\n".join(f"<p>line {number}</p>" for number in range(3, PAGE_LINES))
    return f"<!doctype html>\n<title>Glidein demo</title>\n{body}\n<!-- end -->\n"
