"""Strengths from comparisons: against what is known in closed form, and intervals that cover what they promise."""

import math
from itertools import permutations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kgenesis.questions.ranking import Comparison, rank


def wins(a, b, n):
    return [Comparison(a, b)] * n


@pytest.mark.parametrize(("k", "n"), [(7, 10), (1, 1), (0, 3), (5, 10), (40, 41)])
def test_two_questions_have_the_strengths_that_firths_penalty_gives_in_closed_form(k, n):
    found = rank(["a", "b"], wins("a", "b", k) + wins("b", "a", n - k))
    strength = {r.id: r.strength for r in found.ranks}
    assert strength["a"] - strength["b"] == pytest.approx(math.log((k + 0.5) / (n - k + 0.5)), abs=1e-5)
    assert strength["a"] + strength["b"] == pytest.approx(0, abs=1e-9)


@pytest.mark.parametrize(("k", "n"), [(7, 10), (4, 4), (50, 100)])
def test_the_interval_of_two_is_the_profile_of_the_penalised_binomial_likelihood(k, n):
    def likelihood(d):  # half the log of the information n p (1-p) is Jeffreys' penalty
        p = 1 / (1 + math.exp(-d))
        return (k + 0.5) * math.log(p) + (n - k + 0.5) * math.log(1 - p)

    top = likelihood(math.log((k + 0.5) / (n - k + 0.5)))
    found = next(r for r in rank(["a", "b"], wins("a", "b", k) + wins("b", "a", n - k)).ranks if r.id == "a")
    for end in (found.low, found.high):
        assert top - likelihood(2 * end) == pytest.approx(3.841458821 / 2, abs=2e-3)


def test_a_cycle_has_no_strongest():
    found = rank(["a", "b", "c"], wins("a", "b", 3) + wins("b", "c", 3) + wins("c", "a", 3))
    assert all(r.strength == pytest.approx(0, abs=1e-6) for r in found.ranks)
    assert len({(round(r.low, 3), round(r.high, 3)) for r in found.ranks}) == 1


def test_with_many_comparisons_strengths_are_those_of_plain_maximum_likelihood():
    truth = {"a": 1.0, "b": 0.2, "c": -1.2}
    made = [  # as many as expected of 100,000: the likelihood's maximum is the truth itself
        c for x, y in permutations(truth, 2)
        for c in wins(x, y, 1) * round(3000 / (1 + math.exp(truth[y] - truth[x])))
    ]  # fmt: skip
    found = {r.id: r for r in rank(list(truth), made).ranks}
    for name, strength in truth.items():
        assert found[name].strength == pytest.approx(strength, abs=5e-3)
        assert found[name].low < strength < found[name].high


def test_one_who_won_every_comparison_has_a_finite_strength_and_interval():
    found = rank(list("abcd"), [*wins("a", "b", 2), *wins("a", "c", 2), *wins("b", "c", 1), *wins("c", "d", 1)])
    assert found.ranks[0].id == "a"
    for one in found.ranks:
        assert one.low < one.strength < one.high
        assert math.isfinite(one.low)
        assert math.isfinite(one.high)


def test_groups_that_nothing_connects_are_ranked_apart_and_the_missing_link_is_named():
    found = rank(list("abcdef"), [*wins("a", "b", 2), *wins("b", "c", 1), *wins("e", "d", 1)])
    assert found.n_groups == 2
    assert found.uncompared == ("f",)
    assert [(r.group, r.rank, r.id) for r in found.ranks] == [
        (1, 1, "a"), (1, 2, "b"), (1, 3, "c"), (2, 1, "e"), (2, 2, "d")
    ]  # fmt: skip
    assert found.ask_next[0] == "f"
    linked = rank(list("abcde"), [*wins("a", "b", 2), *wins("b", "c", 1), *wins("e", "d", 1)])
    assert set(linked.ask_next) & set("abc")
    assert set(linked.ask_next) & set("de")


def test_the_next_comparison_is_the_one_least_known():
    found = rank(list("abc"), [*wins("a", "b", 9), *wins("b", "a", 9), *wins("b", "c", 1), *wins("c", "b", 1)])
    assert set(found.ask_next) == {"a", "c"}


def test_nothing_compared_is_nothing_ranked():
    assert rank([], []).ranks == ()
    found = rank(["a", "b"], wins("x", "y", 3))
    assert found.ranks == ()
    assert found.uncompared == ("a", "b")
    assert found.ask_next == ("a", "b")


@settings(max_examples=30)
@given(st.lists(st.tuples(st.sampled_from("abcd"), st.sampled_from("abcd")), max_size=10))
def test_turning_every_opinion_round_turns_the_ranking_round(pairs):
    made = [Comparison(*pair) for pair in pairs if pair[0] != pair[1]]
    forth, back = rank(list("abcd"), made), rank(list("abcd"), [Comparison(c.loser, c.winner) for c in made])
    there, again = ({r.id: r for r in found.ranks} for found in (forth, back))
    assert there.keys() == again.keys()
    for name, one in there.items():
        assert one.strength == pytest.approx(-again[name].strength, abs=1e-4)
        assert one.low == pytest.approx(-again[name].high, abs=1e-2)


def coverage(n, m, repeats, spread):
    """Return how often the 95 % interval holds the strength that the comparisons were drawn from."""
    truth = np.linspace(-spread, spread, n)
    ids, held, total = [str(i) for i in range(n)], 0, 0
    for repeat in range(repeats):
        rng = np.random.default_rng((n, m, repeat))
        made = []
        for _ in range(m):
            i, j = rng.choice(n, 2, replace=False)
            first = rng.random() < 1 / (1 + np.exp(truth[j] - truth[i]))
            made.append(Comparison(ids[i], ids[j]) if first else Comparison(ids[j], ids[i]))
        found = rank(ids, made)
        if found.n_groups == 1 and not found.uncompared:
            held += sum(r.low <= truth[int(r.id)] <= r.high for r in found.ranks)
            total += n
    return held / total


def test_intervals_cover_the_truth_about_as_often_as_they_say():
    # 240 intervals: the standard error of a true 95 % is 1.4 %
    assert 0.90 <= coverage(3, 15, 80, 0.8) <= 0.99


@pytest.mark.slow
@pytest.mark.parametrize(("n", "m", "spread"), [(4, 12, 1.0), (5, 40, 1.0), (8, 40, 1.5)])
def test_intervals_cover_the_truth_in_small_and_large_pools(n, m, spread):
    assert 0.92 <= coverage(n, m, 150, spread) <= 0.98
