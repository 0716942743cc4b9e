#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Writes eval.safetensors: temporal alignment error and boundary scores as plain numpy computes them, in float64.

    make_eval_fixtures.py --out tests/fixtures [--seed 0]

The formulas are those of Video Depth Anything (benchmark/eval/eval_tae.py) and Depth Pro (eval/boundary_metrics.py).
Scenes are drawn again until no coordinate is near a rounding tie and no ratio near a threshold.
"""

import argparse
import pathlib

import numpy as np
from safetensors.numpy import save_file

THRESHOLDS = np.linspace(1.05, 1.25, 10)


def smooth(rng, shape):
    """A sum of a few waves over (T,H,W), in [0,1]."""
    t, y, x = np.meshgrid(*(np.linspace(0, 1, n) for n in shape), indexing="ij")
    out = sum(rng.uniform(0.3, 1) * np.sin(rng.uniform(1, 7) * x + rng.uniform(1, 7) * y + t + rng.uniform(0, 6))
              for _ in range(4))
    return (out - out.min()) / (out.max() - out.min())


def turn(angle):
    """A rotation about (0.3, 1, -0.2), by Rodrigues."""
    a = np.array([0.3, 1, -0.2])
    a /= np.linalg.norm(a)
    cross = np.array([[0, -a[2], a[1]], [a[2], 0, -a[0]], [-a[1], a[0], 0]])
    return np.eye(3) + np.sin(angle) * cross + (1 - np.cos(angle)) * cross @ cross


def carry(depth, mask, k_from, k_to, motion, center, splat):
    """Depth of one frame in the other, 0 where nothing lands, and how near a coordinate came to a tie."""
    rows, cols = np.nonzero(mask)
    rays = np.linalg.inv(k_from) @ np.stack([cols + center, rows + center, np.ones(len(rows))])
    points = motion[:3, :3] @ (rays / rays[2] * depth[mask]) + motion[:3, 3:]
    points = points[:, points[2] > 1e-6]
    pixels = k_to @ points
    z, pixels = points[2], pixels[:2] / pixels[2]
    tie = np.abs(pixels - np.floor(pixels) - 0.5).min(initial=1.0)
    u, v = np.rint(pixels).astype(int)
    inside = (u >= 0) & (v >= 0) & (u < depth.shape[1]) & (v < depth.shape[0])
    out = np.zeros_like(depth)
    for col, row, value in zip(u[inside], v[inside], z[inside]):
        if splat == "last" or out[row, col] == 0 or value < out[row, col]:
            out[row, col] = value
    return out, tie


def temporal(depth, mask, intrinsics, poses, center, splat):
    errors, skipped, tie = [], 0, 1.0
    for a in range(len(depth) - 1):
        for i, j in ((a, a + 1), (a + 1, a)):
            seen, near = carry(depth[i], mask[i], intrinsics[i], intrinsics[j], np.linalg.inv(poses[j]) @ poses[i],
                               center, splat)
            both = (seen > 1e-6) & mask[j]
            tie = min(tie, near)
            if both.any():
                errors.append(np.mean(np.abs(depth[j][both] - seen[both]) / depth[j][both]))
            else:
                skipped += 1
    return np.mean(errors), skipped, tie


def edges(depth):
    """Ratios of inverse depth towards the neighbour to the left, above, right and below."""
    d = 1 / np.maximum(depth, 1e-6)
    return [d[:, :-1] / d[:, 1:], d[:-1] / d[1:], d[:, 1:] / d[:, :-1], d[1:] / d[:-1]]


def boundary(depth, truth):
    scores = []
    for t in THRESHOLDS:
        pairs = [(p > t, g > t) for p, g in zip(edges(depth), edges(truth))]
        precision = np.mean([(p & g).sum() / max(p.sum(), 1) for p, g in pairs])
        recall = np.mean([(p & g).sum() / max(g.sum(), 1) for p, g in pairs])
        scores.append([2 * precision * recall / (precision + recall) if precision + recall else 0.0, precision, recall])
    return np.average(scores, axis=0, weights=THRESHOLDS)


def thin(ratio, t):
    """The first largest entry of each run above t, along rows."""
    keep = np.zeros(ratio.shape, bool)
    for row, line in enumerate(ratio):
        ends = np.flatnonzero(np.diff(np.concatenate([[0], (line > t).astype(int), [0]])))
        for begin, end in ends.reshape(-1, 2):
            keep[row, begin + np.argmax(line[begin:end])] = True
    return keep


def matte_recall(depth, alpha):
    inside = alpha > 0.1
    true = [inside[:, :-1] & ~inside[:, 1:], inside[:-1] & ~inside[1:], inside[:, 1:] & ~inside[:, :-1],
            inside[1:] & ~inside[:-1]]
    scores = []
    for t in THRESHOLDS:
        found = [thin(r, t) if i % 2 == 0 else thin(r.T, t).T for i, r in enumerate(edges(depth))]
        scores.append(np.mean([(p & g).sum() / max(g.sum(), 1) for p, g in zip(found, true)]))
    return np.average(scores, weights=THRESHOLDS)


def draw_temporal(rng):
    """Depth, mask, lenses and poses of four frames; the last camera looks back, so that two pairs see nothing."""
    shape = (4, 11, 15)
    depth = 1 / (0.15 + 0.5 * smooth(rng, shape))
    mask = rng.random(shape) > 0.15
    plain = np.array([[12.0, 0, 7.25], [0, 13.0, 4.5], [0, 0, 1]])
    tilted = np.array([[12.0, 0.4, 7.25], [-0.3, 13.0, 4.5], [0.02, -0.03, 1]])
    poses = np.tile(np.eye(4), (4, 1, 1))
    for k in range(4):
        poses[k, :3, :3] = turn(np.pi if k == 3 else 0.05 * k)
        poses[k, :3, 3] = [0.12 * k, -0.05 * k, 0.15 * k]
    out = {"depth": depth, "mask": mask, "poses": poses}
    tie = 1.0
    for lens, matrix in {"plain": plain, "tilted": tilted}.items():
        intrinsics = np.tile(matrix, (4, 1, 1))
        intrinsics[:, 0, 0] += np.arange(4)  # each frame its own
        out[f"{lens}.intrinsics"] = intrinsics
        for splat in ("last", "near"):
            for center in (0.0, 0.5):
                for masked in (False, True):
                    value, skipped, near = temporal(depth, mask if masked else np.ones_like(mask), intrinsics, poses,
                                                    center, splat)
                    name = f"{lens}.{splat}.{center}.{'masked' if masked else 'all'}"
                    out[name] = np.array([value, skipped])
                    tie = min(tie, near)
        out[f"{lens}.carried"] = carry(depth[0], mask[0], intrinsics[0], intrinsics[1],
                                       np.linalg.inv(poses[1]) @ poses[0], 0.0, "last")[0]
    return out, tie


def draw_boundary(rng):
    shape = (3, 18, 23)
    truth = 1 / (0.1 + 0.9 * (smooth(rng, shape) > 0.5) * smooth(rng, shape) + 0.2 * smooth(rng, shape))
    depth = truth * np.exp(0.05 * rng.standard_normal(shape))
    alpha = np.zeros(shape[1:])
    alpha[5:12, 6:15] = 0.8
    alpha[4, 6:15] = 0.05
    ratios = np.concatenate([r.ravel() for frame in (*truth, *depth) for r in edges(frame)])
    out = {"truth": truth, "depth": depth, "alpha": alpha,
           "scores": np.array([boundary(d, g) for d, g in zip(depth, truth)]),
           "recall": np.array([matte_recall(d, alpha) for d in depth])}
    return out, np.abs(ratios[:, None] - THRESHOLDS).min()


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--out", type=pathlib.Path, required=True)
    parser.add_argument("--seed", type=int, default=0)
    arguments = parser.parse_args()
    rng = np.random.default_rng(arguments.seed)
    out = {}
    for part, draw in {"temporal": draw_temporal, "boundary": draw_boundary}.items():
        arrays, margin = draw(rng)
        while margin < 1e-7:
            arrays, margin = draw(rng)
        out.update({f"{part}.{name}": np.ascontiguousarray(array) for name, array in arrays.items()})
    save_file(out, arguments.out / "eval.safetensors",
              metadata={"numpy": np.__version__, "seed": str(arguments.seed)})


if __name__ == "__main__":
    main()
