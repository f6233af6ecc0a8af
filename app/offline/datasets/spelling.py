"""How an object's name, as a data set spells it, is put into prompts."""

from __future__ import annotations

from enum import StrEnum


class Spelling(StrEnum):
    """`words` reads `metal_nut` as people type it, "metal nut"; `dataset` leaves it as it is."""

    WORDS = "words"
    DATASET = "dataset"

    def of(self, name: str) -> str:
        """An object's name, given as its data set spells it, in this spelling."""
        return name.replace("_", " ") if self is Spelling.WORDS else name
