"""The main paper's experiment: two-layer nets on modular arithmetic with wrong labels.

`run` says what a run is, `tables` makes its data, `nets` its weights, `training` and `engines` its
steps; `fourier`, `partition`, `structure`, `gradients`, `collisions`, `regimes`, `timing` look at
what came out, `analytic` builds nets that are known to be right. Other studies use the names
below.
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach(
    __name__,
    submodules=["figures", "widgets"],
    submod_attrs={
        "collisions": [
            "collision_table",
            "count_collisions",
            "expected_collisions",
            "learned_by_collisions",
            "mean_collisions",
        ],
        "experiments": ["base_run"],
        "extraction.net": ["extract"],
        "extraction.planes": ["known_planes", "overlap"],
        "fourier": [
            "angles",
            "dominant_frequency",
            "filtrate",
            "largest_product",
            "parts",
            "phase_mse",
            "random_frequency",
            "smallest_frequency",
            "sparsity",
            "spectrum",
            "without_mu",
        ],
        "gradients": ["alignment"],
        "lazy": ["interpolate"],
        "metrics": [
            "CHUNK",
            "ROLES",
            "accuracy",
            "compare",
            "ladder_table",
            "outcomes",
            "predictions",
            "scored",
            "scores",
        ],
        "nets": ["ACTIVATIONS", "NetStack", "new_nets"],
        "inspection": ["Inspection", "inspect", "pictures"],
        "own": ["read_net"],
        "partition": ["ipr", "strength"],
        "regimes": ["peak_counts", "peaks", "thresholds"],
        "run": ["Run", "TableRun"],
        "structure": [
            "frequency_norms",
            "ipr_logarithm",
            "neuron_table",
            "prior_rows",
            "pruning_table",
            "structure_rows",
        ],
        "tables": ["NoisyTable", "noisy_table", "symmetric_ceiling"],
        "tempo": ["tempo_table"],
        "timing": ["as_steps", "at_step", "label_blind", "milestones", "noise_first"],
    },
)
