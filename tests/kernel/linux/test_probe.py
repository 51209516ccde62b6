"""The probe, on hosts that refuse something: it finds out what, and names a remedy."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from holdfast.sandbox.probe import Findings, lends
from kernel.linux.cells import Place, User, ordinary, prepare, probe_as

pytestmark = [pytest.mark.kernel, pytest.mark.skipif(os.getuid() != 0, reason="sets up such a host")]


@contextmanager
def probed(user: User) -> Iterator[Findings]:
    folder = prepare(user)
    try:
        yield probe_as(user, folder)
    finally:
        shutil.rmtree(folder)


def within(script: str, uid: int | None) -> User:
    """A user of a host that this script has changed, in namespaces of its own."""
    return User("within", uid, ("unshare", "--mount", "sh", "-c", f'{script} && exec "$@"', "-"))


def test_a_plain_host_can_do_everything(place: Place) -> None:
    assert [item.name for item in place.findings.items if not item.works] == []


def test_with_proc_partly_overmounted_a_user_is_told_so() -> None:
    with probed(within("mount -t tmpfs none /proc/fs", ordinary().uid)) as found:
        (missing,) = (item for item in found.items if item.name == "private /proc")
        assert not missing.works
        assert not found.usable
        assert "systempaths=unconfined" in missing.remedy


def test_with_proc_partly_overmounted_root_can_do_without() -> None:
    with probed(within("mount -t tmpfs none /proc/fs", None)) as found:
        assert found.usable


def test_without_user_namespaces_a_user_is_told_the_setting() -> None:
    # A user namespace in between, so that the setting is not that of the whole host.
    shut = "echo 0 > /proc/sys/user/max_user_namespaces"
    user = User(
        "shut out", None, ("unshare", "--user", "--map-root-user", "--mount", "sh", "-c", f'{shut} && exec "$@"', "-")
    )
    with probed(user) as found:
        (missing,) = (item for item in found.items if item.name == "user namespaces")
        assert not missing.works
        assert not found.usable
        assert "sysctl -w user.max_user_namespaces=15000" in missing.remedy


def test_root_of_a_container_of_a_user_can_do_it_as_a_user_does() -> None:
    user = User("rootless", None, ("unshare", "--user", "--map-root-user", "--mount"))
    with probed(user) as found:
        assert found.usable
        assert not found.host.privileged


@pytest.mark.parametrize(
    "text, expected",
    [("0 0 4294967295\n", True), ("0 1000 1\n1 100000 65536\n", False), ("", False), ("0 0 1900000000\n", False)],
)
def test_ids_can_be_lent_where_they_exist(text: str, expected: bool) -> None:
    assert lends(text) is expected
