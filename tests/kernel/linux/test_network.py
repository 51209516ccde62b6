"""Who can be talked to."""

from __future__ import annotations

import socket
from pathlib import Path

import pytest

from holdfast.sandbox.plan.policy import Network, Policy
from kernel.linux.cells import Place, one, python, shell

pytestmark = pytest.mark.kernel

REACH = """
import socket
def reach(family, kind, address):
    try:
        s = socket.socket(family, kind); s.settimeout(2)
        s.connect(address); s.send(b'x'); return 'reached'
    except OSError as error: return type(error).__name__
"""


@pytest.fixture
def server() -> socket.socket:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        yield listening


@pytest.mark.parametrize("network", [Network.NONE, Network.LOOPBACK])
def test_no_address_of_the_host_or_beyond_is_reached(place: Place, network: Network, server: socket.socket) -> None:
    port = server.getsockname()[1]
    code = f"""{REACH}
print({{
    reach(socket.AF_INET, kind, (host, port))
    for kind in (socket.SOCK_STREAM, socket.SOCK_DGRAM) for host in ('192.0.2.1', '169.254.169.254', '8.8.8.8')
    for port in (53, 80, {port})
}}, reach(socket.AF_INET, socket.SOCK_STREAM, ('127.0.0.1', {port})),
   reach(socket.AF_INET6, socket.SOCK_STREAM, ('2001:db8::1', 80)))"""
    report = one(place, python(code), Policy(network=network))
    assert report["status"] == 0
    assert "reached" not in report["out"]


def test_with_none_there_is_no_internet_socket_at_all(place: Place) -> None:
    report = one(place, python(f"{REACH}\nprint(reach(socket.AF_INET, 1, ('127.0.0.1', 1)))"))
    assert report["out"] == "PermissionError\n"


def test_with_loopback_its_own_servers_are_reached(place: Place) -> None:
    code = f"{REACH}\ns = socket.create_server(('127.0.0.1', 0))\nprint(reach(socket.AF_INET, 1, s.getsockname()))"
    assert one(place, python(code), Policy(network=Network.LOOPBACK))["out"] == "reached\n"


def test_with_host_a_server_of_the_host_is_reached(place: Place, server: socket.socket) -> None:
    code = f"{REACH}\nprint(reach(socket.AF_INET, 1, ('127.0.0.1', {server.getsockname()[1]})))"
    assert one(place, python(code), Policy(network=Network.HOST))["out"] == "reached\n"


@pytest.mark.parametrize("network", list(Network))
def test_an_abstract_socket_of_the_host_is_not_reached(place: Place, network: Network) -> None:
    if network is Network.HOST and place.host.landlock < 6:
        pytest.skip("needs Landlock's scopes (ABI 6)")
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind("\0holdfast-test")
        listening.listen()
        code = f"{REACH}\nprint(reach(socket.AF_UNIX, 1, '\\0holdfast-test'))"
        report = one(place, python(code), Policy(network=network))
    assert report["out"] in ("ConnectionRefusedError\n", "PermissionError\n")


def test_a_socket_of_the_host_in_the_file_system_is_not_there(place: Place, tmp_path: Path) -> None:
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind(str(tmp_path / "s"))
        listening.listen()
        assert one(place, shell(f"test -e {tmp_path}/s"))["status"] == 1


def test_its_own_unix_sockets_work(place: Place) -> None:
    code = f"""{REACH}
s = socket.socket(socket.AF_UNIX); s.bind('/tmp/s'); s.listen()
a = socket.socket(socket.AF_UNIX); a.bind('\\0mine'); a.listen()
print(reach(socket.AF_UNIX, 1, '/tmp/s'), reach(socket.AF_UNIX, 1, '\\0mine'), len(socket.socketpair()))"""
    assert one(place, python(code))["out"] == "reached reached 2\n"


def test_the_hosts_connections_are_not_listed(place: Place) -> None:
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind("\0holdfast-listed")
        report = one(
            place, shell("cat /proc/net/tcp /proc/net/udp | grep -c :; cat /proc/net/unix; ls /proc/net/dev_snmp6")
        )
    assert report["out"].split()[0] == "0"
    assert "holdfast-listed" not in report["out"]
