"""The working directory and the result file, whatever a task makes of them."""

from __future__ import annotations

import os
import time
from pathlib import Path

import pytest

from contract.sandbox.yard import PATIENCE_S, Yard, call, output, python, shell, value
from holdfast.sandbox.zygote.wire import REPORT_BYTES

HOSTILE = str(Path(__file__).parent / "hostile.py")


def left(engine: Path) -> list[Path]:
    """What is there but for what belongs there, and the empty folders that keepers have ready for their next tasks."""
    found = [path for path in engine.iterdir() if path.name not in ("lock", "zygote.log")]
    return [path for path in found if not path.name.startswith("folder-") or any(path.iterdir())]


@pytest.fixture(autouse=True)
def no_folder_left(yard: Yard) -> object:
    """Not even before the sandbox is closed, once the keeper has had the time to clear it away."""
    yield
    [engine] = [path for path in (yard.folder / "scratch").iterdir() if path.name.startswith("engine-")]
    until = time.monotonic() + PATIENCE_S
    while left(engine) and time.monotonic() < until:
        time.sleep(0.01)
    assert left(engine) == []
    assert (engine / "zygote.log").read_text() == ""


@pytest.mark.parametrize(
    "function, argument",
    [("delete_folder", None), ("locked_tree", None), ("deep_tree", 3000), ("wide_tree", 5000)],
)
def test_it_is_cleared_away(yard: Yard, function: str, argument: int | None) -> None:
    seen = yard.carry_out(call(f"{HOSTILE}:{function}", *([] if argument is None else [argument])))
    assert value(seen) == argument


def test_what_its_links_point_to_is_left_alone(yard: Yard) -> None:
    precious = yard.folder / "precious"
    precious.write_text("mine")
    precious.chmod(0o640)
    yard.carry_out(call(f"{HOSTILE}:links", str(precious)))
    assert precious.read_text() == "mine"
    assert precious.stat().st_mode & 0o777 == 0o640
    assert yard.folder.is_dir()


def test_a_folder_that_became_a_link_is_not_followed(yard: Yard) -> None:
    precious = yard.folder / "precious"
    precious.mkdir()
    (precious / "file").touch()
    yard.carry_out(shell(f"cd /; rmdir $HOLDFAST_WORKDIR; ln -s {precious} $HOLDFAST_WORKDIR"))
    assert (precious / "file").exists()


def test_names_may_be_anything(yard: Yard) -> None:
    seen = yard.carry_out(
        python("""
        import os
        for name in (b"a\\nb", b"\\xff\\xfe", b"-rf", b" ", b"\\x1b[2J"):
            os.mkdir(name)
            open(name + b"/" + name, "w").close()
    """)
    )
    assert seen.exit_code == 0


@pytest.mark.parametrize(
    "script, reason",
    [
        ("ln -s /etc/passwd $HOLDFAST_RESULT", "refused"),
        ("mkfifo $HOLDFAST_RESULT", "not a regular file"),
        ("mkdir $HOLDFAST_RESULT; touch $HOLDFAST_RESULT/x", "not a regular file"),
        ("ln -s /dev/zero $HOLDFAST_RESULT", "refused"),
    ],
)
def test_a_result_that_is_no_plain_file_is_refused(yard: Yard, script: str, reason: str) -> None:
    seen = yard.carry_out(shell(script))
    assert (seen.exit_code, seen.report, seen.report_bytes) == (0, None, 0)
    assert len(seen.evidence) == 1
    assert reason in seen.evidence[0]


@pytest.mark.parametrize("size", [1, 65_536, 65_537, REPORT_BYTES])
def test_a_result_comes_in_whole(yard: Yard, size: int) -> None:
    seen = yard.carry_out(shell(f"head -c {size} /dev/zero > $HOLDFAST_RESULT"))
    assert (seen.report, seen.report_bytes) == (bytes(size), size)


def test_a_result_over_the_cap_is_only_measured(yard: Yard) -> None:
    seen = yard.carry_out(shell(f"head -c {REPORT_BYTES + 1} /dev/zero > $HOLDFAST_RESULT"))
    assert (seen.report, seen.report_bytes) == (None, REPORT_BYTES + 1)
    sparse = yard.carry_out(shell("truncate -s 1T $HOLDFAST_RESULT"))
    assert (sparse.report, sparse.report_bytes) == (None, 1 << 40)


def test_no_result_is_none(yard: Yard) -> None:
    assert yard.carry_out(shell("true")).report is None
    assert yard.carry_out(shell(": > $HOLDFAST_RESULT")).report is None


def test_a_result_written_by_rename_counts(yard: Yard) -> None:
    seen = yard.carry_out(shell("echo 1 > new; mv new $HOLDFAST_RESULT"))
    assert seen.report == b"1\n"


def test_a_daemon_cannot_change_the_result_afterwards(yard: Yard) -> None:
    seen = yard.carry_out(
        shell('echo 1 > $HOLDFAST_RESULT; (setsid sh -c "while :; do echo 2 > $HOLDFAST_RESULT; done" &) ; exit 0')
    )
    assert seen.report in (b"1\n", b"2\n", None)
    assert seen.swept >= 1
    assert output(seen.stdout) == b""


def test_the_scratch_folder_is_nobody_elses(yard: Yard) -> None:
    seen = yard.carry_out(shell("stat -c %a . .."))
    assert output(seen.stdout) == b"700\n700\n"
    assert os.stat(yard.folder / "scratch").st_mode & 0o077 == 0
