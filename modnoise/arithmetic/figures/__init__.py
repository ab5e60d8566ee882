"""Figures of the main paper: functions that draw arrays and frames, see `modnoise.pages.style`."""

from modnoise.arithmetic.figures.bars import accuracy_bars, swap_bars
from modnoise.arithmetic.figures.curves import (
    filtration_against,
    progress_measure,
    training_curves,
    width_steps,
)
from modnoise.arithmetic.figures.descent import (
    activations,
    descent,
    one_ladder,
    regime_map,
    seed_ladders,
    tied_nets,
)
from modnoise.arithmetic.figures.dynamics import (
    collision_counts,
    gradient_rates,
    grokking,
    known_by_collisions,
    lead_against_collisions,
    rise_grid,
    speed_and_gap,
)
from modnoise.arithmetic.figures.inside import (
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
from modnoise.arithmetic.figures.maps import answer_map
from modnoise.arithmetic.figures.prior import prior_against
from modnoise.arithmetic.figures.spectra import frequency_counts, spectrum_map
from modnoise.arithmetic.figures.vectors import neuron_split, neurons, schematic

__all__ = [
    "accuracy_bars",
    "activations",
    "against_width_and_noise",
    "answer_map",
    "collision_counts",
    "descent",
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
    "swap_bars",
    "tied_nets",
    "training_curves",
    "width_steps",
]
