#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Repeats a stage-1 training with PyTorch and diffusers, from nothing but its run folder.

    replay.py RUN [--updates N]     an existing run of distill_unet
    replay.py --program BIN         makes clips and a short run of each variant first, as the test does

metrics.jsonl names the cache entry and noise seed of every sample; the entries hold the teacher's answers; so the student,
its losses and Adam can be run again. Losses and gradient norms must agree within 2e-4, and the change of the weights within 1 %
of its size. Exit status 1 if they do not, 77 if a package is missing.
"""
import argparse
import json
import math
import subprocess
import sys
import tempfile
from fnmatch import fnmatchcase
from pathlib import Path

try:
    import cv2
    import numpy as np
    import torch
    import yaml
    from diffusers import UNetSpatioTemporalConditionModel
    from safetensors import safe_open
    from safetensors.torch import load_file
except ImportError as missing:
    print(f"skipped: {missing}")
    sys.exit(77)

SIGMA = 700.0
ROOT = math.sqrt(SIGMA**2 + 1)


def trained_names(names, patterns):
    """The rule of docs/training.md: pieces of a name, whole segments; the last that fits decides; ! freezes."""

    def trains(name):
        last = [p for p in patterns if fnmatchcase(f".{name}.", f"*.{p.removeprefix('!')}.*")][-1:]
        return bool(last) and not last[0].startswith("!")

    return [name for name in names if trains(name)]


def run_unet(unet, x, t, tokens, ids):
    """diffusers' UNet with DepthCrafter's context, one token per frame: tokens [F,D]."""
    per_frame = tokens.unsqueeze(1)
    hook = lambda _m, args, kwargs: (
        args, dict(kwargs, encoder_hidden_states=per_frame) if "encoder_hidden_states" in kwargs else kwargs)
    blocks = [*unet.down_blocks, unet.mid_block, *unet.up_blocks]
    handles = [block.register_forward_pre_hook(hook, with_kwargs=True) for block in blocks]
    out = unet(x, t, tokens[None, :1], ids, return_dict=False)[0]
    for handle in handles:
        handle.remove()
    return out


def student(unet, entry, config):
    latent = entry["rgb_latent"]
    if config["student"]["input"] == "rgb_latent":
        start = config["student"]["rgb_latent_scale"] * latent
    else:
        start = torch.randn(latent.shape, generator=torch.Generator().manual_seed(int(entry["noise_seed"])))
    x = start * ROOT
    ids = torch.tensor([[7.0, 127.0, config["teacher"]["noise_aug"]]])
    u = run_unet(unet, torch.cat([x / ROOT, latent], 1)[None], torch.tensor(0.25 * math.log(SIGMA)), entry["image_embeds"], ids)
    return x / (SIGMA**2 + 1) - u[0] * SIGMA / ROOT


def loss_of(latent, teacher, weight):
    d = latent - teacher
    gradient = (d.diff(dim=-1).abs().sum() + d.diff(dim=-2).abs().sum()) / d.numel()
    return (1 - weight) * d.square().mean() + weight * gradient


def replay(run, updates):
    config = yaml.safe_load((run / "config.resolved.yaml").read_text())
    cache = Path(config["cache"]["dir"] or run / "teacher_cache")
    teacher = Path(config["model"]["teacher"] or run / "teacher")
    unet = UNetSpatioTemporalConditionModel.from_pretrained(teacher / "unet")
    before = {k: v.clone() for k, v in unet.state_dict().items()}
    names = trained_names(before, config["trained"]["patterns"])
    for name, p in unet.named_parameters():
        p.requires_grad_(name in names)
    trained = [p for p in unet.parameters() if p.requires_grad]
    o = {k: v if k == "type" else float(v) for k, v in config["optimizer"].items()}  # PyYAML reads 1e-08 as text
    adam = torch.optim.Adam(trained, lr=o["lr"], betas=(o["beta1"], o["beta2"]), eps=o["eps"], weight_decay=o["weight_decay"])

    worst = 0.0
    lines = [json.loads(line) for line in open(run / "metrics.jsonl")]
    for line in [line for line in lines if "loss" in line][:updates]:
        losses = []
        for key in line["cache_keys"]:
            entry = load_file(cache / key[:2] / f"{key}.safetensors")
            loss = loss_of(student(unet, entry, config), entry["teacher_latent"], config["loss"]["lambda"])
            (loss / len(line["cache_keys"])).backward()
            losses.append(loss.item())
        norm = torch.nn.utils.clip_grad_norm_(trained, o["clip_norm"]).item()
        for group in adam.param_groups:
            group["lr"] = line["lr"]
        adam.step()
        adam.zero_grad()
        mean = sum(losses) / len(losses)
        errors = abs(mean - line["loss"]) / mean, abs(norm - line["grad_norm"]) / norm
        worst = max(worst, *errors)
        print(f"update {line['step']}: loss {mean:.6f} (log {line['loss']:.6f}), gradient {norm:.5f} (log {line['grad_norm']:.5f})")

    weights = run / "checkpoints" / f"step-{updates:06d}" / "unet" / "diffusion_pytorch_model.safetensors"
    moved = off = frozen = 0.0
    with safe_open(weights, "pt") as file:
        for name, value in unet.state_dict().items():
            ours = file.get_tensor(name)
            if name in names:
                moved += (value - before[name]).square().sum().item()
                off += (ours - value).square().sum().item()
            else:
                frozen = max(frozen, (ours - before[name]).abs().max().item())
    share = math.sqrt(off / moved)
    print(f"{run.name}: worst loss or gradient {worst:.1e}, weights off by {share:.1e} of their way, frozen moved by {frozen}")
    return worst < 2e-4 and share < 1e-2 and frozen == 0


def write_clips(root):
    y, x = np.mgrid[0:64, 0:128]
    for s in range(2):
        (root / f"clip{s}").mkdir(parents=True)
        for t in range(6):
            waves = [np.sin(0.05 * (s + 2) * (x + 2 * t)) + np.cos(0.11 * (y - t) + c + s) for c in range(3)]
            cv2.imwrite(str(root / f"clip{s}" / f"{t:04d}.png"), (127.5 + 60 * np.stack(waves, -1)).astype(np.uint8))


def make_and_replay(program):
    config = Path(__file__).resolve().parents[2] / "configs" / "tiny"
    with tempfile.TemporaryDirectory() as folder:
        write_clips(Path(folder) / "clips")
        good = True
        for variant in ("deterministic", "stochastic"):
            run = Path(folder) / variant
            subprocess.run(
                [program, "-q", "-c", config / f"stage1_{variant}.yaml", "-o", run, f"data.root={folder}/clips", "data.frames=2",
                 "data.clips=3", "data.holdout=[]", "train.max_steps=4", "train.threads=1", "validation.every=0"],
                check=True)
            good = replay(run, 4) and good
        return good


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("run", type=Path, nargs="?")
    parser.add_argument("--updates", type=int, default=20)
    parser.add_argument("--program")
    args = parser.parse_args()
    torch.set_num_threads(1)
    good = make_and_replay(args.program) if args.program else replay(args.run, args.updates)
    sys.exit(0 if good else 1)


if __name__ == "__main__":
    main()
