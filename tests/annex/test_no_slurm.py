"""Slurm's programs without a cluster: nothing is there, unless requests of ours are."""

from annex.slurm_dialect import SlurmDialect
from glidein import catalogue

# What squeue 22.05 says where /etc/slurm/slurm.conf is missing and no DNS record stands for it.
COMPLAINT = """squeue: error: resolve_ctls_from_dns_srv: res_nsearch error: Unknown host
squeue: error: fetch_config: DNS SRV lookup failed
squeue: error: _establish_config_source: failed to fetch config
squeue: fatal: Could not establish a configuration source"""


def read(complaint: str, places: str = "") -> tuple[int, str]:
    answer = {"squeue-text": "", "squeue-status": f"1\n{complaint}", "places": places}
    view = SlurmDialect(catalogue.merge([])).read(answer)
    return len(view.jobs), view.why


def test_a_machine_of_no_cluster_has_no_batch_jobs_and_no_trouble() -> None:
    assert read(COMPLAINT) == (0, "")


def test_where_requests_of_ours_lie_a_lost_configuration_is_trouble() -> None:
    jobs, why = read(COMPLAINT, "place g20261123-165201-q2636sxqzm")
    assert jobs == 0
    assert why.endswith("Could not establish a configuration source")


def test_of_other_complaints_the_end_is_told() -> None:
    said = "squeue: error: " + "x" * 300 + "\nUnable to contact slurm controller"
    _, why = read(said)
    assert why.startswith("squeue did not answer: ")
    assert why.endswith("Unable to contact slurm controller")
