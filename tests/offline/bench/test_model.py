from app.clipad.rvs import Rvs, RvsMethod
from app.offline.bench.model import compare_with_encode
from app.offline.bench.text import compare_with_uncut
from tests import parity


def test_every_batch_size_is_compared() -> None:
    results = list(compare_with_encode(parity.backbone("tiny-vit"), [1, 3], turns=2))
    assert [batch for batch, _ in results] == [1, 3]
    assert all(len(times.work) == 2 and times.ratio > 0 for _, times in results)


def test_every_turn_uses_a_name_never_seen() -> None:
    times = compare_with_uncut(parity.backbone("tiny-vit"), Rvs(RvsMethod.MEAN), turns=2)
    # A cached name would take microseconds; its 418 prompts alone cost the tokenizer more.
    assert min(times.work) > 1e-3
