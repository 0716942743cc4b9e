#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Repeats a training of either stage with PyTorch and diffusers, from nothing but its run folder.

    replay.py RUN [--updates N]     an existing run of distill_unet or distill_decoder
    replay.py --programs DIR        makes clips and a short run of each variant first, as the test does

metrics.jsonl names the cache entry and noise seed of every sample; the entries hold the teacher's answers; so the student,
its losses and Adam can be run again. A head without
head.init_from is drawn again from its seed. At each checkpoint the change of the weights since the last must agree within 1 % of
its size, and goes on from the run's. Losses must agree within 2e-4, gradient norms as well where the weights are the run's own, at
the start and after a checkpoint; elsewhere within 5e-3: the gradient losses are L1, so where rounding, which Adam enlarges, has
moved a difference across zero, the gradient of that pixel has the other sign. Exit status 1 if they do not agree, 77 if a
package is missing.
"""
import argparse
import hashlib
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
    from dpt_temporal import TemporalDPTHead
    from safetensors.torch import load_file
except ImportError as missing:
    print(f"skipped: {missing}")
    sys.exit(77)

SIGMA = 700.0
ROOT = math.sqrt(SIGMA**2 + 1)


IDLE = ["!attn2.to_q", "!attn2.to_k"]  # behind a context of one token, and so are the norms before them
TEMPORAL = ["temporal_res_block", "temporal_transformer_blocks", "time_pos_embed", "time_mixer"]
PRESETS = {
    "all": ["*", *IDLE, "!transformer_blocks.*.norm2", "!temporal_transformer_blocks.*.norm2"],
    "spatial": ["*", *(f"!{part}" for part in TEMPORAL), *IDLE, "!transformer_blocks.*.norm2"],
    "temporal": [*TEMPORAL, *IDLE, "!temporal_transformer_blocks.*.norm2"],
}
AFTER_PRESET = ["dpt_head", "!unet.conv_norm_out", "!unet.conv_out", "!refinenet4.resConfUnit1"]  # in stage 2


def patterns_of(config):
    trained = config["trained"]
    return trained["patterns"] or PRESETS[trained["preset"]] + (AFTER_PRESET if "head" in config else [])


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


def student(unet, entry, config, taps=()):
    """The denoised latent, and the outputs of the modules that `taps` names."""
    latent = entry["rgb_latent"]
    if config["student"]["input"] == "rgb_latent":
        start = config["student"]["rgb_latent_scale"] * latent
    else:
        start = torch.randn(latent.shape, generator=torch.Generator().manual_seed(int(entry["noise_seed"])))
    x = start * ROOT
    ids = torch.tensor([[7.0, 127.0, config["teacher"]["noise_aug"]]])
    features = {}
    handles = [unet.get_submodule(tap).register_forward_hook(lambda _m, _args, out, tap=tap: features.update({tap: out}))
               for tap in taps]
    u = run_unet(unet, torch.cat([x / ROOT, latent], 1)[None], torch.tensor(0.25 * math.log(SIGMA)), entry["image_embeds"], ids)
    for handle in handles:
        handle.remove()
    return x / (SIGMA**2 + 1) - u[0] * SIGMA / ROOT, [features[tap] for tap in taps]


def latent_loss(latent, teacher, weight):
    d = latent - teacher
    gradient = (d.diff(dim=-1).abs().sum() + d.diff(dim=-2).abs().sum()) / d.numel()
    return (1 - weight) * d.square().mean() + weight * gradient


def decoder_loss(disparity, paths, entry, loss):
    """With the presets' options: SILog over the clip, affinity over h w, gradients of one scale."""
    target, s = entry["teacher_disparity"], loss["silog"]
    g = torch.log(torch.relu(disparity) + s["eps"]) - torch.log(target + s["eps"])
    silog = s["alpha"] * torch.sqrt(g.var(correction=0) + (1 - s["lambda"]) * g.mean() ** 2 + 1e-12)
    affinity = 0
    for pair in loss["affinity"]["pairs"]:
        theirs = entry["teacher_features." + pair["teacher"]]
        ours = torch.nn.functional.adaptive_avg_pool2d(paths[pair["student"]], theirs.shape[2:])
        a, b = (torch.nn.functional.normalize(f.flatten(2), dim=1) for f in (ours, theirs))
        difference = a.transpose(1, 2) @ a - b.transpose(1, 2) @ b
        affinity = affinity + pair["weight"] * difference.square().sum((1, 2)).mean() / a.shape[2]
    k = disparity - target
    gradient = (k.diff(dim=-1).abs().sum() + k.diff(dim=-2).abs().sum()) / k.numel()
    weights = loss["weights"]
    return weights["silog"] * silog + weights["affinity"] * affinity + weights["gradient"] * gradient


class Student:
    """The modules of a run, with the weights it started from; names as in its log and optimizer."""

    def __init__(self, run, config):
        self.config = config
        teacher = Path(config["model"]["teacher"] or run / "teacher")
        if config["student"]["rgb_latent_scale"] is None:
            config["student"]["rgb_latent_scale"] = json.loads((teacher / "vae" / "config.json").read_text())["scaling_factor"]
        self.unet = UNetSpatioTemporalConditionModel.from_pretrained(Path(config["model"]["student"] or teacher) / "unet")
        self.modules = {"unet": ("", self.unet)}
        if "head" in config:
            self.head = first_head(run, config["head"])
            self.modules = {"unet": ("unet.", self.unet), "dpt_head": ("dpt_head.", self.head)}
        self.weights = {prefix + name: value for prefix, module in self.modules.values()
                        for name, value in module.state_dict(keep_vars=True).items()}

    def checkpoint(self, folder):
        """The weights of a checkpoint, by the same names."""
        return {prefix + name: value for part, (prefix, _) in self.modules.items()
                for name, value in load_file(folder / part / "diffusion_pytorch_model.safetensors").items()}

    def loss(self, entry):
        if "head" not in self.config:
            return latent_loss(student(self.unet, entry, self.config)[0], entry["teacher_latent"], self.config["loss"]["lambda"])
        _, features = student(self.unet, entry, self.config, self.head.taps)
        target, paths = entry["teacher_disparity"], {}
        disparity = self.head(features, *target.shape, paths)
        return decoder_loss(disparity, paths, entry, self.config["loss"])

    def groups(self, trained, lr):
        """Adam's groups, in the order of `lr`, the learning rates of a log line."""
        if len(lr) == 1:
            return [{"params": [self.weights[name] for name in trained]}]
        return [{"params": [self.weights[name] for name in trained if name.startswith(prefix)]}
                for prefix, _ in self.modules.values()]


def first_head(run, config):
    """The head before the first update: of head.init_from, or PyTorch's default draw of each layer from its own seed."""
    if config["init_from"]:
        folder = Path(config["init_from"])
        folder = folder / "dpt_head" if (folder / "dpt_head").is_dir() else folder
    else:
        folder = run / "checkpoints" / "latest" / "dpt_head"  # for the sizes
    head = TemporalDPTHead(**json.loads((folder / "config.json").read_text()))
    if config["init_from"]:
        head.load_state_dict(load_file(folder / "diffusion_pytorch_model.safetensors"))
        return head
    with torch.no_grad():
        for name, layer in head.named_modules():
            if not isinstance(layer, (torch.nn.Conv2d, torch.nn.ConvTranspose2d, torch.nn.Linear)) or name.endswith("proj_out"):
                continue
            seed = int.from_bytes(hashlib.sha256(f"{config['seed']}/0/{name}".encode()).digest()[:8], "little") >> 1
            generator = torch.Generator().manual_seed(seed)
            bound = 1 / math.sqrt(layer.weight[0].numel())
            for parameter in layer.parameters():  # weight, then bias
                parameter.uniform_(-bound, bound, generator=generator)
    return head


def replay(run, updates):
    if not (run / "checkpoints" / f"step-{updates:06d}").is_dir():
        sys.exit(f"{run}: no checkpoint of update {updates} to compare with")
    config = yaml.safe_load((run / "config.resolved.yaml").read_text())
    cache = Path(config["cache"]["dir"] or run / "teacher_cache")
    model = Student(run, config)
    before = {name: value.detach().clone() for name, value in model.weights.items()}
    names = trained_names(before, patterns_of(config))
    for name, parameter in model.weights.items():
        parameter.requires_grad_(name in names)
    trained = [model.weights[name] for name in names]
    lines = [line for line in map(json.loads, open(run / "metrics.jsonl")) if "loss" in line][:updates]
    rates = [key for key in lines[0] if key == "lr" or key.startswith("lr_")]
    o = {k: v if k == "type" else float(v) for k, v in config["optimizer"].items()}  # PyYAML reads 1e-08 as text
    adam = torch.optim.Adam(model.groups(names, rates), lr=o["lr"], betas=(o["beta1"], o["beta2"]), eps=o["eps"],
                            weight_decay=o["weight_decay"])

    loss_errors, own_errors, later_errors, ways, frozen = [], [], [], [], []
    own = True  # the weights are the run's
    for line in lines:
        losses = []
        for key in line["cache_keys"]:
            loss = model.loss(load_file(cache / key[:2] / f"{key}.safetensors"))
            (loss / len(line["cache_keys"])).backward()
            losses.append(loss.item())
        norm = torch.nn.utils.clip_grad_norm_(trained, o["clip_norm"]).item()
        for group, rate in zip(adam.param_groups, rates):
            group["lr"] = line[rate]
        adam.step()
        adam.zero_grad()
        mean = sum(losses) / len(losses)
        loss_errors.append(abs(mean - line["loss"]) / mean)
        (own_errors if own else later_errors).append(abs(norm - line["grad_norm"]) / norm)
        print(f"update {line['step']}: loss {mean:.6f} (log {line['loss']:.6f}), gradient {norm:.5f} (log {line['grad_norm']:.5f})")

        folder = run / "checkpoints" / f"step-{line['step']:06d}"
        own = folder.is_dir()
        if own:
            theirs, moved, off = model.checkpoint(folder), 0.0, 0.0
            for name, ours in model.weights.items():
                if name in names:
                    moved += (theirs[name] - before[name]).square().sum().item()
                    off += (theirs[name] - ours.detach()).square().sum().item()
                else:
                    frozen.append((theirs[name] - before[name]).abs().max().item())
                ours.data.copy_(theirs[name])
            before = theirs
            ways.append(math.sqrt(off / moved))
    print(f"{run.name}: worst loss {max(loss_errors):.1e}, gradient {max(own_errors):.1e} from the run's weights, "
          f"{max(later_errors, default=0):.1e} elsewhere, weights off by {max(ways):.1e} of their way, "
          f"frozen moved by {max(frozen, default=0.0)}")
    bounds = ((loss_errors, 2e-4), (own_errors, 2e-4), (later_errors, 5e-3), (ways, 1e-2))
    return all(error < bound for errors, bound in bounds for error in errors) and not any(frozen)  # NaN fails as well


def write_clips(root):
    y, x = np.mgrid[0:64, 0:128]
    for s in range(2):
        (root / f"clip{s}").mkdir(parents=True)
        for t in range(6):
            waves = [np.sin(0.05 * (s + 2) * (x + 2 * t)) + np.cos(0.11 * (y - t) + c + s) for c in range(3)]
            cv2.imwrite(str(root / f"clip{s}" / f"{t:04d}.png"), (127.5 + 60 * np.stack(waves, -1)).astype(np.uint8))


def make_and_replay(programs):
    config = Path(__file__).resolve().parents[2] / "configs" / "tiny"
    with tempfile.TemporaryDirectory() as folder:
        folder = Path(folder)
        write_clips(folder / "clips")
        good = True
        for program, preset, more in (("distill_unet", "stage1_deterministic", []), ("distill_unet", "stage1_stochastic", []),
                                      ("distill_decoder", "stage2_dpt",
                                       [f"model.student={folder}/stage1_deterministic/checkpoints/latest"])):
            run = folder / preset
            subprocess.run(
                [programs / program, "-q", "-c", config / f"{preset}.yaml", "-o", run, f"data.root={folder}/clips",
                 "data.frames=2", "data.clips=3", "data.holdout=[]", "train.max_steps=4", "train.threads=1",
                 "train.checkpoint_every=1", "train.keep=4", "validation.every=0", *more],
                check=True)
            good = replay(run, 4) and good
        return good


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("run", type=Path, nargs="?")
    parser.add_argument("--updates", type=int, default=20)
    parser.add_argument("--programs", type=Path)
    args = parser.parse_args()
    torch.set_num_threads(1)
    good = make_and_replay(args.programs) if args.programs else replay(args.run, args.updates)
    sys.exit(0 if good else 1)


if __name__ == "__main__":
    main()
