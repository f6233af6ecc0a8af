"""Training prompts are those of the service, token for token."""

import numpy as np
from open_clip.tokenizer import SimpleTokenizer

from app.clipad.prompts import prompt_ensemble
from app.offline.demo.data import KIND_NAMES
from app.offline.demo.prompts import GENERIC, PromptSampler

SAMPLER = PromptSampler(KIND_NAMES)


def words(row: list[int], end: int) -> list[int]:
    return row[1:end]


def test_all_prompts_equal_the_service_s_tokens() -> None:
    tokenizer = SimpleTokenizer()
    for name in ("circuit board", GENERIC[0]):
        ensemble = prompt_ensemble(name)
        batch = SAMPLER.all(name)
        expected = [tokenizer.encode(text) for text in (*ensemble.normal, *ensemble.abnormal)]
        found = [
            words(row.tolist(), int(end)) for row, end in zip(batch.ids, batch.ends, strict=True)
        ]
        assert found == expected
        assert SAMPLER.normal_count == len(ensemble.normal)
        assert {token for row in expected for token in row} <= SAMPLER.used


def test_a_handful_is_ordered_by_name_and_state() -> None:
    rng = np.random.default_rng(1)
    batch = SAMPLER.draw(rng, [[320], [1000, 1001]], count=3)
    rows = [words(row.tolist(), int(end)) for row, end in zip(batch.ids, batch.ends, strict=True)]
    assert len(rows) == 2 * 2 * 3
    assert all(1000 in row for row in rows[6:])
    assert not any(1000 in row for row in rows[:6])
    encode = SimpleTokenizer().encode
    normal = {tuple(encode(text)) for text in prompt_ensemble("texture").normal}
    kept = SAMPLER.draw(rng, [encode("texture")], count=3)
    for index, (row, end) in enumerate(zip(kept.ids, kept.ends, strict=True)):
        assert (tuple(words(row.tolist(), int(end))) in normal) == (index < 3)


def test_names_are_replaced_as_often_as_asked() -> None:
    rng = np.random.default_rng(2)
    own = [SAMPLER.name(rng, "carpet", 0.5) for _ in range(400)]
    share = sum(known for _, known in own) / len(own)
    assert 0.4 < share < 0.6
    carpet = SimpleTokenizer().encode("carpet")
    assert all((ids == carpet) == known for ids, known in own)
    assert all(SAMPLER.name(rng, "carpet", 0.0)[1] for _ in range(20))
    assert len({tuple(ids) for ids, known in own if not known}) > 100
