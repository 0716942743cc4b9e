#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Writes metrics.safetensors: alignment and depth scores as numpy and OpenCV compute them, in float64.

    make_metric_fixtures.py --out tests/fixtures [--seed 0]

The protocol is DepthCrafter's (benchmark/eval/eval.py): resize the prediction, mask, floor, fit, clip; then means over
the pixels of a frame, then over frames.
"""

import argparse
import pathlib

import cv2
import numpy as np
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
    save_file({name: np.ascontiguousarray(value) for name, value in out.items()}, arguments.out / "metrics.safetensors",
              metadata={"numpy": np.__version__, "opencv": cv2.__version__, "seed": str(arguments.seed)})


if __name__ == "__main__":
    main()
