"""McNemar's four p-values against published ones."""

import pytest

from release.stats.mcnemar import mcnemar_asymptotic, mcnemar_corrected, mcnemar_exact, mcnemar_mid_p, mcnemar_z


def test_the_worked_table_has_its_four_published_values() -> None:
    """(59, 6; 16, 80): z -2.132, asymptotic .033006, corrected .055009, exact .052479, mid-p .034690."""
    assert mcnemar_z(6, 16) == pytest.approx(-2.132, abs=5e-4)
    found = [test(6, 16) for test in (mcnemar_asymptotic, mcnemar_corrected, mcnemar_exact, mcnemar_mid_p)]
    assert found == pytest.approx([0.033006, 0.055009, 0.052479, 0.034690], abs=5e-7)


def test_eleven_to_one_has_its_exact_value() -> None:
    """A much-read notebook prints .005859 for (11, 1); twice the binomial tail is 26/4096."""
    assert mcnemar_exact(11, 1) == pytest.approx(26 / 4096)
    assert mcnemar_exact(11, 1) == pytest.approx(0.006348, abs=5e-7)


def test_four_to_none_has_its_mid_p() -> None:
    """(0, 4) has mid-p .0625."""
    assert mcnemar_mid_p(0, 4) == pytest.approx(0.0625)


@pytest.mark.parametrize(("count", "expected"), [(0, 0.5), (1, 0.75), (3, 1 - 0.5 * 20 / 64)])
def test_equal_counts_have_a_mid_p_below_one(count: int, expected: float) -> None:
    """With b = c the value is 1 - pmf / 2."""
    assert mcnemar_mid_p(count, count) == pytest.approx(expected)


def test_equal_counts_show_nothing_in_the_other_forms() -> None:
    """With b = c, none at all included, the other p-values are 1."""
    for count in (0, 5):
        assert [test(count, count) for test in (mcnemar_asymptotic, mcnemar_corrected, mcnemar_exact)] == [1, 1, 1]


def test_the_order_of_the_models_is_immaterial() -> None:
    """Every p-value is symmetric, also for counts whose factorials overflow a float."""
    for test in (mcnemar_asymptotic, mcnemar_corrected, mcnemar_exact, mcnemar_mid_p):
        assert test(6, 16) == pytest.approx(test(16, 6))
        assert test(900, 1000) == pytest.approx(test(1000, 900))
        assert 0 < test(900, 1000) < 0.05
