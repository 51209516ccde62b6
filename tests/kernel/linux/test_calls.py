"""System calls that are refused, as root and as an ordinary user. Numbers are those of x86_64."""

from __future__ import annotations

import errno
import os
import signal

import pytest

from holdfast.sandbox.plan.policy import Network, Policy
from holdfast.sandbox.plan.syscalls import ABSENT, DEADLY, FORBIDDEN
from kernel.linux.cells import Place, one, python

pytestmark = [
    pytest.mark.kernel,
    pytest.mark.skipif(os.uname().machine != "x86_64", reason="the numbers are those of x86_64"),
]

CALL = """
import ctypes
libc = ctypes.CDLL(None, use_errno=True)
def call(*words):
    ctypes.set_errno(0)
    libc.syscall(*[ctypes.c_long(word) for word in words])
    return ctypes.get_errno()
"""


@pytest.fixture(scope="module", params=list(Network))
def network(request: pytest.FixtureRequest) -> Network:
    network: Network = request.param
    return network


def test_what_is_forbidden_is_refused_and_what_is_absent_seems_so(place: Place) -> None:
    names = {name: numbers[0] for name, numbers in {**FORBIDDEN, **ABSENT}.items()}
    report = one(place, python(f"{CALL}\nprint({{name: call(n, 0, 0, 0, 0, 0) for name, n in {names!r}.items()}})"))
    seen = eval(report["out"])
    assert {name for name, number in seen.items() if number == errno.EPERM} == set(FORBIDDEN)
    assert {name for name, number in seen.items() if number == errno.ENOSYS} == set(ABSENT)


@pytest.mark.parametrize("name", sorted(DEADLY))
def test_what_no_honest_task_does_is_its_death_by_sigsys(place: Place, name: str) -> None:
    assert one(place, python(f"{CALL}\ncall({DEADLY[name][0]}, 0, 0, 0, 0, 0)"))["status"] == -signal.SIGSYS


@pytest.mark.parametrize("number", [467, 500, 0x3FFFFFFF])
def test_a_call_newer_than_the_filter_does_not_exist(place: Place, number: int) -> None:
    assert one(place, python(f"{CALL}\nprint(call({number}))"))["out"] == f"{errno.ENOSYS}\n"


def test_the_calls_of_other_architectures_are_deadly(place: Place) -> None:
    assert one(place, python(f"{CALL}\ncall(0x40000000 + 39)"))["status"] == -signal.SIGSYS
    code = b"\xb8\x14\x00\x00\x00\xcd\x80\xc3"  # mov eax, 20 (getpid of i386); int 0x80; ret
    text = (
        "import ctypes, mmap\n"
        f"page = mmap.mmap(-1, 4096, prot=7); page.write({code!r})\n"
        "ctypes.CFUNCTYPE(ctypes.c_long)(ctypes.addressof(ctypes.c_char.from_buffer(page)))()"
    )
    assert one(place, python(text))["status"] == -signal.SIGSYS


def test_no_new_namespace_of_any_kind_by_clone_unshare_or_setns(place: Place) -> None:
    flags = [0x20000, 0x2000000, 0x4000000, 0x8000000, 0x10000000, 0x20000000, 0x40000000]
    report = one(
        place, python(f"{CALL}\nprint({{call(n, flag | 17 * (n == 56)) for n in (56, 272) for flag in {flags}}})")
    )
    assert report["out"] == f"{{{errno.EPERM}}}\n"


def test_even_without_the_filter_no_user_namespace_is_left_to_make(place: Place) -> None:
    report = one(place, python("print(open('/proc/sys/user/max_user_namespaces').read())"))
    assert report["out"].strip() == "0"


def test_sockets_of_other_families_are_refused(place: Place, network: Network) -> None:
    families = [family for family in range(46) if family not in (1, 2, 10)]
    report = one(
        place,
        python(f"{CALL}\nprint({{call(n, f, 3, 0) for n in (41, 53) for f in {families}}})"),
        Policy(network=network),
    )
    assert report["out"] == f"{{{errno.EAFNOSUPPORT}}}\n"


def test_raw_and_packet_sockets_are_refused_whatever_the_network(place: Place, network: Network) -> None:
    report = one(
        place,
        python(f"{CALL}\nprint(call(41, 2, 3, 1), call(41, 10, 3, 58), call(41, 17, 3, 768))"),
        Policy(network=network),
    )
    refused = errno.EACCES if network is Network.NONE else errno.EPERM
    assert report["out"] == f"{refused} {refused} {errno.EAFNOSUPPORT}\n"


@pytest.mark.parametrize("request_number", [0x5412, 0x541C])
def test_typing_into_a_terminal_is_refused(place: Place, request_number: int) -> None:
    assert one(place, python(f"{CALL}\nprint(call(16, 0, {request_number}, 0))"))["out"] == f"{errno.EPERM}\n"


@pytest.mark.parametrize(
    "code",
    [
        "os.nice(-5)",
        "os.setpriority(os.PRIO_PROCESS, 0, -1)",
        "os.sched_setscheduler(0, os.SCHED_FIFO, os.sched_param(1))",
        "resource.setrlimit(resource.RLIMIT_NPROC, (10**6, 10**6))",
        "resource.setrlimit(resource.RLIMIT_MEMLOCK, (1 << 40, 1 << 40))",
        "open('/proc/self/oom_score_adj', 'w').write('-1000')",
        "time.clock_settime(time.CLOCK_REALTIME, 0)",
        "os.setuid(0)",
        "os.setgroups([0])",
        "os.chroot('/')",
        "os.mknod('d', 0o60666, os.makedev(8, 0))",
        "os.chown('.', 0, 0)",
        "os.link('/usr/bin/env', 'env')",
    ],
)
def test_what_needs_a_right_that_no_task_has_is_refused(place: Place, code: str) -> None:
    report = one(
        place, python(f"import os, resource, time\ntry: {code}\nexcept (OSError, ValueError) as e: print('refused')")
    )
    assert report["out"] == "refused\n"


def test_locking_memory_is_limited(place: Place) -> None:
    text = f"""{CALL}
import mmap
page = mmap.mmap(-1, 1 << 20)
print(call(149, ctypes.addressof(ctypes.c_char.from_buffer(page)), 1 << 20))"""
    assert one(place, python(text))["out"] == f"{errno.ENOMEM}\n"


def test_a_setuid_program_gives_nothing(place: Place) -> None:
    report = one(
        place, python("import os; print([os.stat('/usr/bin/su').st_mode & 0o4000]); os.system('su -c id; true')")
    )
    assert "uid=0" not in report["out"]
