"""Statistics equal the published tables, scipy, and what follows from their definition."""

import csv
from math import comb, isnan, log

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from journeys import stats
from journeys.errors import ArgumentError, UnknownNameError
from tests.shared import PUBLISHED
from tests.twins.permutation import permutation_p

cells = st.tuples(*[st.integers(0, 40)] * 4)


def published(name):
    with (PUBLISHED / name).open() as file:
        return list(csv.DictReader(file))


def column(rows, name):
    return np.array([float(row[name].replace("NA", "nan").replace("Inf", "inf")) for row in rows])


def four(rows):
    return tuple(column(rows, name) for name in "abcd")


class TestPublishedTables:
    @pytest.mark.parametrize(
        ("name", "ours"),
        [
            ("phi", stats.phi),
            ("chi2", lambda *t: stats.chi_square(*t)[0]),
            ("chi2_p", lambda *t: stats.chi_square(*t)[1]),
            ("chi2_yates", lambda *t: stats.chi_square(*t, yates=True)[0]),
            ("chi2_yates_p", lambda *t: stats.chi_square(*t, yates=True)[1]),
            ("fisher_p_two_sided", stats.fisher_exact),
            ("fisher_p_greater", lambda *t: stats.fisher_exact(*t, alternative="greater")),
            ("sample_or", lambda *t: stats.odds_ratio(*t)[0]),
            ("cramer_v", lambda *t: np.where(np.isnan(stats.phi(*t)), 0.0, np.abs(stats.phi(*t)))),
        ],
    )
    def test_two_by_two(self, name, ours):
        rows = published("phi_oracles.csv")
        if name == "cramer_v":
            rows = [row for row in rows if row["id"] != "zero_margin"]
        np.testing.assert_allclose(ours(*four(rows)), column(rows, name), rtol=1e-9, atol=1e-9)

    def test_tiny_p_values_keep_their_digits(self):
        rows = [row for row in published("phi_oracles.csv") if 0 < float(row["fisher_p_two_sided"]) < 1e-15]
        assert len(rows) >= 3
        np.testing.assert_allclose(stats.fisher_exact(*four(rows)), column(rows, "fisher_p_two_sided"), rtol=1e-9)

    def test_odds_ratio_intervals_lie_near_the_exact_ones(self):
        rows = [row for row in published("phi_oracles.csv") if min(int(row[cell]) for cell in "abcd") >= 30]
        _, low, high = stats.odds_ratio(*four(rows))
        np.testing.assert_allclose(low, column(rows, "or_lo95"), rtol=0.01)
        np.testing.assert_allclose(high, column(rows, "or_hi95"), rtol=0.01)

    def test_every_area_of_a_web_site(self):
        rows = published("msweb_phi_vs_msdownload.csv")
        ours = stats.phi(*(column(rows, name) for name in ("both", "path_only", "target_only", "neither")))
        np.testing.assert_allclose(ours, column(rows, "phi"), rtol=1e-9, atol=1e-12)

    @pytest.mark.parametrize("method", ["bonferroni", "holm", "bh", "by"])
    def test_corrections(self, method):
        rows = published("p_adjust_BH1995.csv")
        expected = column(rows, {"bh": "BH", "by": "BY"}.get(method, method))
        np.testing.assert_allclose(stats.adjust(column(rows, "p"), method=method), expected, rtol=1e-9)

    def test_worked_examples_of_vendors(self):
        import json

        cases = json.loads((PUBLISHED / "vendor_docs.json").read_text())
        cases = [
            case for case in (cases if isinstance(cases, list) else cases["cases"]) if case["kind"] == "correlation"
        ]
        assert len(cases) >= 6
        for case in cases:
            did = case["expected"]["table"]
            table = [
                did[name]
                for name in ("did_converted", "did_not_converted", "not_did_converted", "not_did_not_converted")
            ]
            assert float(stats.phi(*table)) == pytest.approx(case["expected"]["phi"], abs=1e-12)
            if "odds_ratio" in case["expected"]:
                assert float(stats.odds_ratio(*table)[0]) == case["expected"]["odds_ratio"]
                with_prior = stats.odds_ratio(*(cell + 1 for cell in table))[0]
                assert float(with_prior) == case["expected"]["odds_ratio_prior1"]
            if "label" in case["expected"]:
                assert stats.strength(stats.phi(*table))[0] in case["expected"]["label"]


class TestTwoByTwo:
    @given(table=cells)
    def test_phi_is_pearsons_r_within_one_and_symmetric(self, table):
        a, b, c, d = table
        value = float(stats.phi(*table))
        x, y = np.repeat([1, 1, 0, 0], table), np.repeat([1, 0, 1, 0], table)
        if min(a + b, c + d, a + c, b + d) == 0:
            assert isnan(value)
            return
        assert value == pytest.approx(np.corrcoef(x, y)[0, 1], abs=1e-12)
        assert -1 <= value <= 1
        assert value == float(stats.phi(a, c, b, d)) == float(stats.phi(d, b, c, a)) == -float(stats.phi(b, a, d, c))

    @given(table=cells, alternative=st.sampled_from(["two-sided", "greater", "less"]))
    def test_fisher_equals_scipy(self, table, alternative):
        from scipy.stats import fisher_exact

        a, b, c, d = table
        expected = fisher_exact([[a, b], [c, d]], alternative=alternative).pvalue
        assert float(stats.fisher_exact(*table, alternative=alternative)) == pytest.approx(expected, rel=1e-9)

    @given(tables=st.lists(cells, min_size=2, max_size=30), seed=st.integers(0, 99))
    def test_fisher_is_the_same_in_any_company(self, tables, seed):
        together = stats.fisher_exact(*zip(*tables, strict=True))
        order = np.random.default_rng(seed).permutation(len(tables))
        mixed = stats.fisher_exact(*np.array(tables)[order].T)
        assert mixed.tolist() == together[order].tolist()
        assert together.tolist() == [float(stats.fisher_exact(*table)) for table in tables]

    @given(table=cells)
    def test_fisher_equals_counting_tables(self, table):
        a, b, c, d = table
        ways = [comb(a + b, k) * comb(c + d, a + c - k) if 0 <= a + c - k <= c + d else 0 for k in range(a + b + 1)]
        expected = sum(way for way in ways if way <= ways[a] * (1 + 1e-7)) / sum(ways)
        assert float(stats.fisher_exact(*table)) == pytest.approx(expected, rel=1e-9)

    @given(table=cells)
    def test_interval_holds_phi_and_agrees_with_the_test(self, table):
        value, (low, high) = float(stats.phi(*table)), stats.phi_interval(*table)
        if isnan(value):
            assert isnan(low)
            assert isnan(high)
            return
        assert -1 <= low <= value <= high <= 1
        p = float(stats.chi_square(*table)[1])
        if abs(p - 0.05) > 1e-6:
            assert (low <= 0 <= high) == (p > 0.05)

    def test_intervals_cover_what_they_say(self):
        rng = np.random.default_rng(5)
        for people, did, low, high in (
            (400, 0.1, 0.03, 0.3),
            (400, 0.5, 0.3, 0.7),
            (3000, 0.02, 0.05, 0.9),
            (300, 0.1, 0.3, 0.3),
        ):
            shares = np.array([did * high, did * (1 - high), (1 - did) * low, (1 - did) * (1 - low)])
            truth = float(stats.phi(*shares))
            drawn = rng.multinomial(people, shares, 4000).T
            ends = stats.phi_interval(*drawn)
            covered = np.mean((ends[0] <= truth) & (truth <= ends[1]))
            assert abs(covered - 0.95) < 0.015, (people, did, low, high, covered)

    def test_fishers_z_is_there_for_comparison(self):
        low, high = stats.phi_interval(30, 20, 20, 30, method="fisher")
        assert float(low) == pytest.approx(np.tanh(np.arctanh(0.2) - 1.959963985 / np.sqrt(97)))
        assert float(high) == pytest.approx(np.tanh(np.arctanh(0.2) + 1.959963985 / np.sqrt(97)))

    def test_one_call_gives_what_the_parts_give(self):
        table = (np.array([14, 5, 3]), np.array([10, 0, 1]), np.array([6, 7, 1]), np.array([13, 0, 3]))
        found = stats.phi_table(*table)
        np.testing.assert_array_equal(found.phi, stats.phi(*table))
        np.testing.assert_array_equal(found.odds_ratio, stats.odds_ratio(*table)[0])
        assert found.lift[0] == pytest.approx((14 / 24) / (20 / 43))
        assert found.p_value[0] == float(stats.chi_square(14, 10, 6, 13)[1])
        assert found.p_value[2] == float(stats.fisher_exact(3, 1, 1, 3))
        assert np.isnan([found.phi[1], found.p_value[1], found.odds_ratio[1], found.odds_ratio_low[1]]).all()

    def test_huge_and_empty_tables(self):
        assert float(stats.phi(10**8, 0, 0, 10**8)) == 1
        assert stats.phi([], [], [], []).shape == (0,)
        assert stats.phi_table([], [], [], []).p_value.shape == (0,)
        assert 0.06 < float(stats.fisher_exact(0, 10**6, 5, 10**6)) < 0.0626

    def test_words(self):
        words = {0.199: "negligible", 0.2: "weak", 0.3: "moderate", 0.4: "strong", 0.7: "very strong"}
        words |= {0.9: "very strong", 0.901: "too good to be true", -0.7: "very strong"}
        assert stats.strength([*words, float("nan")]) == [*words.values(), None]


class TestProportions:
    @given(n=st.integers(1, 60), share=st.floats(0, 1))
    def test_wilson_equals_scipy(self, n, share):
        from scipy.stats import binomtest

        k = round(n * share)
        low, high = stats.wilson(k, n)
        expected = binomtest(k, n).proportion_ci(method="wilson")
        assert (float(low), float(high)) == pytest.approx((expected.low, expected.high), abs=1e-12)

    def test_wilson_stays_within_zero_and_one(self):
        low, high = stats.wilson([0, 5, 0], [5, 5, 0])
        assert (low[0], high[1]) == (0, 1)
        assert isnan(low[2])

    def test_newcombes_worked_examples(self):
        # Newcombe 1998, table II: method 10.
        for (a, m, b, n), expected in {
            (56, 70, 48, 80): (0.0524, 0.3339),
            (9, 10, 3, 10): (0.1705, 0.8090),
            (6, 7, 2, 7): (0.0582, 0.8062),
            (5, 56, 0, 29): (-0.0381, 0.1926),
            (0, 10, 0, 20): (-0.1611, 0.2775),
            (10, 10, 0, 10): (0.6075, 1.0),
        }.items():
            found = stats.difference(a, m, b, n)
            assert (float(found.ci_low), float(found.ci_high)) == pytest.approx(expected, abs=1e-4)

    def test_no_people(self):
        assert isnan(float(stats.difference(0, 0, 3, 10).estimate))

    def test_series_and_nulls(self):
        low, _ = stats.wilson(pl.Series([1, None]), pl.Series([4, 4]))
        assert isnan(low[1])

    @pytest.mark.parametrize("confidence", [0, 1, 95])
    def test_confidence_is_a_share(self, confidence):
        with pytest.raises(ArgumentError, match="confidence: .* is not between 0 and 1"):
            stats.wilson(1, 2, confidence=confidence)


class TestManyTests:
    @given(p=st.lists(st.floats(0, 1), max_size=30), method=st.sampled_from(["bh", "by"]))
    def test_equals_scipy(self, p, method):
        from scipy.stats import false_discovery_control

        expected = false_discovery_control(p, method=method) if p else []
        np.testing.assert_allclose(stats.adjust(p, method=method), expected, rtol=1e-9)

    def test_more_tests_than_p_values(self):
        assert stats.adjust([0.01], method="bonferroni", tests=150)[0] == 1
        assert stats.adjust([0.0001, 0.5], tests=150)[0] == pytest.approx(0.015)
        with pytest.raises(ArgumentError, match="tests: 1 is fewer than the 2 p-values"):
            stats.adjust([0.1, 0.2], tests=1)

    def test_errors(self):
        with pytest.raises(UnknownNameError, match="method: no method 'bonferoni'; did you mean 'bonferroni'"):
            stats.adjust([0.1], method="bonferoni")
        with pytest.raises(ArgumentError, match=r"p_values: 1\.5 is not a probability"):
            stats.adjust([1.5])


class TestStrata:
    # Berkeley admissions by department, as published with R: men and women, admitted and rejected.
    MEN = ((512, 353, 120, 138, 53, 22), (313, 207, 205, 279, 138, 351))
    WOMEN = ((89, 17, 202, 131, 94, 24), (19, 8, 391, 244, 299, 317))

    def test_admissions_by_department(self):
        pooled = stats.mantel_haenszel(*self.MEN, *self.WOMEN)
        assert float(pooled.odds_ratio) == pytest.approx(0.9046968, abs=1e-7)
        assert (float(pooled.ci_low), float(pooled.ci_high)) == pytest.approx((0.7719074, 1.0603298), abs=1e-7)

    def test_admissions_reverse(self):
        everybody = [sum(column) for column in (*self.MEN, *self.WOMEN)]
        assert float(stats.phi(*everybody)) > 0.14
        assert float(stats.partial_phi(*self.MEN, *self.WOMEN)) < 0

    @given(tables=st.lists(cells, min_size=1, max_size=4))
    def test_partial_phi_is_the_correlation_of_what_the_strata_leave(self, tables):
        x, y, group = [], [], []
        for number, table in enumerate(tables):
            x += np.repeat([1.0, 1, 0, 0], table).tolist()
            y += np.repeat([1.0, 0, 1, 0], table).tolist()
            group += [number] * sum(table)
        x, y, group = np.array(x), np.array(y), np.array(group)
        for number in set(group.tolist()):
            here = group == number
            x[here] -= x[here].mean()
            y[here] -= y[here].mean()
        spread = (x**2).sum() * (y**2).sum()
        found = float(stats.partial_phi(*zip(*tables, strict=True)))
        if spread < 1e-9:
            assert isnan(found) or abs(found) < 1e-6
        else:
            assert found == pytest.approx((x * y).sum() / np.sqrt(spread), abs=1e-9)

    def test_one_stratum_is_the_table_itself(self):
        pooled = stats.mantel_haenszel([14], [10], [6], [13])
        assert float(pooled.odds_ratio) == pytest.approx(float(stats.odds_ratio(14, 10, 6, 13)[0]))
        assert float(stats.partial_phi([14], [10], [6], [13])) == pytest.approx(float(stats.phi(14, 10, 6, 13)))

    def test_many_behaviours_at_once(self):
        one = stats.mantel_haenszel(*self.MEN, *self.WOMEN)
        both = stats.mantel_haenszel(*(np.array([column, column]) for column in (*self.MEN, *self.WOMEN)))
        np.testing.assert_allclose(both.p_value, [one.p_value] * 2)

    def test_difference_of_phis_holds_its_level(self):
        rng = np.random.default_rng(3)
        shares = [0.1, 0.2, 0.1, 0.6]
        first, second = rng.multinomial(400, shares, 3000).T, rng.multinomial(700, shares, 3000).T
        found = stats.compare_phis(tuple(first), tuple(second))
        assert abs(np.mean(found.p_value < 0.05) - 0.05) < 0.015
        assert abs(np.mean((found.ci_low <= 0) & (found.ci_high >= 0)) - 0.95) < 0.015


class TestPermutation:
    def test_nears_the_exact_test(self):
        did, converted = np.repeat([1, 1, 0, 0], (8, 2, 1, 5)), np.repeat([1, 0, 1, 0], (8, 2, 1, 5))
        found = permutation_p(did, converted=converted, n_permutations=4000, seed=1)
        assert float(found.p_value[0]) == pytest.approx(float(stats.fisher_exact(8, 2, 1, 5)), abs=0.012)

    def test_among_many_it_is_more_careful(self):
        rng = np.random.default_rng(2)
        did, converted = rng.integers(0, 2, (60, 12)), rng.integers(0, 2, 60)
        found = permutation_p(did, converted=converted, n_permutations=500)
        assert (found.p_family >= found.p_value).all()
        again = permutation_p(did, converted=converted, n_permutations=500)
        np.testing.assert_array_equal(found.p_value, again.p_value)

    def test_groups_explain_it_away(self):
        # Within each group behaviour and conversion are unrelated; together they look closely related.
        group = np.repeat([0, 1], 100)
        did = np.concatenate([np.tile([1, 0, 0, 0, 0], 20), np.tile([1, 1, 1, 1, 0], 20)])
        converted = np.concatenate([np.repeat([1, 0], (20, 80)), np.repeat([1, 0], (80, 20))])
        assert permutation_p(did, converted=converted, n_permutations=300).p_value[0] < 0.01
        assert permutation_p(did, converted=converted, strata=group, n_permutations=300).p_value[0] > 0.5

    def test_errors(self):
        with pytest.raises(ArgumentError, match="did: 2 people, converted: 3"):
            permutation_p([1, 0], converted=[1, 0, 1])
        with pytest.raises(ArgumentError, match="n_permutations: 0 is too few"):
            permutation_p([1, 0], converted=[1, 0], n_permutations=0)


class TestSurvival:
    # Weeks of remission under 6-MP, published by Freireich and others 1963; a plus is a person still in remission.
    WEEKS = (6, 6, 6, 7, 10, 13, 16, 22, 23, 6, 9, 10, 11, 17, 19, 20, 25, 32, 32, 34, 35)
    ENDED = (1,) * 9 + (0,) * 12

    def test_remission(self):
        curve = stats.kaplan_meier(self.WEEKS, happened=self.ENDED)
        assert curve.time.tolist() == [6, 7, 10, 13, 16, 22, 23]
        assert curve.at_risk.tolist() == [21, 17, 15, 12, 11, 7, 6]
        expected = [0.857, 0.807, 0.753, 0.690, 0.627, 0.538, 0.448]
        np.testing.assert_allclose(1 - curve.share, expected, atol=5e-4)
        # log-log intervals at 10 weeks, as R's survfit(conf.type = "log-log") prints them
        assert (1 - curve.ci_high[2], 1 - curve.ci_low[2]) == pytest.approx((0.503, 0.889), abs=1e-3)

    @given(st.lists(st.tuples(st.integers(0, 9), st.booleans()), max_size=25))
    def test_equals_loops(self, people):
        curve = stats.kaplan_meier([time for time, _ in people], happened=[done for _, done in people])
        alive = 1.0
        for place, moment in enumerate(sorted({time for time, done in people if done})):
            at_risk = sum(time >= moment for time, _ in people)
            alive *= 1 - sum(done and time == moment for time, done in people) / at_risk
            assert curve.share[place] == pytest.approx(1 - alive)
            assert (
                isnan(curve.ci_low[place])
                or 0 <= curve.ci_low[place] <= curve.share[place] + 1e-12 <= curve.ci_high[place] + 1e-9
            )
        assert len(curve.time) == len({time for time, done in people if done})

    def test_errors(self):
        with pytest.raises(ArgumentError, match="happened: 1 values for 2 times"):
            stats.kaplan_meier([1, 2], happened=[True])
        with pytest.raises(ArgumentError, match="times: -1.0 is negative"):
            stats.kaplan_meier([-1], happened=[True])
        with pytest.raises(ArgumentError, match="q: 2 is not a share"):
            stats.quantile([1.0], q=2)

    def test_quantiles(self):
        assert float(stats.quantile([3, 1, 2], q=0.5)) == 2
        assert isnan(float(stats.quantile([], q=0.5)))
        assert log(float(stats.quantile([1.0, float("nan")]))) == 0
