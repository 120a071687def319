"""Make `torch_optimizers.json`: what PyTorch's optimisers and schedulers do on a fixed problem.

Run by hand, once, in an environment of its own (`pip install torch==2.13.0 numpy`); the tests read the file
and need no torch. The problem is the least squares of `y` by `x @ w + b`, with columns of `x` from 1 to 1e-4
in size, so that some second moments are near the eps of the optimisers. The rate changes from step to step.
"""

import json
from pathlib import Path

import numpy as np
import torch
from torch.optim import lr_scheduler

STEPS, SHOWN = 50, (1, 2, 10, 50)
CASES = {
    "sgd": ("sgd", {}, 0.1, torch.optim.SGD, {}),
    "sgd momentum": ("sgd", {"momentum": 0.9}, 0.02, torch.optim.SGD, {"momentum": 0.9}),
    "sgd nesterov": (
        "sgd",
        {"momentum": 0.9, "nesterov": True},
        0.02,
        torch.optim.SGD,
        {"momentum": 0.9, "nesterov": True},
    ),
    "adagrad": ("adagrad", {}, 0.1, torch.optim.Adagrad, {}),
    "adagrad options": (
        "adagrad",
        {"eps": 1e-3, "initial_accumulator": 0.1},
        0.1,
        torch.optim.Adagrad,
        {"eps": 1e-3, "initial_accumulator_value": 0.1},
    ),
    "rmsprop": ("rmsprop", {}, 0.01, torch.optim.RMSprop, {}),
    "rmsprop momentum": (
        "rmsprop",
        {"alpha": 0.9, "eps": 1e-4, "momentum": 0.5},
        0.01,
        torch.optim.RMSprop,
        {"alpha": 0.9, "eps": 1e-4, "momentum": 0.5},
    ),
    "adam": ("adam", {}, 0.05, torch.optim.Adam, {}),
    "adam options": (
        "adam",
        {"beta1": 0.5, "beta2": 0.9, "eps": 1e-3},
        0.05,
        torch.optim.Adam,
        {"betas": (0.5, 0.9), "eps": 1e-3},
    ),
    "adamw": ("adamw", {}, 0.05, torch.optim.AdamW, {}),
    "adamw decay": ("adamw", {"weight_decay": 0.3}, 0.05, torch.optim.AdamW, {"weight_decay": 0.3}),
    **{
        f"{name} decay": (name, {**more, "weight_decay": 0.3}, lr, make, {**more, "weight_decay": 0.3})
        for name, more, lr, make in (
            ("sgd", {}, 0.1, torch.optim.SGD),
            ("sgd", {"momentum": 0.9, "nesterov": True}, 0.02, torch.optim.SGD),
            ("adagrad", {}, 0.1, torch.optim.Adagrad),
            ("rmsprop", {"momentum": 0.5}, 0.01, torch.optim.RMSprop),
            ("adam", {}, 0.05, torch.optim.Adam),
        )
    },
}


def problem() -> dict[str, np.ndarray]:
    rng = np.random.default_rng(20240607)
    x = rng.normal(size=(8, 3)) * [1.0, 1e-2, 1e-4]
    return {"x": x, "y": rng.normal(size=(8, 2)), "w": rng.normal(size=(3, 2)), "b": rng.normal(size=2)}


def trajectory(data: dict[str, np.ndarray], make: type, base: float, options: dict) -> dict:
    x, y = torch.from_numpy(data["x"]), torch.from_numpy(data["y"])
    w, b = (torch.tensor(data[name], requires_grad=True) for name in ("w", "b"))
    optimizer = make([w, b], lr=base, foreach=False, **options)
    shown = {}
    for step in range(STEPS):
        optimizer.param_groups[0]["lr"] = base * (1.0 + 0.5 * np.cos(step))
        optimizer.zero_grad()
        ((x @ w + b - y) ** 2).mean().backward()
        optimizer.step()
        if step + 1 in SHOWN:
            shown[step + 1] = {"w": w.tolist(), "b": b.tolist()}
    return shown


def schedules() -> dict:
    losses = [3.0, 2.0, 2.1, 1.99999, 1.5, 1.5, 1.6, 1.7, 1.8, 1.4, 1.4, 1.4, 1.4, 1.4, 1.4, 1.4]
    made = {
        "step": lambda o: lr_scheduler.StepLR(o, step_size=3, gamma=0.3),
        "exponential": lambda o: lr_scheduler.ExponentialLR(o, gamma=0.8),
        "cosine": lambda o: lr_scheduler.CosineAnnealingLR(o, T_max=len(losses), eta_min=0.05),
        "plateau": lambda o: lr_scheduler.ReduceLROnPlateau(o, factor=0.5, patience=1, min_lr=0.1),
    }
    rates = {}
    for name, make in made.items():
        optimizer = torch.optim.SGD([torch.zeros(1, requires_grad=True)], lr=0.5)
        scheduler, rates[name] = make(optimizer), []
        for loss in losses:
            rates[name].append(optimizer.param_groups[0]["lr"])
            optimizer.step()
            scheduler.step(*([loss] if name == "plateau" else []))
    return {"lr": 0.5, "losses": losses, "rates": rates}


if __name__ == "__main__":
    data = problem()
    result = {
        "made_with": f"torch {torch.__version__}, float64",
        "problem": {name: array.tolist() for name, array in data.items()},
        "rates": "base * (1 + 0.5 * cos(step)), step from 0",
        "cases": {
            title: {
                "name": name,
                "settings": settings,
                "base": base,
                "after": trajectory(data, make, base, options),
            }
            for title, (name, settings, base, make, options) in CASES.items()
        },
        "schedules": schedules(),
    }
    Path(__file__).with_name("torch_optimizers.json").write_text(json.dumps(result, indent=1) + "\n")
