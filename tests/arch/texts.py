"""Gates on the tree as a whole: what a committed file must not give away, which pages there must be."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import tempfile
from collections.abc import Collection, Iterable
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

from arch.source import ROOT

README_LINES: Final = 120
LINK: Final = re.compile(r"(?<!!)\[[^\]]*\]\(([^)\s]+)\)")
HOST_OPTION: Final = re.compile(
    r"^\s*(-i\b|--(index-url|extra-index-url|find-links|trusted-host)\b)|://|@\s*file:", re.M
)
PIN: Final = re.compile(r"^([A-Za-z0-9._-]+)==(\S+)", re.M)
PIP_SETTING: Final = re.compile(r"(?:index-url|find-links|trusted-host)='(.*)'$", re.M)


def committed(root: Path = ROOT) -> list[Path]:
    """Files that git knows; where there is no git, every file outside hidden folders."""
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=root, capture_output=True, text=True, check=False)
    if listed.returncode == 0:
        return [path for name in listed.stdout.split("\0") if name and (path := root / name).is_file()]
    return [path for path in root.rglob("*") if path.is_file() and not _is_hidden(path.relative_to(root))]


def _is_hidden(path: Path) -> bool:
    return any(part.startswith(".") for part in path.parts[:-1])


def machine_paths(files: Iterable[Path], places: Collection[str]) -> list[str]:
    """Lines of text files that name a place of one machine only."""
    pattern = place_pattern(places)
    return [
        f"{path.name}:{number} names a place of this machine only: {line.strip()[:100]}"
        for path in files
        if (text := _text(path)) is not None
        for number, line in enumerate(text.splitlines(), 1)
        if pattern.search(line)
    ]


def place_pattern(places: Collection[str]) -> re.Pattern[str]:
    """Matches a place itself or anything below it, not a longer path that only ends like it."""
    some = "|".join(re.escape(place) for place in sorted(places)) or r"(?!)"
    return re.compile(rf"(?<![\w.~-])(?:{some})(?=/[\w.]|$|[\"'\s`])")


def places_here() -> set[str]:
    """Where this tree, its neighbours and the user's home stand here, and where pip fetches from."""
    homes = {Path.home(), Path(os.environ.get("HOME") or "/")}
    return {str(ROOT)} | {place for home in homes for place in _below_home(home)} | _neighbours() | _package_sources()


def _below_home(home: Path) -> set[str]:
    """A home right below / (as root's) is a word that code may need; the hidden folders in it are not."""
    if len(home.parts) > 2:
        return {str(home)}
    hidden = home.glob(".*") if len(home.parts) == 2 and os.access(home, os.R_OK) else []
    return {str(path) for path in hidden}


def _neighbours() -> set[str]:
    """Folders beside this tree, unless it stands where anything may stand."""
    if ROOT.parent in {Path("/"), Path.home(), Path(tempfile.gettempdir())}:
        return set()
    return {str(path) for path in ROOT.parent.iterdir() if path.is_dir()}


def _package_sources() -> set[str]:
    """Index pages and folders that pip is told to use here, by configuration or environment."""
    listed = subprocess.run(
        [sys.executable, "-m", "pip", "config", "list"], capture_output=True, text=True, check=False
    ).stdout
    words = " ".join(PIP_SETTING.findall(listed)).replace("\\n", " ").split()
    sources = {urlsplit(word).hostname or urlsplit(word).path for word in words}
    return {source for source in sources if source and source != "/"}


def named_hosts(lock: Path) -> list[str]:
    text = lock.read_text(encoding="utf-8")
    return [f"{lock.name} names where to fetch from: {match.group().strip()}" for match in HOST_OPTION.finditer(text)]


def unhashed(lock: Path) -> list[str]:
    """Pins without a hash. A pin and its hashes are one logical line."""
    lines = lock.read_text(encoding="utf-8").replace("\\\n", " ").splitlines()
    return [f"{lock.name}: no hash for {line}" for line in lines if PIN.match(line) and "--hash=sha256:" not in line]


def pins(lock: Path) -> dict[str, str]:
    return {name.lower(): version for name, version in PIN.findall(lock.read_text(encoding="utf-8"))}


def broken_links(pages: Iterable[Path]) -> list[str]:
    """Relative links of Markdown pages that lead nowhere."""
    return [
        f"{page.name} links to {target}, which is not there"
        for page in pages
        for target in LINK.findall(page.read_text(encoding="utf-8"))
        if not urlsplit(target).scheme and not target.startswith("#")
        if not (page.parent / target.partition("#")[0]).exists()
    ]


def _text(path: Path) -> str | None:
    try:
        return path.read_text(encoding="utf-8")
    except UnicodeDecodeError:
        return None
