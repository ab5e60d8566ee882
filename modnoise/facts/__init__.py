"""Rules and facts: labels by a teacher or by a coin, the asymptotics and simulations."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach(
    __name__,
    submodules=["figures", "widgets"],
    submod_attrs={
        "compare": [
            "against_facts",
            "asymptotic_rates",
            "beside_theory",
            "errors",
            "limit_rows",
            "line",
            "penalty_map",
            "solution",
        ],
        "data": ["examples"],
        "experiments": ["angle_at", "at_setting"],
        "kernels": ["constants"],
        "limits": ["bayes", "best_angle", "best_regularization", "capacity", "sphere"],
        "run": ["FactsRun"],
        "theory": ["hinge", "ridge"],
        "width": ["random_features"],
    },
)
