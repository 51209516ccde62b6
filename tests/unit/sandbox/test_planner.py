from __future__ import annotations

import inspect
import marshal
from dataclasses import fields, replace
from typing import get_args

import pytest

from holdfast.sandbox.linux import calls, carry
from holdfast.sandbox.plan import operations as op
from holdfast.sandbox.plan.planner import Impossible, plan
from holdfast.sandbox.plan.policy import LENT_IDS, SCRATCH, WORKDIR, Entry, Host, Kind, Mount, Network, Policy, ids

USER = Host(
    machine="x86_64",
    uid=501,
    gid=502,
    privileged=False,
    user_namespaces=True,
    fresh_proc=True,
    idmapped=False,
    counted=True,
    landlock=7,
    seccomp=True,
    last_capability=40,
    base="/b",
    system=(
        Entry("/usr", Kind.DIRECTORY),
        Entry("/bin", Kind.LINK, "usr/bin"),
        Entry("/etc/ld.so.cache", Kind.FILE),
        Entry("/etc/ssl/certs", Kind.DIRECTORY),
    ),
    devices=("null",),
)
ROOT = replace(USER, uid=0, gid=0, privileged=True, idmapped=True)
HOSTS = [USER, ROOT, replace(ROOT, user_namespaces=False), replace(ROOT, idmapped=False), replace(USER, landlock=0)]
PROJECT = Mount(source="/home/u/p", target="/home/u/p")


def kinds(steps: tuple[op.Step, ...]) -> list[type]:
    return [type(step.operation if isinstance(step, op.Attempt) else step) for step in steps]


def only(steps: tuple[op.Step, ...], kind: type) -> list[op.Step]:
    return [step for step in steps if isinstance(step, kind)]


@pytest.mark.parametrize("operation", get_args(op.Operation), ids=lambda kind: kind.__name__)
def test_every_operation_can_be_carried_out_with_just_its_fields(operation: type[op.Operation]) -> None:
    name, *_ = op.encode((_any(operation),))[0]
    wanted = list(inspect.signature(carry._ACTIONS[name]).parameters)[1:]
    assert wanted == [field.name for field in fields(operation)]


def _any(operation: type[op.Operation]) -> op.Operation:
    return operation(*(None for _ in fields(operation)))


def test_nothing_can_be_carried_out_that_is_no_operation() -> None:
    assert len(carry._ACTIONS) == len(get_args(op.Operation)) + 1  # attempt


@pytest.mark.parametrize("host", HOSTS)
@pytest.mark.parametrize("network", list(Network))
def test_a_plan_travels_and_is_the_same_every_time(host: Host, network: Network) -> None:
    policy = Policy(network=network, mounts=(PROJECT,), files=(("a/b", b"x"),))
    first, second = plan(policy, host), plan(policy, host)
    assert first == second
    for steps in (first.enter, first.root, first.cell, first.confinement):
        assert marshal.loads(marshal.dumps(op.encode(steps))) == op.encode(steps)


@pytest.mark.parametrize("host", HOSTS)
def test_rights_go_before_anything_of_the_tasks_is_touched(host: Host) -> None:
    cell = kinds(plan(Policy(), host).cell)
    assert cell.index(op.Pivot) < cell.index(op.DropCapabilities) < cell.index(op.NoNewPrivileges)
    assert cell.index(op.NoNewPrivileges) < cell.index(op.Directory)
    if op.IdMap in cell:
        assert cell.index(op.IdMap) < cell.index(op.Directory)
        assert cell.index(op.IdMap) < max(at for at, kind in enumerate(cell) if kind is op.DropBounds)


@pytest.mark.parametrize("host", HOSTS)
def test_the_filter_comes_last(host: Host) -> None:
    cell = kinds(plan(Policy(), host).cell)
    assert cell[-1] is op.Seccomp
    assert (op.Landlock in cell) == bool(host.landlock)


@pytest.mark.parametrize("host", HOSTS)
def test_nobody_is_root_inside_and_roots_tasks_are_not_root_outside(host: Host) -> None:
    who = ids(host, 3)
    assert 0 not in (who.uid, who.gid)
    assert who.outer_uid == (LENT_IDS + 3 if host.privileged else 501)
    assert (op.Identity in kinds(plan(Policy(), host).cell)) == host.privileged


@pytest.mark.parametrize("host", HOSTS)
def test_every_bind_of_the_hosts_is_read_only_and_without_setuid(host: Host) -> None:
    for step in plan(Policy(mounts=(PROJECT,)), host).root:
        if isinstance(step, op.Bind | op.BindAs):
            wanted = calls.ATTR_NOSUID if step.source.startswith("/dev/") else calls.ATTR_NOSUID | calls.ATTR_RDONLY
            assert step.attributes & wanted == wanted


def test_nothing_is_bound_but_what_is_named() -> None:
    root = plan(Policy(mounts=(PROJECT,)), USER).root
    sources = {step.source for step in root if isinstance(step, op.Bind)}
    assert sources == {"/usr", "/etc/ssl/certs", "/dev/null", "/home/u/p"}


def test_a_network_namespace_per_task_is_for_loopback_only() -> None:
    flags = {network: plan(Policy(network=network), USER) for network in Network}
    assert [bool(each.flags & calls.NEWNET) for each in flags.values()] == [False, True, False]
    shells = [bool(step.flags & calls.NEWNET) for each in flags.values() for step in only(each.enter, op.Unshare)]
    assert shells == [True, True, False]
    assert op.Loopback in kinds(flags[Network.LOOPBACK].cell)


def test_tasks_that_differ_in_quota_share_a_shell_and_those_that_differ_in_mounts_share_a_keeper() -> None:
    one, two = plan(Policy(scratch_bytes=1 << 20), USER), plan(Policy(scratch_bytes=2 << 20), USER)
    three = plan(Policy(mounts=(PROJECT,)), USER)
    assert (one.enter, one.root) == (two.enter, two.root)
    assert one.enter == three.enter
    assert one.root != three.root


def test_under_root_what_the_caller_shows_belongs_to_the_task() -> None:
    (bind,) = only(plan(Policy(mounts=(PROJECT,)), ROOT, slot=5).root, op.BindAs)
    assert isinstance(bind, op.BindAs)
    assert bind.owner == (LENT_IDS + 5, LENT_IDS + 5)


def test_what_the_system_shows_already_is_not_bound_twice() -> None:
    inner = Mount(source="/usr/lib/python3", target="/usr/lib/python3")
    below = Mount(source="/home/u/p/q", target="/home/u/p/q")
    twice = Mount(source="/home/u/p/q", target="/home/u/p/q", writable=True)
    targets = bound(below, PROJECT, inner)
    assert targets.count("/b/home/u/p") == 1
    assert not {"/b/home/u/p/q", "/b/usr/lib/python3"} & set(targets)
    assert "/b/home/u/p/q" in bound(PROJECT, twice)


def bound(*mounts: Mount) -> list[str]:
    return [step.target for step in plan(Policy(mounts=mounts), USER).root if isinstance(step, op.Bind)]


def test_what_belongs_in_tmp_is_shown_in_each_tasks_own() -> None:
    planned = plan(Policy(mounts=(Mount(source="/tmp/p", target="/tmp/p"),)), USER)
    assert op.Bind("/tmp/p", "/b/given/0", 7 & ~8) in planned.root
    assert [step.target for step in planned.cell if isinstance(step, op.Bind)] == [f"/b{SCRATCH}/tmp/p"]


@pytest.mark.parametrize(
    "mount",
    [
        Mount(source="/", target="/data"),
        Mount(source="/a", target="/"),
        Mount(source="a", target="/a"),
        Mount(source="/a/../b", target="/a"),
        Mount(source="/a", target="/a//b"),
        Mount(source="/a/", target="/a"),
        Mount(source="/proc", target="/p"),
        Mount(source="/proc/1/root", target="/p"),
        Mount(source="/dev/sda", target="/p", kind=Kind.FILE),
        Mount(source="/a", target="/proc"),
        Mount(source="/a", target="/etc/cron.d"),
        Mount(source="/a", target=SCRATCH),
        Mount(source="/a", target=f"{WORKDIR}/x"),
        Mount(source="/a", target="/given"),
    ],
)
def test_a_mount_that_would_open_a_door_is_refused(mount: Mount) -> None:
    with pytest.raises(Impossible):
        plan(Policy(mounts=(mount,)), USER)


@pytest.mark.parametrize(
    "change, reason",
    [
        ({"user_namespaces": False}, "neither root nor user namespaces"),
        ({"seccomp": False}, "seccomp"),
        ({"fresh_proc": False}, "/proc"),
    ],
)
def test_a_host_that_cannot_is_told_apart(change: dict[str, bool], reason: str) -> None:
    with pytest.raises(Impossible, match=reason):
        plan(Policy(), replace(USER, **change))


def test_files_are_written_relative_to_the_working_directory_by_the_confined_task() -> None:
    steps = plan(Policy(files=(("a/b/c", b"#!x"), ("d", b""))), USER).confinement
    assert steps[:5] == (
        op.ChangeDirectory(WORKDIR),
        op.Directory("a"),
        op.Directory("a/b"),
        op.File("a/b/c", b"#!x", 0o755),
        op.File("d", b"", 0o644),
    )


@pytest.mark.parametrize(
    "abi, length, known", [(1, 8, 13), (2, 8, 14), (3, 8, 15), (4, 16, 15), (5, 16, 16), (7, 24, 16)]
)
def test_landlock_asks_for_what_its_abi_knows(abi: int, length: int, known: int) -> None:
    steps = plan(Policy(), replace(USER, landlock=abi)).cell
    (ruleset,) = (
        step.operation for step in steps if isinstance(step, op.Attempt) and isinstance(step.operation, op.Landlock)
    )
    assert len(ruleset.attributes) == length
    assert int.from_bytes(ruleset.attributes[:8], "little") == (1 << known) - 1
    assert all(access < 1 << known for _, access in ruleset.rules)


@pytest.mark.parametrize("host", HOSTS)
def test_what_is_hidden_is_empty_wherever_it_would_show(host: Host) -> None:
    store = "/home/u/p/store"
    planned = plan(Policy(mounts=(PROJECT,), hidden=(store, "/elsewhere")), host)
    covers = [step for step in planned.root if isinstance(step, op.Tmpfs) and step.target != host.base]
    assert [step.target for step in covers] == [host.base + store]
    assert op.Seal(host.base + store) in planned.root
    binds = [at for at, step in enumerate(planned.root) if isinstance(step, op.Bind | op.BindAs)]
    assert planned.root.index(covers[0]) > max(binds)


def test_what_is_hidden_in_a_folder_of_tmp_is_hidden_where_that_is_mounted_from() -> None:
    project = Mount(source="/tmp/p", target="/tmp/p")
    planned = plan(Policy(mounts=(project,), hidden=("/tmp/p/store",)), USER)
    assert [step.target for step in planned.root if isinstance(step, op.Tmpfs)] == ["/b", "/b/given/0/store"]
