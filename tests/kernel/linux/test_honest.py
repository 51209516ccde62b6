"""Programs that people run: all of them work inside, as root's tasks and as a user's."""

from __future__ import annotations

import shutil

import pytest

from holdfast.sandbox.plan.policy import Network, Policy
from kernel.linux.cells import Place, one, python, shell

pytestmark = pytest.mark.kernel

MULTIPROCESSING = """
import multiprocessing as mp, concurrent.futures as cf, tempfile, subprocess, sqlite3, threading, asyncio, mmap, json
if __name__ == '__main__':
    mp.set_start_method('fork')
    with cf.ProcessPoolExecutor(2) as pool: print(sum(pool.map(abs, range(-3, 0))))
    q = mp.Queue(); p = mp.Process(target=q.put, args=(7,)); p.start(); print(q.get()); p.join()
    from multiprocessing import shared_memory
    s = shared_memory.SharedMemory(create=True, size=4096); s.close(); s.unlink()
    db = sqlite3.connect('x.db'); db.execute('pragma journal_mode=wal'); db.execute('create table t(a)'); db.commit()
    with tempfile.NamedTemporaryFile() as f: f.write(b'x')
    async def go():
        p = await asyncio.create_subprocess_exec('cat', '/etc/hostname', stdout=-1)
        return (await p.communicate())[0]
    print(asyncio.run(go()))
"""

PROGRAMS = {
    "bash": "bash -c 'cat <(echo a) <(echo b) | sort -r | head -1; echo ${BASH_VERSION:0:1}; mapfile x < /etc/passwd'",
    "git": "git init -q r && cd r && echo x > f && git add f && git -c user.name=a -c user.email=a@b commit -qm m",
    "gcc": "echo 'int main(){return 0;}' > a.c && gcc -o a a.c && ./a",
    "node": 'node -e \'const fs = require("fs"); fs.writeFileSync("a", "b"); setTimeout(() => console.log(1), 5)\'',
    "java": "java -version",
    "perl": 'perl -MSocket -e \'print fork() ? "p" : "c"; wait\'',
    "openssl": "openssl rand -hex 4 && openssl version",
    "make": "printf 'all:\\n\\techo ok\\n' > Makefile && make",
    "sort": "seq 100000 | sort -R | sort -n -S 1M --parallel=2 | tail -1",
    "tar": "tar cf a.tar /etc/ssl/certs && tar tf a.tar | head -1",
    "ruby": "ruby -e 'puts [1,2].map { |x| Thread.new { x } }.map(&:value).sum'",
    "go": "go version",
    "psql": "psql --version",
    "ps": "ps ax && top -bn1 | head -1 && free && nproc && df -h . && id && date && uptime",
    "whoami": "test $(whoami) = task && cd ~ && test $(pwd) = /scratch/work",
}


@pytest.mark.parametrize("name", PROGRAMS)
def test_a_program_works(place: Place, name: str) -> None:
    if shutil.which(name, path="/usr/local/bin:/usr/bin:/bin") is None:
        pytest.skip(f"no {name} here")
    report = one(place, shell(f"set -e; {PROGRAMS[name]}", wall_s=60))
    assert report["status"] == 0, report["err"]


def test_python_works_with_processes_threads_and_shared_memory(place: Place) -> None:
    report = one(place, shell(f"cat > m.py <<'EOF'\n{MULTIPROCESSING}\nEOF\npython3 m.py", wall_s=60))
    assert report["out"] == "6\n7\nb'holdfast\\n'\n", report["err"]


def test_servers_work_with_a_loopback(place: Place) -> None:
    code = """
import asyncio, urllib.request, threading, http.server, socket
s = http.server.ThreadingHTTPServer(('localhost', 0), http.server.SimpleHTTPRequestHandler)
threading.Thread(target=s.serve_forever, daemon=True).start()
print(urllib.request.urlopen(f'http://localhost:{s.server_port}/').status)
"""
    report = one(place, python(code), Policy(network=Network.LOOPBACK))
    assert report["out"] == "200\n", report["err"]


def test_without_a_network_a_name_does_not_resolve_but_nothing_hangs(place: Place) -> None:
    code = "try: socket.getaddrinfo('example.org', 80)\nexcept OSError as error: print(type(error).__name__)"
    report = one(place, python(f"import socket\n{code}"))
    assert report["out"] == "gaierror\n"
    assert report["seconds"] < 5
