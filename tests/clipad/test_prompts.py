import pytest

from app.clipad.prompts import (
    MAX_NAME_CHARACTERS,
    TEMPLATES,
    Domain,
    abnormal_states,
    normal_states,
    prompt_ensemble,
)
from app.errors import ObjectNameError


def test_an_industrial_object_has_198_normal_and_220_abnormal_prompts() -> None:
    prompts = prompt_ensemble("metal nut")
    assert len(TEMPLATES) == len(set(TEMPLATES)) == 22
    assert len(set(prompts.normal)) == len(prompts.normal) == 198
    assert len(set(prompts.abnormal)) == len(prompts.abnormal) == 220
    assert "a cropped photo of the flawless metal nut." in prompts.normal
    assert "a photo of a large metal nut with scratch." in prompts.abnormal
    assert "a photo of the metal nut without crack for anomaly detection." in prompts.normal
    assert all("{" not in prompt for prompt in (*prompts.normal, *prompts.abnormal))


@pytest.mark.parametrize(
    ("domain", "added"),
    [
        (Domain.HEADCT, {"hemorrhage"}),
        (Domain.BRAINMRI, {"tumor"}),
        (Domain.COLON, {"polypus", "polyp"}),
    ],
)
def test_medical_domains_trade_surface_defects_for_their_own(
    domain: Domain, added: set[str]
) -> None:
    for states in (normal_states(domain), abnormal_states(domain)):
        defects = {state.split()[-1] for state in states if state.startswith("{} with")}
        assert defects == {"flaw", "defect", "damage", "contamination"} | added


def test_skin_uses_the_industrial_words() -> None:
    assert normal_states(Domain.SKIN) == normal_states(Domain.INDUSTRIAL)
    assert abnormal_states(Domain.SKIN) == abnormal_states(Domain.INDUSTRIAL)


def test_braces_and_format_fields_in_a_name_are_only_a_name() -> None:
    prompts = prompt_ensemble("nut {} {0.__class__} %s")
    assert "a photo of a flawless nut {} {0.__class__} %s." in prompts.normal


def test_equal_prompts_have_equal_digests_and_different_ones_differ() -> None:
    assert prompt_ensemble(" bolt ").digest == prompt_ensemble("bolt").digest
    digests = {prompt_ensemble("bolt", domain).digest for domain in Domain}
    assert len(digests) == 4  # skin equals industrial


@pytest.mark.parametrize(
    "name", ["", "   ", "nut\nbolt", "a\x00b", "x" * (MAX_NAME_CHARACTERS + 1)]
)
def test_unusable_names_are_refused(name: str) -> None:
    with pytest.raises(ObjectNameError, match="expected 1 to"):
        prompt_ensemble(name)
