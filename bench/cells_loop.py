"""Makes no-op cells one after the other, and as many bare sandboxes of the same namespaces. Run by `bench.cells`."""

import _socket
import fcntl
import json
import marshal
import os
import struct
import sys
import time


def body(message, fds):
    os._exit(0)


def cold(linux, script):
    """Build, hand over, end."""
    cell = linux.start(script["flags"], script["cell"], body, linux.Groups())
    cell.go(script["confinement"], {}, [])
    finish(cell)


def finish(cell):
    os.waitpid(cell.pid, 0)
    kinds = []
    while (record := cell.hear()) is not None:
        kinds.append(record.kind)
    cell.close()
    assert kinds == [1, 2, 4], kinds


def prebuilt(linux, script):
    """As `cold`, with the clock running from the hand-over only."""
    cell = linux.start(script["flags"], script["cell"], body, linux.Groups())
    while cell.hear() is None:
        time.sleep(0.0002)
    began = time.perf_counter()
    cell.go(script["confinement"], {}, [])
    os.waitpid(cell.pid, 0)
    seconds = time.perf_counter() - began
    finish_quietly(cell)
    return seconds


def finish_quietly(cell):
    while cell.hear() is not None:
        pass
    cell.close()


def bare(calls, script):
    """The same namespaces, a private root with scratch space, pid 1 and a child of it, the filter; no Holdfast."""
    pid, pidfd = calls.clone3(
        calls.NEWUSER | calls.NEWPID | calls.NEWNS | calls.NEWIPC | calls.NEWUTS | script["network"]
    )
    if pid == 0:
        build(calls, script)
        if os.fork() == 0:
            os._exit(0)
        os.wait()
        os._exit(0)
    os.waitpid(pid, 0)
    os.close(pidfd)


def build(calls, script):
    base, uid, gid = script["base"], *script["ids"]
    calls.prctl(calls.PR_SET_DUMPABLE, 1)
    for name, text in (("setgroups", "deny"), ("uid_map", f"1000 {uid} 1"), ("gid_map", f"1000 {gid} 1")):
        fd = os.open(f"/proc/self/{name}", os.O_WRONLY)
        os.write(fd, text.encode())
        os.close(fd)
    if script["network"]:
        sock = _socket.socket(_socket.AF_INET, _socket.SOCK_DGRAM)
        fcntl.ioctl(sock.fileno(), 0x8914, struct.pack("16sh14x", b"lo", 0x41))
        sock.close()
    calls.mount(None, "/", None, calls.MS_REC | calls.MS_SLAVE)
    calls.mount("tmpfs", base, "tmpfs", 6, "size=16m,mode=755")
    for name in ("usr", "proc", "tmp", "old"):
        os.mkdir(f"{base}/{name}")
    calls.mount("/usr", f"{base}/usr", None, calls.MS_BIND | calls.MS_REC)
    calls.mount_setattr(-1, f"{base}/usr", 7)
    calls.mount("tmpfs", f"{base}/tmp", "tmpfs", 6, "size=100m,nr_inodes=1000")
    calls.mount("proc", f"{base}/proc", "proc", 14)
    os.chdir(base)
    calls.pivot_root(".", ".")
    calls.unmount(".")
    calls.prctl(calls.PR_SET_NO_NEW_PRIVS, 1)
    calls.install_filter(script["filter"])


def timed(action, count):
    seconds = []
    for _ in range(count):
        began = time.perf_counter()
        own = action()
        seconds.append(own if own is not None else time.perf_counter() - began)
    return seconds


def main():
    script = marshal.loads(sys.stdin.buffer.read())
    sys.path.insert(0, script["package"])
    from linux import calls
    from linux import cell as linux
    from linux.carry import Site

    if script["what"] == "bare":
        action = lambda: bare(calls, script)  # noqa: E731
    else:
        for steps in (script["enter"], script["root"]):
            Site().carry_out(steps)
        action = lambda: {"cold": cold, "prebuilt": prebuilt}[script["what"]](linux, script)  # noqa: E731
    timed(action, 10)
    json.dump(timed(action, script["count"]), sys.stdout)


main()
