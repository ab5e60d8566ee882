"""modnoise: memorization and generalization side by side, on modular arithmetic with label noise.

`spec` says what a run is; `tables` makes its data, `nets` its weights, `training` its steps;
`experiments` declares the runs of each figure and `store` loads or trains them. `metrics`,
`fourier`, `partition`, `gradients`, `regimes` look at what came out, `analytic` builds nets that
are known to be right, `claims` says what was confirmed; `figures`, `pages`, `parameters` and
`widgets` serve the notebooks.

>>> import modnoise as mn
>>> run = mn.Run(p=31, noise=0.8, width=2049, steps=200)
>>> table = mn.noisy_table(run)
>>> nets = mn.train(run).nets
>>> bool(mn.accuracy(nets, table).noisy[0] > 0.99)  # memorized, wrong labels included
True
>>> bool(mn.accuracy(nets, table).test[0] < 0.10)  # and useless
True
>>> rule = mn.parts(nets)["G_quadratic"]  # one frequency per neuron, phi = x^2
>>> bool(mn.accuracy(rule, table).test[0] > 0.95)  # the rule was there
True
"""

import lazy_loader

__version__ = "0.1.0"

# Names are imported when they are first used: listing experiments needs no torch.
__getattr__, __dir__, __all__ = lazy_loader.attach(
    __name__,
    submodules=["figures", "widgets"],
    submod_attrs={
        "claims": ["CLAIMS", "Verdict", "check"],
        "collisions": [
            "collision_table",
            "count_collisions",
            "expected_collisions",
            "learned_by_collisions",
            "mean_collisions",
        ],
        "experiments": ["EXPERIMENTS", "Sweep", "base_run"],
        "figures.style": ["show"],
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
        "metrics": [
            "ROLES",
            "accuracy",
            "compare",
            "curves",
            "first_step",
            "ladder_table",
            "median_table",
            "outcomes",
            "percent",
            "predictions",
            "scores",
        ],
        "mnist": [
            "PAPER_TABLE2",
            "against_null",
            "half_way",
            "mean_and_error",
            "table2",
            "with_null",
        ],
        "mnist_data": ["MnistError", "MnistRun"],
        "nets": ["ACTIVATIONS", "NetStack", "new_nets"],
        "pages": ["statements"],
        "parameters": [
            "DescentParameters",
            "DynamicsParameters",
            "FiltrationParameters",
            "MnistParameters",
            "PartitionParameters",
            "PhasesParameters",
            "QuickstartParameters",
            "ScorecardParameters",
            "TransformerParameters",
            "check_parameters",
        ],
        "partition": ["ipr", "strength"],
        "regimes": ["peak_counts", "peaks", "thresholds"],
        "spec": ["Run", "SpecError"],
        "store": ["Store", "StoreError", "colophon", "load_or_train"],
        "structure": [
            "frequency_norms",
            "ipr_logarithm",
            "neuron_table",
            "prior_rows",
            "pruning_table",
            "structure_rows",
        ],
        "table3": ["BEFORE_FF", "PAPER_TABLE3", "gains", "region", "table3", "with_paper_share"],
        "tables": ["NoisyTable", "noisy_table", "symmetric_ceiling"],
        "timing": ["as_steps", "at_step", "label_blind", "milestones", "noise_first"],
        "transformer": ["energy"],
        "transformer_run": ["TransformerRun", "frequencies_kept"],
        "training.loop": ["Trained", "train"],
    },
)
