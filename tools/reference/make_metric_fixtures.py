#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Writes what numpy, OpenCV and PyTorch make of small depth scores and losses, in float64.

    make_metric_fixtures.py --out tests/fixtures [--seed 0]

metrics.safetensors: alignment and scores. The protocol is DepthCrafter's (benchmark/eval/eval.py): resize the prediction,
mask, floor, fit, clip; then means over the pixels of a frame, then over frames.
decoder_losses.safetensors: losses of stage 2 in their printed form, one pair of pixels at a time, with PyTorch's gradients.
"""

import argparse
import pathlib

import cv2
import numpy as np
import torch
from safetensors.numpy import save_file

MIN_DEPTH, MAX_DEPTH, FLOOR = 1e-3, 10.0, 1e-3


def resize(frames, height, width):
    return np.stack([cv2.resize(f, (width, height), interpolation=cv2.INTER_LINEAR) for f in frames])


def fit(kind, x, y):
    if kind == "scale_shift":
        return np.linalg.lstsq(np.stack([x, np.ones_like(x)], axis=1), y, rcond=None)[0]
    if kind == "scale":
        return np.array([np.linalg.lstsq(x[:, None], y, rcond=None)[0][0], 0.0])
    if kind == "median":
        return np.array([np.median(y) / np.median(x), 0.0])
    return np.array([1.0, 0.0])


def align(pred, truth, kind, scope):
    pred = np.maximum(resize(pred, *truth.shape[1:]), FLOOR)
    valid = (truth > MIN_DEPTH) & (truth < MAX_DEPTH)
    groups = [range(len(truth))] if scope == "clip" else [[k] for k in range(len(truth))]
    depth, fits = np.empty_like(pred), []
    for group in map(list, groups):
        mask = valid[group]
        s, t = fit(kind, pred[group][mask], 1 / (truth[group][mask] + 1e-8))
        depth[group] = np.clip(1 / np.maximum(s * pred[group] + t, FLOOR), FLOOR, MAX_DEPTH)
        fits.append([s, t])
    return depth, valid, np.array(fits)


def align_in_depth(pred, truth):
    pred = resize(pred, *truth.shape[1:])
    valid = (truth > MIN_DEPTH) & (truth < MAX_DEPTH)
    s, t = fit("scale_shift", pred[valid], truth[valid])
    return np.clip(s * pred + t, MIN_DEPTH, MAX_DEPTH), valid, np.array([[s, t]])


def scores(depth, truth, valid):
    frames = []
    for p, g, mask in zip(depth, truth, valid):
        p, g = p[mask], g[mask]
        if p.size == 0:
            continue
        log_ratio = np.log(p / g)
        frames.append({
            "abs_rel": np.mean(np.abs(p - g) / g),
            "sq_rel": np.mean((p - g) ** 2 / g),
            "rmse": np.sqrt(np.mean((p - g) ** 2)),
            "rmse_log": np.sqrt(np.mean(log_ratio ** 2)),
            "log10": np.mean(np.abs(np.log10(p / g))),
            **{f"delta{k}": np.mean(np.maximum(p / g, g / p) < 1.25 ** k) for k in (1, 2, 3)},
            "silog100": 100 * np.std(log_ratio),
        })
    out = {name: np.mean([f[name] for f in frames]) for name in frames[0]}
    p, g = depth[valid], truth[valid]
    out["abs_rel_pooled"] = np.mean(np.abs(p - g) / g)
    out["delta1_pooled"] = np.mean(np.maximum(p / g, g / p) < 1.25)
    return out


def silog(pred, target, mask, weight, eps, per_frame, unbiased=False):
    """10 sqrt(mean g^2 - weight (mean g)^2) as printed; `unbiased` takes the variance in it with n - 1."""
    frames = [(p[m], t[m]) for p, t, m in zip(pred, target, mask)]
    if not per_frame:
        frames = [tuple(torch.cat(part) for part in zip(*frames))]
    losses = []
    for p, t in frames:
        if p.numel():
            g = torch.log(torch.relu(p) + eps) - torch.log(torch.relu(t) + eps)
            square = g.var(correction=int(unbiased)) + (1 - weight) * g.mean() ** 2 if unbiased else (
                (g ** 2).sum() / g.numel() - weight * g.sum() ** 2 / g.numel() ** 2)
            losses.append(10 * torch.sqrt(square + 1e-12))
    return sum(losses) / len(losses)


def gradient_matching(pred, target, mask, scales, per_image):
    total = 0
    for k in range(scales):
        p, t, m = (x[:, ::2 ** k, ::2 ** k] for x in (pred, target, mask))
        sums, counts = [], []
        for p, t, m in zip(p, t, m):
            pairs = [(a, b) for a in np.ndindex(*m.shape) for b in ((a[0] + 1, a[1]), (a[0], a[1] + 1))
                     if b[0] < m.shape[0] and b[1] < m.shape[1] and m[a] and m[b]]
            sums.append(sum((((p - t)[b] - (p - t)[a]).abs() for a, b in pairs), start=p.sum() * 0))
            counts.append(int(m.sum()))
        total = total + (sum(s / max(n, 1) for s, n in zip(sums, counts)) / len(sums) if per_image
                         else sum(sums) / max(sum(counts), 1))
    return total


def affinity(student, teacher):
    """Squared differences of the similarity of places i and j, over all i and j; not yet divided by the places."""
    def similar(a, b):
        lengths = a.norm() * b.norm()
        return (a * b).sum() / lengths if lengths > 1e-12 else a.sum() * 0

    total = 0
    for s, t in zip(student.flatten(2), teacher.flatten(2)):
        for i in range(s.shape[1]):
            for j in range(s.shape[1]):
                total = total + (similar(s[:, i], s[:, j]) - similar(t[:, i], t[:, j])) ** 2
    return total / len(student)


def decoder_losses(rng):
    out = {}

    def tensor(name, array):
        out[name] = array
        return torch.from_numpy(array)

    def case(name, loss, of):
        leaf = of.clone().requires_grad_()
        value = loss(leaf)
        value.backward()
        out[name], out[f"{name}.grad"] = value.detach().numpy(), leaf.grad.numpy()

    target = tensor("target", rng.random((3, 8, 9)))
    pred = tensor("prediction", np.abs(out["target"] * np.exp(0.3 * rng.standard_normal(target.shape)) + 0.02))
    out["prediction"][0, 0, :2] = [0, -0.2]
    out["target"][1, 2, 3] = 0
    mask = tensor("mask", rng.random(target.shape) < 0.7)
    out["mask"][1] = False
    full = torch.ones_like(mask)
    for name, m in {"full": full, "masked": mask}.items():
        for scope in ("clip", "frame"):
            case(f"silog.{name}.{scope}", lambda x: silog(x, target, m, 0.85, 1e-3, scope == "frame"), pred)
        for scales in (1, 3):
            for reduction in ("batch", "image"):
                case(f"gradient.{name}.{scales}.{reduction}",
                     lambda x: gradient_matching(x, target, m, scales, reduction == "image"), pred)
    case("silog.lambda0", lambda x: silog(x, target, full, 0, 1e-3, False), pred)
    case("silog.eps", lambda x: silog(x, target, full, 0.85, 1e-5, False), pred)
    case("silog.unbiased", lambda x: silog(x, target, full, 0.85, 1e-3, False, True), pred)
    case("silog.min_target", lambda x: silog(x, target, target >= 0.2, 0.85, 1e-3, False), pred)

    for name, (cs, ct) in {"tall": (3, 5), "wide": (20, 24)}.items():  # fewer or more channels than positions
        student, teacher = (tensor(f"{name}.{who}", rng.standard_normal((2, c, 3, 4)) + 0.3)
                            for who, c in (("student", cs), ("teacher", ct)))
        teacher[0, :, 1, 2] = 0  # similar to nothing
        case(f"affinity.{name}", lambda x: affinity(x, teacher), student)
    fine = tensor("pool.in", rng.standard_normal((2, 3, 6, 8)))
    for size in ((3, 4), (4, 3)):
        out[f"pool.{size[0]}x{size[1]}"] = torch.nn.functional.adaptive_avg_pool2d(fine, size).numpy()
    return out


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--out", type=pathlib.Path, required=True)
    parser.add_argument("--seed", type=int, default=0)
    arguments = parser.parse_args()
    rng = np.random.default_rng(arguments.seed)

    truth = np.exp(rng.uniform(np.log(0.8), np.log(12), (4, 9, 12)))  # some beyond MAX_DEPTH
    truth[0, :2] = -1  # no measurement
    truth[1, 0, :3] = [0, MIN_DEPTH, np.nan]
    truth[2] = -1  # a frame without any
    near = np.nan_to_num(1 / np.maximum(np.abs(np.nan_to_num(truth, nan=1.0)), 0.1))
    same = 0.6 * near - 0.05 + 0.05 * rng.standard_normal(truth.shape)  # some below the floor
    small = resize(same, 5, 7)
    out = {"truth": truth, "prediction.same": same, "prediction.small": small, "resize.up": resize(same, 13, 20),
           "resize.down": resize(same, 4, 5)}
    for size, pred in {"same": same, "small": small}.items():
        cases = [(kind, "clip") for kind in ("scale_shift", "scale", "median", "none")]
        if size == "same":  # with frame 2 there is nothing to fit to
            cases.append(("scale_shift", "frame"))
        for kind, scope in cases:
            keep = [0, 1, 3] if scope == "frame" else [0, 1, 2, 3]
            results = align(pred[keep], truth[keep], kind, scope)
            for name, array in zip(("depth", "valid", "fit"), results):
                out[f"{size}.{kind}.{scope}.{name}"] = array
            for name, value in scores(results[0], truth[keep], results[1]).items():
                out[f"{size}.{kind}.{scope}.{name}"] = np.array(value)
    results = align_in_depth(1 / np.maximum(same, 0.05), truth)
    out["prediction.depth"] = 1 / np.maximum(same, 0.05)
    for name, array in zip(("depth", "valid", "fit"), results):
        out[f"in_depth.{name}"] = array
    for name, value in scores(results[0], truth, results[1]).items():
        out[f"in_depth.{name}"] = np.array(value)

    mask = rng.random(same.shape) < 0.6
    out["normalize.mask"] = mask
    for name, values in {"all": same.ravel(), "masked": same[mask]}.items():
        for low, high in ((0, 100), (2, 98)):
            a, b = np.percentile(values, [low, high])
            out[f"normalize.{name}.{low}"] = np.clip((same - a) / (b - a), 0, 1)
    made_by = {"numpy": np.__version__, "opencv": cv2.__version__, "torch": torch.__version__, "seed": str(arguments.seed)}
    for file, arrays in {"metrics": out, "decoder_losses": decoder_losses(np.random.default_rng(arguments.seed))}.items():
        save_file({name: np.ascontiguousarray(value) for name, value in arrays.items()},
                  arguments.out / f"{file}.safetensors", metadata=made_by)


if __name__ == "__main__":
    main()
