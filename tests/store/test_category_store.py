from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest

from app.errors import FieldError, TooManyNewCategoriesError, UnknownCategoryError
from app.store import category_store
from app.store.records import CategoryRecord, SampleRecord, SampleScore
from app.store.store import Store
from tests.store.examples import NOON, category, put, sample


def test_a_category_comes_back_as_it_was(store: Store) -> None:
    kept = category(
        "Größe ẞ 7",
        object="steel bracket",
        normal_states=("a flawless {}", "{} 好"),
        abnormal_states=("a bent {}",),
        rvs="kde",
        alpha=0.1 + 0.2,
        roi={"polygons": [[[0.1, 0.2], [0.3, 1 / 3], [1, 0]]]},
        updated=NOON + timedelta(microseconds=1),
    )
    put(store, kept)
    assert store.state(kept.key) == (kept, [])
    assert kept.key == "grösse ss 7"


def test_an_unknown_key_is_no_error(store: Store) -> None:
    assert store.samples("bracket") == []
    assert store.state("bracket") == (None, [])
    assert not store.delete_category("bracket")
    assert not store.delete_sample("bracket", "one")
    assert store.clear_samples("bracket") == 0


def test_an_update_keeps_when_it_was_created_and_its_samples(store: Store) -> None:
    store.add_samples(category(), [sample("one")], registered=False)
    later = category(alpha=0.01, created=NOON + timedelta(days=1), updated=NOON + timedelta(days=1))
    kept = store.change_category(later.key, lambda _found: later)
    assert kept == replace(later, created=NOON)
    assert store.state(later.key) == (kept, [sample("one")])


def test_a_change_is_made_of_what_is_there(store: Store) -> None:
    seen: list[CategoryRecord | None] = []

    def raise_alpha(found: CategoryRecord | None) -> CategoryRecord:
        seen.append(found)
        return replace(found, alpha=found.alpha * 2) if found else category(alpha=0.125)

    for _ in range(3):
        kept = store.change_category(category().key, raise_alpha)
    assert seen == [None, category(alpha=0.125), category(alpha=0.25)]
    assert store.state(category().key) == (kept, [])
    assert kept == category(alpha=0.5)


@pytest.mark.parametrize("there", [True, False])
def test_a_change_that_fails_changes_nothing(store: Store, there: bool) -> None:
    if there:
        put(store, category())

    def fail(_found: CategoryRecord | None) -> CategoryRecord:
        raise FieldError("alpha: no")

    with pytest.raises(FieldError, match="alpha: no"):
        store.change_category(category().key, fail)
    with pytest.raises(ValueError, match="has key 'other': expected 'bracket 7'"):
        store.change_category(category().key, lambda _found: category("Other"))
    assert store.categories() == ([category()] if there else [])


def test_times_come_back_in_utc(store: Store) -> None:
    there = timezone(timedelta(hours=-7))
    put(store, category(created=NOON.astimezone(there)))
    found, _ = store.state(category().key)
    assert found is not None
    assert found.created == NOON
    assert found.created.tzinfo is UTC


def test_a_naive_time_is_the_callers_mistake(store: Store) -> None:
    with pytest.raises(Exception, match="has no time zone"):
        put(store, category(created=datetime(2025, 1, 1)))


def test_categories_are_ordered_by_id(store: Store) -> None:
    ids = ["b", "B", "a 2", "a10", "Ä", "_"]
    for number, id in enumerate(ids):
        put(store, replace(category(id), key=str(number)))
    assert [found.id for found in store.categories()] == sorted(ids)


@pytest.mark.parametrize(
    "score", [0.1, 1 / 3, 5e-324, 1.7976931348623157e308, 0.30000000000000004, 0.9999999999999999]
)
def test_scores_come_back_to_the_last_bit(store: Store, score: float) -> None:
    said = SampleScore("sdp", "f", score, score / 2, -score)
    store.add_samples(category(), [SampleRecord("one", NOON, "a", None, (said,))], registered=False)
    ((found,),) = [kept.scores for kept in store.samples(category().key)]
    assert [value.hex() for value in (found.score, found.map_max, found.map_median)] == [
        value.hex() for value in (score, score / 2, -score)
    ]


def test_samples_come_in_order_of_insertion_with_their_scores_in_order(store: Store) -> None:
    first = [sample(f"{number * 7919 % 2003}", number / 9, 3) for number in range(1500)]
    store.add_samples(category(), first, registered=False)
    store.add_samples(category("other"), [sample("one")], registered=False)
    bare = sample("bare", scores=0)
    store.add_samples(category(), [bare], registered=False)
    assert store.samples(category().key) == [*first, bare]
    assert store.samples("other") == [sample("one")]


def test_adding_makes_the_category_but_does_not_change_it(store: Store) -> None:
    store.add_samples(category(), [], registered=False)
    store.add_samples(category(alpha=0.5), [sample("one")], registered=False)
    assert store.state(category().key) == (category(), [sample("one")])


def test_adding_is_one_transaction(store: Store) -> None:
    with pytest.raises(FieldError, match="refuses"):
        store.add_samples(
            category(), [sample("one"), sample("two"), sample("one")], registered=False
        )
    lacking: Any = None
    bad = SampleRecord("two", NOON, "a", None, (SampleScore("sdp", "f", lacking, 0.0, 0.0),))
    with pytest.raises(FieldError, match="refuses"):
        store.add_samples(category(), [sample("one"), bad], registered=False)
    assert store.state(category().key) == (None, [])
    assert scores_kept(store) == 0


def test_a_category_that_was_deleted_is_not_made_again(store: Store) -> None:
    store.add_samples(category(), [sample("one")], registered=False)
    store.add_samples(category(), [sample("two")], registered=True)
    store.delete_category(category().key)
    with pytest.raises(UnknownCategoryError, match="'Bracket 7' was deleted meanwhile"):
        store.add_samples(category(), [sample("three")], registered=True)
    assert store.state(category().key) == (None, [])
    assert scores_kept(store) == 0


def test_samples_are_so_many_at_most(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    assert category_store.MAX_SAMPLES == 5000
    monkeypatch.setattr(category_store, "MAX_SAMPLES", 3)
    samples = [sample(str(number)) for number in range(4)]
    too_many = (
        "^category 'Bracket 7' would have 4 calibration samples: expected at most 3; "
        "take some out first$"
    )
    with pytest.raises(FieldError, match=too_many):
        store.add_samples(category(), samples, registered=False)
    with pytest.raises(FieldError, match=too_many):
        store.replace_category(category(), samples)
    assert store.categories() == []
    store.add_samples(category("other"), samples[:3], registered=False)
    store.add_samples(category(), samples[:2], registered=False)
    store.add_samples(category(), samples[2:3], registered=True)
    with pytest.raises(FieldError, match=too_many):
        store.add_samples(category(), samples[3:], registered=True)
    with pytest.raises(FieldError, match=too_many):
        store.replace_category(category(alpha=0.5), samples)
    assert store.state(category().key) == (category(), samples[:3])
    store.delete_sample(category().key, "0")
    store.add_samples(category(), samples[3:], registered=True)
    store.replace_category(category(), samples[:3])


def test_the_same_id_may_stand_in_two_categories(store: Store) -> None:
    for id in ("one", "two"):
        store.add_samples(category(id), [sample("same")], registered=False)
    assert store.delete_sample("one", "same")
    assert not store.delete_sample("one", "same")
    assert (store.samples("one"), store.samples("two")) == ([], [sample("same")])


def test_deleting_a_category_deletes_its_samples_and_their_scores(store: Store) -> None:
    store.add_samples(category(), [sample("one"), sample("two")], registered=False)
    store.add_samples(category("other"), [sample("one")], registered=False)
    assert store.delete_category(category().key)
    store.add_samples(category(), [], registered=False)
    assert store.samples(category().key) == []
    assert scores_kept(store) == 2


def test_clearing_keeps_the_category(store: Store) -> None:
    store.add_samples(category(), [sample("one"), sample("two")], registered=False)
    assert store.clear_samples(category().key) == 2
    assert store.state(category().key) == (category(), [])
    assert scores_kept(store) == 0


def test_replacing_leaves_nothing_of_before(store: Store) -> None:
    store.add_samples(category(), [sample("one"), sample("two")], registered=False)
    imported = category(alpha=0.2, created=NOON - timedelta(days=9))
    store.replace_category(imported, [sample("two", 0.9)])
    assert store.state(imported.key) == (imported, [sample("two", 0.9)])
    assert scores_kept(store) == 2


def test_a_failing_replacement_changes_nothing(store: Store) -> None:
    store.add_samples(category(), [sample("one")], registered=False)
    with pytest.raises(FieldError):
        store.replace_category(category(alpha=0.2), [sample("two"), sample("two")])
    assert store.state(category().key) == (category(), [sample("one")])


def scores_kept(store: Store) -> int:
    """Rows of scores, whether a sample of theirs is there or not."""
    with store._database.reading() as connection:
        count: int = connection.exec_driver_sql("SELECT count(*) FROM sample_scores").scalar_one()
    return count


def test_categories_are_limited_in_all(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(category_store, "MAX_CATEGORIES", 2)
    put(store, category("one"))
    store.add_samples(category("two"), [sample("a")], registered=False)
    three = category("three")
    for attempt in (
        lambda: put(store, three),
        lambda: store.add_samples(three, [sample("a")], registered=False),
        lambda: store.replace_category(three, [sample("a")]),
    ):
        with pytest.raises(TooManyNewCategoriesError, match="2 categories besides 'three'"):
            attempt()
    assert [found.id for found in store.categories()] == ["one", "two"]
    put(store, category("two", alpha=0.25))
    store.add_samples(category("two"), [sample("b")], registered=True)
    assert store.delete_category("one")
    put(store, three)
