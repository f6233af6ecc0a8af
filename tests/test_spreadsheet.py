"""Cells that a spreadsheet would run as formulas, and their way back."""

import csv
import io

import pytest

from app.spreadsheet import MARK, guarded, unguarded

RUN = ["=1+1", "+1", "-", "@SUM(A1)", "\t=1", "\r=1", "\n=1", "'=1", "''-"]
RUN += ["\uff1d1+1", "\uff0b1", "\uff0d1", "\uff20A1"]  # full-width forms
PLAIN = ["", "nut", "'", "'a", " =1", "a=1", "ü", "0.5"]


@pytest.mark.parametrize("text", RUN)
def test_what_would_run_is_preceded_by_a_quote_and_comes_back(text: str) -> None:
    assert guarded(text) == "'" + text
    assert unguarded(guarded(text)) == text


@pytest.mark.parametrize("text", PLAIN)
def test_all_else_stays(text: str) -> None:
    assert guarded(text) == text == unguarded(text)


def test_the_mark_is_what_readers_take_away() -> None:
    data = (MARK + "größe\n1\n").encode()
    assert data.startswith(b"\xef\xbb\xbf")
    assert list(csv.DictReader(io.StringIO(data.decode("utf-8-sig")))) == [{"größe": "1"}]
