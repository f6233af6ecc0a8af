"""What the first use of a name costs: cut context and RVS against the plain, uncut text encode.

Knows nothing of servers or disks: the first use is taken without any cache.
"""

from collections.abc import Iterator
from itertools import count

import torch

from app.clipad.backbone import Backbone
from app.clipad.encoder import TextEncoder
from app.clipad.prompts import prompt_ensemble
from app.clipad.rvs import Rvs
from app.clipad.text import TextBank
from app.offline.bench.pairs import PairedTimes, time_pairs

_BATCH = 128  # prompts the baseline encodes at a time


def compare_with_uncut(backbone: Backbone, rvs: Rvs, turns: int) -> PairedTimes:
    """First use of an object name (prompts, tokens, cut encode, RVS) against `encode_text`.

    The baseline encodes the same 418 prompts at the full context, tokenizing included, RVS not.
    """
    bank = TextBank(TextEncoder(backbone), backbone.digest, rvs, backbone.embed_dim)
    names, same_names = _names(), _names()

    def first_use() -> torch.Tensor:
        return bank.get(prompt_ensemble(next(names)))

    @torch.inference_mode()
    def uncut() -> torch.Tensor:
        prompts = prompt_ensemble(next(same_names))
        tokens = backbone.tokenizer([*prompts.normal, *prompts.abnormal]).to(backbone.device)
        return torch.cat([backbone.model.encode_text(part) for part in tokens.split(_BATCH)])

    return time_pairs(first_use, uncut, turns=turns, warm_up=1)


def _names() -> Iterator[str]:
    return (f"metal nut {number}" for number in count())
