from __future__ import annotations

import errno

import pytest

from holdfast.sandbox.remedies import Signs, remedy


@pytest.mark.parametrize(
    "name, number, signs, says",
    [
        ("user namespaces", errno.ENOSPC, Signs(most_namespaces=0), "sysctl -w user.max_user_namespaces=15000"),
        ("user namespaces", errno.EPERM, Signs(unprivileged_clone=0), "sysctl -w kernel.unprivileged_userns_clone=1"),
        ("user namespaces", errno.EACCES, Signs(apparmor_restricts=1), "apparmor_restrict_unprivileged_userns=0"),
        ("user namespaces", errno.EACCES, Signs(apparmor_restricts=1), "/etc/apparmor.d/holdfast"),
        ("user namespaces", errno.EPERM, Signs(in_container=True), "--security-opt seccomp=unconfined"),
        ("user namespaces", errno.EPERM, Signs(), "RestrictNamespaces="),
        ("private /proc", errno.EPERM, Signs(), "systempaths=unconfined"),
        ("landlock", errno.EOPNOTSUPP, Signs(), "lsm="),
        ("seccomp", errno.EINVAL, Signs(), "CONFIG_SECCOMP_FILTER"),
        ("idmapped mounts", errno.EINVAL, Signs(), "Linux 5.12"),
    ],
)
def test_a_refusal_comes_with_the_line_that_mends_it(name: str, number: int, signs: Signs, says: str) -> None:
    assert says in remedy(name, number, signs)
