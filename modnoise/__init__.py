"""modnoise: memorization and generalization side by side, on modular arithmetic with label noise.

`spec`, `claim` and `sweep` say what a run, a claim and a set of runs are. `studies` lists what is
studied with them: `arithmetic`, the main paper, whose words are at hand here; `mnist`,
`transformer`, `unified`, `rote`, `facts` and `distillation`. `training` takes the steps of all of
them, `store` loads or trains and records, `pages` serves the notebooks.

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
    submodules=["distillation", "facts", "mnist", "rote", "transformer", "unified"],
    submod_attrs={
        "arithmetic": [
            "ACTIVATIONS",
            "NetStack",
            "NoisyTable",
            "ROLES",
            "Run",
            "accuracy",
            "alignment",
            "angles",
            "as_steps",
            "at_step",
            "base_run",
            "collision_table",
            "compare",
            "count_collisions",
            "dominant_frequency",
            "extract",
            "expected_collisions",
            "figures",
            "filtrate",
            "frequency_norms",
            "inspect",
            "interpolate",
            "ipr",
            "ipr_logarithm",
            "known_planes",
            "label_blind",
            "ladder_table",
            "largest_product",
            "learned_by_collisions",
            "mean_collisions",
            "milestones",
            "neuron_table",
            "new_nets",
            "noise_first",
            "noisy_table",
            "outcomes",
            "overlap",
            "parts",
            "peak_counts",
            "peaks",
            "phase_mse",
            "predictions",
            "prior_rows",
            "pruning_table",
            "random_frequency",
            "read_net",
            "scores",
            "smallest_frequency",
            "sparsity",
            "spectrum",
            "strength",
            "structure_rows",
            "symmetric_ceiling",
            "tempo_table",
            "thresholds",
            "widgets",
            "without_mu",
        ],
        "claim": ["Verdict", "check", "check_first"],
        "frames": ["curves", "first_step", "median_table", "percent"],
        "pages.answer": ["answer", "say"],
        "pages.board": ["verdict_board"],
        "pages.colophon": ["colophon", "statements"],
        "pages.parameters": ["check_parameters"],
        "pages.style": ["show"],
        "spec": ["SpecError"],
        "store.load": ["load_or_train"],
        "store.overview": ["at_hand"],
        "store.records": ["Store", "StoreError"],
        "studies": ["CLAIMS", "EXPERIMENTS"],
        "sweep": ["Sweep"],
        "training.loop": ["Trained", "train"],
    },
)
