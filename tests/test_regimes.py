"""The interpolation rule and Doshi's label at and around their thresholds."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from modnoise.arithmetic.regimes import (
    doshi_label,
    inner_peak,
    interpolates,
    interpolation_width,
    peak_counts,
    peaks,
    thresholds,
    train_accuracy,
)

WIDTHS = (17, 33, 65, 129, 257)


def test_a_net_interpolates_from_99_percent_of_the_noisy_labels():
    assert interpolates([0.989, 0.99, 1.0, np.nan]).tolist() == [False, True, True, False]
    assert bool(interpolates(0.995))


def test_the_interpolation_width_is_the_smallest_that_interpolates_in_any_order():
    frame = pd.DataFrame({"width": [513, 17, 65, 129], "noisy": [1.0, 0.1, 0.99, 0.98]})
    assert interpolation_width(frame.width, frame.noisy) == 65.0  # not monotone: still the first
    assert np.isnan(interpolation_width([17, 33], [0.5, 0.98]))


def test_thresholds_are_those_of_the_medians_over_seeds_at_each_point():
    rows = [
        {"noise": noise, "weight_decay": decay, "width": width, "accuracy_noisy": noisy}
        for noise, decay, ladder in (
            (0.1, 1.0, {17: (0.1, 0.2, 1.0), 33: (0.9, 0.995, 1.0), 65: (1.0, 1.0, 1.0)}),
            (0.1, 3.0, {17: (0.1, 0.1, 0.1), 33: (0.2, 0.2, 0.2), 65: (0.3, 0.98, 0.98)}),
        )
        for width, seeds in ladder.items()
        for noisy in seeds
    ]
    found = thresholds(pd.DataFrame(rows), ["noise", "weight_decay"])
    assert found[0.1, 1.0] == 33.0
    assert np.isnan(found[0.1, 3.0])
    assert thresholds(pd.DataFrame(rows).query("weight_decay == 1"), ["noise"]).tolist() == [33.0]


def test_the_training_accuracy_weighs_clean_and_noisy_by_their_share():
    assert train_accuracy(0.8, 0.4, 0.25) == pytest.approx(0.7)
    assert train_accuracy(0.8, np.nan, 0.0) == pytest.approx(0.8)
    assert train_accuracy(np.nan, 0.4, 1.0) == pytest.approx(0.4)


@pytest.mark.parametrize(
    ("clean", "noisy", "test", "noise", "label"),
    [
        (1.0, 1.0, 0.90, 0.5, "coexistence"),
        (1.0, 1.0, 0.89, 0.5, "memorization"),
        (1.0, 0.80, 0.95, 0.5, "coexistence"),  # train 0.9
        (1.0, 0.78, 0.95, 0.5, "partial inversion"),  # train 0.89
        (1.0, 0.12, 0.95, 0.5, "partial inversion"),  # train 0.56, the bound is 0.55
        (1.0, 0.08, 0.95, 0.5, "full inversion"),  # train 0.54
        (1.0, 0.0, 0.95, 0.3, "full inversion"),  # train 0.7, the bound is 0.75
        (1.0, 0.2, 0.95, 0.3, "partial inversion"),  # train 0.76
        (1.0, 0.2, 0.3, 0.5, "confusion"),
        (1.0, np.nan, 1.0, 0.0, "coexistence"),  # no noise to fit
        (np.nan, np.nan, np.nan, 0.5, "diverged"),
        (1.0, 1.0, np.nan, 0.5, "diverged"),
    ],
)
def test_doshis_label(clean, noisy, test, noise, label):
    assert doshi_label(clean, noisy, test, noise) == label


def test_labels_of_a_frame_of_runs_come_row_by_row():
    frame = pd.DataFrame({"clean": [1.0, 1.0], "noisy": [1.0, 0.0], "test": [1.0, 1.0]})
    found = doshi_label(frame.clean, frame.noisy, frame.test, 0.4)
    assert found.tolist() == ["coexistence", "full inversion"]


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        ([0.5, 0.2, 0.6, 0.1], (65, 0.6, 0.4, 0.5)),
        ([0.1, 0.95, 0.3, 0.6, 0.2], (33, 0.95, 0.85, 0.75)),  # the second peak is lower
        ([0.1, 0.3, 0.9, 0.89], (65, 0.9, 0.8, 0.01)),  # hardly falls, yet none falls more
        ([0.1, 0.2, 0.3, 0.9], (65, 0.3, 0.2, -0.6)),  # the last is no inner one
        ([0.5, 0.9, 0.1, 0.7, 0.6], (33, 0.9, 0.4, 0.3)),  # the second rises more, but stays up
        ([0.9, 0.5, 0.4, 0.3], (33, 0.5, 0.0, 0.2)),  # falls only: no rise
    ],
)
def test_the_inner_peak_stands_out_most_on_its_lower_side(error, expected):
    assert inner_peak(WIDTHS[: len(error)], error) == pytest.approx(expected)


def test_two_widths_have_nothing_between_them():
    assert np.isnan(inner_peak([17, 33], [0.1, 0.2])).all()


def test_peaks_are_those_of_medians_over_seeds_beside_their_thresholds():
    tests = {17: (0.5, 0.9, 0.6), 33: (0.8, 0.8, 0.1), 65: (0.4, 0.0, 0.5), 129: (0.9, 0.9, 0.9)}
    noisy = {17: 0.1, 33: 0.5, 65: 0.99, 129: 1.0}
    rows = [
        {"noise": 0.2, "width": width, "accuracy_test": test, "accuracy_noisy": noisy[width]}
        for width, seeds in tests.items()
        for test in seeds
    ]
    clean = [row | {"noise": 0.0, "accuracy_noisy": np.nan} for row in rows]
    found = peaks(pd.DataFrame(rows + clean), ["noise"])
    # medians .6 .8 .4 .9: errors .4 .2 .6 .1
    assert found.loc[(0.2,)].tolist() == pytest.approx([65, 65, 0.4, 0.5, 0.8])
    assert np.isnan(found.loc[(0.0,), "best below"])
    assert found["M*"].isna().tolist() == [True, False]
    assert found.loc[(0.0,), "rise"] == pytest.approx(0.4)


def test_an_error_that_only_falls_has_no_width_of_a_peak():
    tests, noisy = (0.1, 0.4, 0.6, 0.9), (0.0, 0.0, 1.0, 1.0)
    rows = pd.DataFrame({"width": WIDTHS[:4], "accuracy_test": tests, "accuracy_noisy": noisy})
    found = peaks(rows.assign(noise=0.1), ["noise"]).loc[(0.1,)]
    assert pd.isna(found["peak at M"])
    assert found[["rise", "fall"]].tolist() == pytest.approx([0.0, 0.5])
    assert found["best below"] == pytest.approx(0.4)  # at M = 33; 65 fits the wrong labels


def test_ladders_with_a_peak_are_counted_by_noise_and_by_what_is_known_below():
    rows = [  # noise, decay, rise, fall, best below
        (0.0, 1.0, 0.5, 0.5, 0.9),
        (0.1, 1.0, 0.05, 0.06, 0.2),
        (0.1, 3.0, 0.04, 0.90, 0.9),
        (0.3, 1.0, 0.90, 0.04, 0.19),
        (0.3, 3.0, 0.30, 0.30, np.nan),  # nothing recorded below M*
    ]
    columns = ["noise", "weight_decay", "rise", "fall", "best below"]
    found = pd.DataFrame(rows, columns=columns).set_index(["noise", "weight_decay"])
    counts = peak_counts(found)
    assert counts.index.tolist() == [(0.1, "yes"), (0.3, "no")]
    assert counts["with a peak"].tolist() == [1, 1]
    assert counts["width sweeps"].tolist() == [2, 2]
