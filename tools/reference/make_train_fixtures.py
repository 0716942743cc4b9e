#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Writes what PyTorch and diffusers make of small losses, gradients and updates.

    make_train_fixtures.py --out tests/fixtures [--seed 0]

losses.safetensors: stage-1 losses in float64, written as loops over differences, with gradients.
train.safetensors:  parameters after each step of torch.optim.Adam, AdamW and Muon, gradient clipping,
                    learning-rate schedules, GradScaler's scales, diffusers' EMAModel.
"""

import argparse
import pathlib
from unittest import mock

import diffusers
import numpy as np
import torch
from diffusers.training_utils import EMAModel
from safetensors.torch import save_file

SHAPES = {"bias": (7,), "linear.weight": (5, 3), "conv.weight": (4, 3, 3, 3)}
STEPS = 6


def latent_losses(student, teacher, reduction):
    """Score and gradient loss of arrays (T, C, h, w), one difference at a time."""
    frames, channels, height, width = student.shape
    elements = frames * height * width * (1 if reduction == "paper" else channels)
    maps = frames * channels
    pairs = (maps * (height - 1) * width, maps * height * (width - 1)) if reduction == "pairs" else (elements, elements)
    score, gradient = 0.0, 0.0
    grad_score, grad_gradient = np.zeros_like(student), np.zeros_like(student)
    delta = student - teacher
    for index in np.ndindex(delta.shape):
        score += delta[index] ** 2
        grad_score[index] += 2 * delta[index]
        t, c, y, x = index
        for neighbour, count in zip(((t, c, y + 1, x), (t, c, y, x + 1)), pairs):
            if neighbour[2] == height or neighbour[3] == width:
                continue
            step = delta[neighbour] - delta[index]
            gradient += abs(step) / count
            grad_gradient[neighbour] += np.sign(step) / count
            grad_gradient[index] -= np.sign(step) / count
    return (score / elements, grad_score / elements), (gradient, grad_gradient)


def losses(rng):
    out = {}
    for case, shape in {"map": (3, 4, 5, 6), "row": (2, 4, 1, 3), "pixel": (2, 4, 1, 1)}.items():
        student, teacher = rng.standard_normal(shape), rng.standard_normal(shape)
        out[f"{case}.student"], out[f"{case}.teacher"] = student, teacher
        for reduction in ("mean", "paper", "pairs"):
            for name, (value, grad) in zip(("score", "gradient"), latent_losses(student, teacher, reduction)):
                out[f"{case}.{name}.{reduction}"] = np.array(value)
                out[f"{case}.{name}.{reduction}.grad"] = grad
    return {name: torch.from_numpy(np.ascontiguousarray(value)) for name, value in out.items()}


def gradients(generator):
    """Of very different sizes, as in a network."""
    return [torch.randn(shape, generator=generator) * 10.0 ** (1 - 2 * i) for i, shape in enumerate(SHAPES.values())]


def optimizers(generator):
    variants = {
        "adam": (torch.optim.Adam, {}),
        "adam_decay": (torch.optim.Adam, {"weight_decay": 0.1}),
        "adamw": (torch.optim.AdamW, {"weight_decay": 0.1, "betas": (0.8, 0.95), "eps": 1e-6}),
        "clipped": (torch.optim.Adam, {}),
    }
    start = {name: torch.randn(shape, generator=generator) for name, shape in SHAPES.items()}
    steps = [gradients(generator) for _ in range(STEPS)]
    out = {f"start.{name}": value for name, value in start.items()}
    for k, grads in enumerate(steps, 1):
        out |= {f"grad.{k}.{name}": grad for name, grad in zip(start, grads)}
    for variant, (kind, options) in variants.items():
        params = {name: torch.nn.Parameter(value.clone()) for name, value in start.items()}
        optimizer = kind(params.values(), lr=1e-2, fused=True, **options)
        schedule = torch.optim.lr_scheduler.LambdaLR(optimizer, lambda k: 1 / (1 + k))
        norms = []
        for k, grads in enumerate(steps, 1):
            for parameter, grad in zip(params.values(), grads):
                parameter.grad = grad.clone()
            if variant == "clipped":
                norms.append(torch.nn.utils.clip_grad_norm_(params.values(), 3.0).item())
            optimizer.step()
            schedule.step()
            for name, parameter in params.items():
                out[f"{variant}.{k}.{name}"] = parameter.detach().clone()
        for name, parameter in params.items():
            for key in ("exp_avg", "exp_avg_sq"):
                out[f"{variant}.state.{name}.{key}"] = optimizer.state[parameter][key].clone()
        if norms:
            out["clipped.norms"] = torch.tensor(norms, dtype=torch.float64)
    return out | muon(start, steps)


def muon(start, steps):
    """Muon, in float32 where PyTorch orthogonalises in bfloat16, for kernels as matrices; AdamW for the bias."""
    as_matrix = lambda value: value.clone().flatten(1) if value.dim() > 1 else value.clone()
    params = {name: torch.nn.Parameter(as_matrix(value)) for name, value in start.items()}
    optimizer = torch.optim.Muon([p for p in params.values() if p.dim() > 1], weight_decay=0.1, momentum=0.9,
                                 adjust_lr_fn="match_rms_adamw")
    adamw = torch.optim.AdamW([params["bias"]], weight_decay=0.1, fused=True)
    out = {}
    for k, grads in enumerate(steps, 1):
        for group in optimizer.param_groups + adamw.param_groups:
            group["lr"] = 1e-2 / k
        for parameter, grad in zip(params.values(), grads):
            parameter.grad = as_matrix(grad)
        with mock.patch.object(torch, "bfloat16", torch.float32):
            optimizer.step()
        adamw.step()
        for name, parameter in params.items():
            out[f"muon.{k}.{name}"] = parameter.detach().clone().reshape(start[name].shape)
    for name, parameter in params.items():
        for key in ("exp_avg", "exp_avg_sq") if name == "bias" else ("momentum_buffer",):
            value = (adamw if name == "bias" else optimizer).state[parameter][key]
            out[f"muon.state.{name}.{key}"] = value.reshape(start[name].shape)
    return out


def schedules():
    """Factors after 0 .. 40 updates: warm-up 10, end at 30, final factor 0.01."""
    warmup, end, final = 10, 30, 0.01
    marigold = lambda n: n / warmup if n < warmup else final if n >= end else float(
        np.exp((n - warmup) / (end - warmup) * np.log(final)))
    optimizer = torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], lr=1.0)
    cosine = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, end - warmup, eta_min=final)
    decay = []
    for _ in range(end - warmup + 1):
        decay.append(optimizer.param_groups[0]["lr"])
        optimizer.step()
        cosine.step()
    rows = range(41)
    return {
        "schedule.exponential": torch.tensor([marigold(n) for n in rows], dtype=torch.float64),
        "schedule.cosine": torch.tensor(
            [n / warmup if n < warmup else decay[n - warmup] if n < end else final for n in rows], dtype=torch.float64),
    }


def scaler(generator):
    """The scale that each of 24 updates runs with, some of which overflow."""
    overflow = torch.tensor([k in (0, 1, 7, 8, 15) for k in range(24)])
    parameter = torch.nn.Parameter(torch.randn(3, generator=generator))
    optimizer = torch.optim.SGD([parameter], lr=0.0)
    grad_scaler = torch.amp.GradScaler("cpu", init_scale=1024.0, growth_factor=4.0, backoff_factor=0.5, growth_interval=3)
    scales = []
    for bad in overflow:
        scales.append(grad_scaler.get_scale())
        grad_scaler.scale(parameter.sum() * (float("inf") if bad else 1.0)).backward()
        grad_scaler.step(optimizer)
        grad_scaler.update()
        optimizer.zero_grad()
    return {"scaler.overflow": overflow, "scaler.scale": torch.tensor(scales, dtype=torch.float64)}


def average(generator):
    parameter = torch.nn.Parameter(torch.randn(5, generator=generator))
    ema = EMAModel([parameter], decay=0.6)
    out = {"ema.parameter.0": parameter.detach().clone()}
    for k in range(1, 21):
        with torch.no_grad():
            parameter.copy_(torch.randn(5, generator=generator))
        ema.step([parameter])
        out[f"ema.parameter.{k}"] = parameter.detach().clone()
        out[f"ema.average.{k}"] = ema.shadow_params[0].clone()
    return out


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=pathlib.Path, required=True)
    parser.add_argument("--seed", type=int, default=0)
    args = parser.parse_args()
    torch.manual_seed(args.seed)
    generator = torch.Generator().manual_seed(args.seed)
    made_by = {"seed": str(args.seed), "torch": torch.__version__, "diffusers": diffusers.__version__}
    save_file(losses(np.random.default_rng(args.seed)), args.out / "losses.safetensors", made_by)
    save_file(optimizers(generator) | schedules() | scaler(generator) | average(generator),
              args.out / "train.safetensors", made_by)


if __name__ == "__main__":
    main()
