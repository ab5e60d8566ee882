"""Figures: functions that draw arrays and frames, shown in two themes by `style.show`."""

from modnoise.figures.bars import accuracy_bars, swap_bars
from modnoise.figures.curves import (
    filtration_against,
    progress_measure,
    training_curves,
    width_steps,
)
from modnoise.figures.descent import (
    activations,
    descent,
    one_ladder,
    regime_map,
    seed_ladders,
    tied_nets,
)
from modnoise.figures.dynamics import (
    collision_counts,
    gradient_rates,
    grokking,
    known_by_collisions,
    lead_against_collisions,
    rise_grid,
    speed_and_gap,
)
from modnoise.figures.inside import (
    against_width_and_noise,
    frequency_cover,
    improvement,
    over_decays,
    phase_relation,
    pruning,
    ranked_neurons,
    row_norms,
    selection,
)
from modnoise.figures.maps import answer_map
from modnoise.figures.mnist import against_the_null, batch_curves, digits, excess_curves
from modnoise.figures.prior import prior_against
from modnoise.figures.scorecard import verdict_board
from modnoise.figures.spectra import frequency_counts, spectrum_map
from modnoise.figures.speed import speed_bars
from modnoise.figures.transformer import (
    against_kept,
    before_region,
    filtered_along,
    unembedding_energy,
)
from modnoise.figures.vectors import neuron_split, neurons, schematic

__all__ = [
    "accuracy_bars",
    "activations",
    "against_kept",
    "against_the_null",
    "against_width_and_noise",
    "answer_map",
    "batch_curves",
    "before_region",
    "collision_counts",
    "descent",
    "digits",
    "excess_curves",
    "filtered_along",
    "filtration_against",
    "frequency_counts",
    "frequency_cover",
    "gradient_rates",
    "grokking",
    "improvement",
    "known_by_collisions",
    "lead_against_collisions",
    "neuron_split",
    "neurons",
    "one_ladder",
    "over_decays",
    "phase_relation",
    "prior_against",
    "progress_measure",
    "pruning",
    "ranked_neurons",
    "regime_map",
    "rise_grid",
    "row_norms",
    "schematic",
    "seed_ladders",
    "selection",
    "spectrum_map",
    "speed_and_gap",
    "speed_bars",
    "swap_bars",
    "tied_nets",
    "training_curves",
    "unembedding_energy",
    "verdict_board",
    "width_steps",
]
