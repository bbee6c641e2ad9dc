"""Demand: aggregated ads become shapes; what only measured bytes tell apart becomes one."""

from glidein import demand
from glidein.demand import Demand, Totals
from glidein.matching import Ad


def group(jobs: int = 1, **expressions: str) -> Ad:
    usual = {
        "Owner": '"alice"', "RequestCpus": "1", "RequestMemory": "100", "RequestDisk": "2048",
        "Requirements": "TARGET.Disk >= RequestDisk", "JobIds": '"7.0 ... 9.3"',
        "JobCount": str(jobs), "Id": str(jobs),
    }  # fmt: skip
    return Ad().with_expressions(**usual | expressions)


def test_a_plain_group_is_a_shape() -> None:
    shape = demand.shape_of(group(3), "s1")
    assert (shape.owner, shape.jobs, shape.cpus, shape.memory_mb, shape.disk_mb, shape.gpus) == (
        "alice", 3, 1, 100, 2, 0)  # fmt: skip
    assert (shape.seconds, shape.annex, shape.example, shape.unknown) == (None, "", "7.0", ())


def test_the_shortest_declared_run_time_counts_and_minutes_are_minutes() -> None:
    ad = group(AllowedJobDuration="7200", AllowedExecuteDuration="5000", MaxWallTime="90")
    assert demand.shape_of(ad, "s").seconds == 5000
    assert demand.shape_of(group(MaxWallTime="30"), "s").seconds == 1800


def test_parts_of_a_unit_are_whole_ones_and_nonsense_is_nothing() -> None:
    ad = group(RequestCpus="1.5", RequestMemory="10.2", RequestDisk="1", RequestGPUs="-3")
    shape = demand.shape_of(ad, "s")
    assert (shape.cpus, shape.memory_mb, shape.disk_mb, shape.gpus) == (2, 11, 1, 0)
    odd = demand.shape_of(group(RequestMemory='"much"', RequestCpus='real("INF")'), "s")
    assert (odd.cpus, odd.memory_mb, odd.unknown) == (1, 0, ("RequestMemory",))


def test_measured_sizes_are_rounded_up_and_make_one_shape() -> None:
    groups = [
        group(2, RequestDisk="DiskUsage", DiskUsage=str(5000 + n), ImageSize=str(900 + n),
              RequestMemory="MemoryUsage ?: (ImageSize + 1023) / 1024")
        for n in range(50)
    ]  # fmt: skip
    (shape,) = demand.merged(demand.shape_of(ad, "s") for ad in groups)
    assert (shape.jobs, shape.memory_mb, shape.disk_mb) == (100, 128, 1024)
    assert shape.ad.number("RequestMemory") == 128
    assert shape.ad.number("RequestDisk") == 1024 * 1024


def test_what_requirements_can_tell_apart_stays_apart() -> None:
    groups = [group(), group(Requirements="TARGET.X"), group(Owner='"bob"'),
              group(RequestCpus="2"), group(Wish="3")]  # fmt: skip
    assert len(demand.merged(demand.shape_of(ad, "s") for ad in groups)) == 5
    assert len(demand.merged(demand.shape_of(group(), name) for name in ("s", "t"))) == 2


def test_shapes_come_sorted_and_are_counted_by_owner() -> None:
    groups = [group(1, Owner='"b"'), group(9, Owner='"b"', RequestCpus="4"), group(2)]
    shapes = demand.merged(demand.shape_of(ad, "s") for ad in groups)
    assert [(s.owner, s.jobs) for s in shapes] == [("alice", 2), ("b", 9), ("b", 1)]
    assert sum(shape.jobs for shape in shapes) == 12
    assert Demand(shapes).jobs == 12
    assert Demand(shapes).complete
    assert not Demand(shapes, troubles=("x",)).complete
    assert not Demand(shapes, cut=("b",)).complete


def test_totals_count_states_and_set_other_universes_aside() -> None:
    rows = [("a", 1, 5, 4), ("a", 2, 5, 3), ("a", 6, 5, 1), ("a", 5, 5, 2), ("a", 3, 5, 1),
            ("a", 1, 7, 5), ("b", 1, 5, 1)]  # fmt: skip
    ads = [Ad.of(Owner=o, JobStatus=s, JobUniverse=u, JobCount=n) for o, s, u, n in rows]
    assert demand.totals_of(ads) == {
        "a": Totals(idle=4, running=4, held=2, aside=6),
        "b": Totals(idle=1),
    }
