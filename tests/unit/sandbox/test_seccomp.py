from __future__ import annotations

import errno
from collections.abc import Mapping

import pytest

from holdfast.sandbox.plan import bpf
from holdfast.sandbox.plan.policy import Network
from holdfast.sandbox.plan.seccomp import program
from holdfast.sandbox.plan.syscalls import ABSENT, ARCHITECTURES, DEADLY, EXAMINED, FORBIDDEN, MACHINES, NEWEST, Numbers
from unit.sandbox.machine import verdict

ALL = [*FORBIDDEN.items(), *ABSENT.items(), *DEADLY.items(), *EXAMINED.items()]
FORBID, ABSENCE = bpf.refusal(errno.EPERM), bpf.refusal(errno.ENOSYS)


@pytest.fixture(params=MACHINES)
def machine(request: pytest.FixtureRequest) -> str:
    name: str = request.param
    return name


def said(machine: str, number: int, *arguments: int, network: Network = Network.NONE) -> int:
    return verdict(program(machine, network), ARCHITECTURES[machine], number, arguments)


def numbered(machine: str, name: str) -> int:
    number = dict(ALL)[name][MACHINES.index(machine)]
    assert number is not None
    return number


@pytest.mark.parametrize("calls, expected", [(FORBIDDEN, FORBID), (ABSENT, ABSENCE), (DEADLY, bpf.KILL)])
def test_every_call_of_a_list_meets_its_end(machine: str, calls: Mapping[str, Numbers], expected: int) -> None:
    numbers = [each[MACHINES.index(machine)] for each in calls.values()]
    assert {said(machine, number) for number in numbers if number is not None} == {expected}


def test_all_other_known_calls_are_allowed(machine: str) -> None:
    named = {numbers[MACHINES.index(machine)] for _, numbers in ALL}
    assert {said(machine, number) for number in range(NEWEST + 1) if number not in named} == {bpf.ALLOW}


def test_newer_calls_do_not_exist(machine: str) -> None:
    assert {said(machine, number) for number in range(NEWEST + 1, NEWEST + 600)} == {ABSENCE}


def test_another_architecture_is_deadly(machine: str) -> None:
    assert verdict(program(machine, Network.HOST), 0x40000003, 20) == bpf.KILL


def test_x32_is_deadly() -> None:
    assert {said("x86_64", 0x40000000 + number) for number in range(600)} == {bpf.KILL}


@pytest.mark.parametrize("bit", [0x20000, 0x2000000, 0x4000000, 0x8000000, 0x10000000, 0x20000000, 0x40000000])
def test_clone_may_not_make_namespaces_whatever_else_it_asks(machine: str, bit: int) -> None:
    clone = numbered(machine, "clone")
    assert said(machine, clone, bit | 0x01200011) == FORBID
    assert said(machine, clone, 0x01200011) == bpf.ALLOW
    assert said(machine, clone, 0x003D0F00) == bpf.ALLOW  # a thread


@pytest.mark.parametrize(
    "network, family, expected",
    [
        (Network.NONE, 1, bpf.ALLOW),
        (Network.NONE, 2, bpf.refusal(errno.EACCES)),
        (Network.NONE, 10, bpf.refusal(errno.EACCES)),
        (Network.LOOPBACK, 2, bpf.ALLOW),
        (Network.HOST, 10, bpf.ALLOW),
        *((network, family, bpf.refusal(errno.EAFNOSUPPORT)) for network in Network for family in (0, 16, 17, 38, 40)),
    ],
)
def test_socket_families_follow_the_network(machine: str, network: Network, family: int, expected: int) -> None:
    socket = numbered(machine, "socket")
    assert said(machine, socket, family, network=network) == expected
    assert said(machine, socket, family | 7 << 32, network=network) == expected  # the kernel reads 32 bits only


def test_socket_pairs_are_local(machine: str) -> None:
    pair = numbered(machine, "socketpair")
    assert said(machine, pair, 1) == bpf.ALLOW
    assert said(machine, pair, 2, network=Network.HOST) == bpf.refusal(errno.EAFNOSUPPORT)


@pytest.mark.parametrize("request_number, expected", [(0x5412, FORBID), (0x541C, FORBID), (0x5401, bpf.ALLOW)])
def test_requests_that_type_for_others_are_forbidden(machine: str, request_number: int, expected: int) -> None:
    assert said(machine, numbered(machine, "ioctl"), 0, request_number) == expected


@pytest.mark.parametrize("persona, expected", [(0, bpf.ALLOW), (2**32 - 1, bpf.ALLOW), (0x40000, FORBID), (8, FORBID)])
def test_personalities_that_weaken_are_forbidden(machine: str, persona: int, expected: int) -> None:
    assert said(machine, numbered(machine, "personality"), persona) == expected


def test_an_unknown_machine_has_no_filter() -> None:
    with pytest.raises(KeyError):
        program("riscv64", Network.NONE)


def test_a_label_that_is_not_there_or_behind_is_refused() -> None:
    for lines in ([bpf.if_equal(1, "x")], [bpf.give(0, "x"), bpf.if_equal(1, "x")]):
        with pytest.raises(ValueError, match="no label"):
            bpf.assemble(lines)


def test_a_label_too_far_is_refused() -> None:
    with pytest.raises(ValueError, match="no label"):
        bpf.assemble([bpf.if_equal(1, "x"), *[bpf.load(0)] * 256, bpf.give(0, "x")])
