"""A keeper with no engine: reads a script (marshalled), runs its tasks in one shell, one by one, and prints reports.

Run as a program by a bare interpreter, as the zygote is; `package` in the script is where the package `linux` lies.
"""

import json
import marshal
import os
import select
import sys
import time

OUTPUT_BYTES = 1 << 16
GRACE_S = 0.3


def body(message, fds):
    os.setsid()
    for number, fd in enumerate(fds):
        os.dup2(fd, number)
    os.closerange(3, 256)
    try:
        os.execvpe(message["argv"][0], message["argv"], message["environment"])
    except OSError as error:
        os.write(2, f"{error}\n".encode())
    os._exit(127)


class Reading:
    def __init__(self):
        self.fd, self.end = os.pipe2(os.O_CLOEXEC)
        os.set_blocking(self.fd, False)
        self.kept = bytearray()
        self.total = 0

    def pump(self):
        while True:
            try:
                data = os.read(self.fd, 65536)
            except BlockingIOError:
                return
            if not data:
                return
            self.total += len(data)
            self.kept += data[: max(0, OUTPUT_BYTES - len(self.kept))]

    def close(self):
        os.close(self.fd)
        os.close(self.end)


def watch(cell, streams, wall_s):
    """Returns whether the task had to be stopped."""
    stopped, deadline = False, time.monotonic() + wall_s
    poll = select.poll()
    for fd in (cell.pidfd, *(stream.fd for stream in streams)):
        poll.register(fd, select.POLLIN)
    while True:
        ready = [fd for fd, _ in poll.poll(max(0, int((deadline - time.monotonic()) * 1000)))]
        for stream in streams:
            stream.pump()
        if cell.pidfd in ready:
            return stopped
        now = time.monotonic()
        if now >= deadline and not stopped:
            stopped, deadline = True, now + GRACE_S
            cell.ask()
        elif now >= deadline:
            cell.kill()
            deadline += 3600


def carry_out(linux, task):
    cell = linux.start(task["flags"], task["cell"], body, linux.Groups(task["group"], tuple(task["v1"])))
    streams = [Reading(), Reading()]
    nothing = os.open("/dev/null", os.O_RDONLY | os.O_CLOEXEC)
    report = {"stopped": False, "broken": None, "status": None, "skipped": [], "left": None, "result": None}
    began = time.monotonic()
    try:
        if task["ask_first"]:
            cell.ask()
        message = {"argv": task["argv"], "environment": task["environment"]}
        cell.go(task["confinement"], message, [nothing, *(stream.end for stream in streams)])
        report["stopped"] = watch(cell, streams, task["wall_s"])
    except OSError as error:
        report["go"] = str(error)
    report["init"] = os.waitpid(cell.pid, 0)[1]
    report["seconds"] = time.monotonic() - began
    note(report, cell)
    for name, stream in zip(("out", "err"), streams, strict=True):
        stream.pump()
        report[name], report[f"{name}_total"] = stream.kept.decode("utf-8", "replace"), stream.total
        stream.close()
    os.close(nothing)
    cell.close()
    return report


def note(report, cell):
    while (record := cell.hear()) is not None:
        if record.kind == 3:
            report["broken"] = record.text
        elif record.kind == 4:
            report["status"], report["swept"] = os.waitstatus_to_exitcode(record.number), record.swept
            report["cpu_us"], report["peak_bytes"] = record.cpu_us, record.peak_bytes
        elif record.text:
            report["skipped"].append(record.text)
    if cell.scratch >= 0:
        free = os.fstatvfs(cell.scratch)
        report["left"] = [free.f_bavail * free.f_bsize, free.f_favail]
        try:
            fd = cell.take("result")
            report["result"] = os.read(fd, 4096).decode()
        except OSError:
            pass


def main():
    script = marshal.loads(sys.stdin.buffer.read())
    sys.path.insert(0, script["package"])
    from linux import cell as linux
    from linux.carry import Broken, Site

    try:
        Site().carry_out(script["enter"])
        Site().carry_out(script["root"])
        reports = [carry_out(linux, task) for task in script["tasks"]]
    except Broken as broken:
        reports = [{"broken": str(broken)}]
    except OSError as error:
        reports = [{"broken": f"{error.filename}: {error.strerror}"}]
    with open(f"/proc/self/task/{os.getpid()}/children") as file:
        children = file.read().split()
    json.dump({"reports": reports, "children": children, "fds": len(os.listdir("/proc/self/fd"))}, sys.stdout)


main()
