from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from holdfast.model.json import Json
from holdfast.wire.units import (
    DURATION_PATTERN,
    SIZE_PATTERN,
    BadUnit,
    iso_time,
    parse_bytes,
    parse_seconds,
    show_bytes,
    show_seconds,
)

ANY_TEXT = st.one_of(st.text(max_size=60), st.text(alphabet="0123456789.smhdwkKMGTPiBbT +-,", max_size=12))


@pytest.mark.parametrize(
    "value, seconds",
    [
        (300, 300.0),
        (0.25, 0.25),
        (0, 0.0),
        ("90s", 90.0),
        ("1.5h", 5400.0),
        (".5s", 0.5),
        ("500ms", 0.5),
        ("2m", 120.0),
        ("1d", 86400.0),
        ("1w", 604800.0),
        ("1h30m", 5400.0),
        (" 1h 30m 1.5s ", 5401.5),
        ("PT5M", 300.0),
        ("P1DT2H", 93600.0),
        ("PT1,5S", 1.5),
        ("P2W", 1209600.0),
    ],
)
def test_a_duration_is_read_as_seconds(value: Json, seconds: float) -> None:
    assert parse_seconds(value) == pytest.approx(seconds)
    if isinstance(value, str):
        assert re.search(DURATION_PATTERN, value)


@pytest.mark.parametrize(
    "value",
    [
        -1,
        -0.5,
        float("nan"),
        float("inf"),
        10**400,
        True,
        None,
        [],
        {},
        "",
        " ",
        "300",
        "1.5",
        "-5s",
        "s",
        "5 min",
        "5M",
    ]
    + ["1h 30", "30m1h", "1h1h", "1.5h30m", "1e3s", "P", "PT", "P1Y", "P1M", "pt5m", "nan", "inf", "5x", "1_000s"]
    + ["9" * 50 + "s", "٣s"],
)
def test_what_is_no_duration_is_refused_with_a_remedy(value: Json) -> None:
    with pytest.raises(BadUnit) as caught:
        parse_seconds(value)
    assert str(caught.value)
    assert caught.value.remedy


@pytest.mark.parametrize(
    "value, count",
    [
        (0, 0),
        (1024, 1024),
        (1e9, 10**9),
        ("1GB", 10**9),
        ("512 MiB", 512 * 2**20),
        ("200MB", 2 * 10**8),
        ("200mb", 2 * 10**8),
        ("1.5GB", 1_500_000_000),
        ("1kB", 1000),
        ("1KB", 1000),
        ("1KiB", 1024),
        ("7B", 7),
        ("1.1GiB", 1181116006),
        ("2TiB", 2**41),
        (" 1PB ", 10**15),
    ],
)
def test_a_size_is_read_as_bytes(value: Json, count: int) -> None:
    assert parse_bytes(value) == count
    if isinstance(value, str):
        assert re.search(SIZE_PATTERN, value)


@pytest.mark.parametrize(
    "value",
    [
        -1,
        1.5,
        float("nan"),
        float("inf"),
        True,
        None,
        [],
        "",
        "1024",
        "1.5",
        "-1MB",
        "1M",
        "1m",
        "1G",
        "1k",
        "1Gb",
        "1b",
    ]
    + ["1 000MB", "1GBs", "1XB", "GB", "0.3B", "1e3B", "nan", "1Gi", "9" * 50 + "B", "٣MB"],
)
def test_what_is_no_size_is_refused_with_a_remedy(value: Json) -> None:
    with pytest.raises(BadUnit) as caught:
        parse_bytes(value)
    assert str(caught.value)
    assert caught.value.remedy


@pytest.mark.parametrize(
    "read, value, remedy",
    [
        (parse_seconds, "5 min", "did you mean 5m?"),
        (parse_seconds, "2 Hours", "did you mean 2h?"),
        (parse_seconds, "300", "say 300s"),
        (parse_bytes, "2Gi", "did you mean 2GiB?"),
        (parse_bytes, "1024", "say 1024B"),
        (parse_bytes, "5m", "say 5MB (powers of 1000) or 5MiB (powers of 1024)"),
    ],
)
def test_the_remedy_says_what_was_meant(read: object, value: str, remedy: str) -> None:
    assert callable(read)
    with pytest.raises(BadUnit) as caught:
        read(value)
    assert caught.value.remedy.startswith(remedy)


@given(ANY_TEXT)
def test_any_text_is_a_duration_or_refused_and_the_schema_takes_all_that_are(text: str) -> None:
    try:
        seconds = parse_seconds(text)
    except BadUnit:
        return
    assert seconds >= 0
    assert re.search(DURATION_PATTERN, text)


@given(ANY_TEXT)
def test_any_text_is_a_size_or_refused_and_the_schema_takes_all_that_are(text: str) -> None:
    try:
        count = parse_bytes(text)
    except BadUnit:
        return
    assert count >= 0
    assert re.search(SIZE_PATTERN, text)


@given(st.integers(min_value=0, max_value=2**60))
def test_a_size_shown_exactly_is_read_back_as_it_was(count: int) -> None:
    assert parse_bytes(show_bytes(count, exact=True)) == count


@given(st.integers(min_value=0, max_value=2**50))
def test_a_size_shown_is_short_and_within_a_hundredth(count: int) -> None:
    shown = show_bytes(count)
    assert len(shown) <= 7
    assert parse_bytes(shown) == pytest.approx(count, rel=0.01)


@given(st.floats(min_value=0, max_value=1e8, allow_nan=False))
def test_a_duration_shown_is_short_and_near(seconds: float) -> None:
    shown = show_seconds(seconds)
    assert len(shown) <= 8
    assert parse_seconds(shown) == pytest.approx(seconds, rel=0.05, abs=0.001)


@pytest.mark.parametrize(
    "seconds, shown",
    [
        (0, "0s"),
        (0.012, "12ms"),
        (1, "1s"),
        (3.42, "3.4s"),
        (59.99, "1m"),
        (75, "1m15s"),
        (7500, "2h5m"),
        (90000, "1d1h"),
    ],
)
def test_durations_are_shown_as_people_say_them(seconds: float, shown: str) -> None:
    assert show_seconds(seconds) == shown


@pytest.mark.parametrize(
    "count, shown, exact",
    [
        (0, "0B", "0B"),
        (999, "999B", "999B"),
        (1000, "1kB", "1kB"),
        (536870912, "537MB", "512MiB"),
        (10**9, "1GB", "1GB"),
        (612_345_678, "612MB", "612345678B"),
        (1_572_864, "1.57MB", "1536KiB"),
    ],
)
def test_sizes_are_shown_rounded_or_exactly(count: int, shown: str, exact: str) -> None:
    assert show_bytes(count) == shown
    assert show_bytes(count, exact=True) == exact


def test_times_are_written_in_utc_to_the_millisecond() -> None:
    assert iso_time(0) == "1970-01-01T00:00:00.000Z"
    assert iso_time(1_700_000_000.25) == "2023-11-14T22:13:20.250Z"
