#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The models and the stage-1 step of vdd beside their Python originals, in one process.

    peer_bench.py --ops build/release/lib/libvdd_ops.so --size small --op stage1 --rounds 7

Both sides load the same weights, see the same tensors and use the same threads; rounds are interleaved and the outputs
compared. A ratio above 1 means that vdd is faster. `--memory` also runs each side alone in a process of its own and
prints its peak resident memory. Needs torch, diffusers and safetensors.
"""
import argparse
import json
import re
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import torch

SIGMA, SIGMA_MIN, RHO, TEACHER_STEPS, LEARNING_RATE = 700.0, 0.002, 7.0, 5, 1e-5
FRAMES, HEIGHT, WIDTH = 8, 128, 256
SIZES = {  # UNet widths, heads, context width, VAE widths
    "tiny": ((32, 64, 128, 128), (2, 4, 8, 8), 64, (32, 64, 128, 128)),
    "small": ((64, 128, 256, 256), (1, 2, 4, 4), 128, (64, 128, 256, 256)),
}
FROZEN = re.compile(r"(^|\.)(temporal_res_block|temporal_transformer_blocks|time_pos_embed|time_mixer)(\.|$)")


def build_unet(size):
    from diffusers import UNetSpatioTemporalConditionModel

    channels, heads, cross, _ = SIZES[size]
    return UNetSpatioTemporalConditionModel(
        block_out_channels=channels, num_attention_heads=heads, cross_attention_dim=cross, num_frames=FRAMES,
        addition_time_embed_dim=32, projection_class_embeddings_input_dim=96).eval()


def build_vae(size):
    from diffusers import AutoencoderKLTemporalDecoder

    channels = SIZES[size][3]
    return AutoencoderKLTemporalDecoder(
        block_out_channels=channels, down_block_types=("DownEncoderBlock2D",) * len(channels), layers_per_block=2).eval()


def inputs(size):
    generator = torch.Generator().manual_seed(1)
    h, w, cross = HEIGHT // 8, WIDTH // 8, SIZES[size][2]
    draw = lambda *shape: torch.randn(*shape, generator=generator)  # noqa: E731
    return dict(rgb=draw(FRAMES, 4, h, w), noise=draw(FRAMES, 4, h, w), token=draw(1, cross), target=draw(FRAMES, 4, h, w),
                images=draw(FRAMES, 3, HEIGHT, WIDTH).clamp(-1, 1), ids=torch.tensor([[7.0, 127.0, 0.02]]))


def denoise(unet, x, rgb, sigma, token, ids):
    variance = sigma * sigma + 1
    t = torch.full((1,), 0.25 * float(torch.log(torch.tensor(sigma))))
    v = unet(torch.cat([x / variance ** 0.5, rgb], 1)[None], t, token[None], ids, return_dict=False)[0][0]
    return x / variance - v * (sigma / variance ** 0.5)


def karras(n):
    hi, lo = SIGMA ** (1 / RHO), SIGMA_MIN ** (1 / RHO)
    return [(hi + i / (n - 1) * (lo - hi)) ** RHO for i in range(n)] + [0.0]


def python_side(op, size, folder, data):
    """A callable that does the work of `op` once and returns what can be compared."""
    if op == "unet":
        unet = load_unet(folder)
        sample = torch.cat([data["noise"], data["rgb"]], 1)[None]

        def run():
            with torch.inference_mode():
                return unet(sample, torch.tensor([1.6378]), data["token"][None], data["ids"], return_dict=False)[0]
        return run
    if op in ("vae_encode", "vae_decode"):
        from diffusers import AutoencoderKLTemporalDecoder

        vae = AutoencoderKLTemporalDecoder.from_pretrained(folder).eval()

        def run():
            with torch.inference_mode():
                if op == "vae_encode":
                    return vae.quant_conv(vae.encoder(data["images"]))
                return vae.decode(data["noise"], num_frames=FRAMES).sample
        return run
    student = load_unet(folder)
    teacher = load_unet(folder).requires_grad_(False) if op == "stage1" else None
    for name, parameter in student.named_parameters():
        parameter.requires_grad_(not FROZEN.search(name))
    optimizer = torch.optim.Adam([p for p in student.parameters() if p.requires_grad], lr=LEARNING_RATE)

    def run():
        target = data["target"]
        if teacher is not None:
            with torch.inference_mode():
                x, sigmas = data["noise"] * (SIGMA ** 2 + 1) ** 0.5, karras(TEACHER_STEPS)
                for a, b in zip(sigmas, sigmas[1:]):
                    x = x + (x - denoise(teacher, x, data["rgb"], a, data["token"], data["ids"])) / a * (b - a)
            target = x.clone()
        d = denoise(student, data["noise"] * (SIGMA ** 2 + 1) ** 0.5, data["rgb"], SIGMA, data["token"], data["ids"]) - target
        loss = 0.5 * d.square().mean() + 0.5 * (d.diff(dim=-1).abs().sum() + d.diff(dim=-2).abs().sum()) / d.numel()
        loss.backward()
        optimizer.step()
        optimizer.zero_grad(set_to_none=True)
        return loss.detach()
    return run


def load_unet(folder):
    from diffusers import UNetSpatioTemporalConditionModel

    return UNetSpatioTemporalConditionModel.from_pretrained(folder).eval()


def vdd_side(op, size, folder, data):
    classes = torch.classes.vdd
    if op == "unet":
        unet, sample = classes.UNet(folder), torch.cat([data["noise"], data["rgb"]], 1)[None]
        return lambda: unet.forward(sample, torch.tensor([1.6378]), data["token"][None], data["ids"])
    if op in ("vae_encode", "vae_decode"):
        vae = classes.Vae(folder)
        return (lambda: vae.encode(data["images"])) if op == "vae_encode" else (lambda: vae.decode(data["noise"], FRAMES))
    stage, tokens = classes.Stage1(folder, TEACHER_STEPS, LEARNING_RATE), data["token"].expand(FRAMES, -1).contiguous()
    target = None if op == "stage1" else data["target"]
    return lambda: torch.tensor(stage.step(data["rgb"], tokens, data["noise"], target))


SIDES = {"pytorch": python_side, "vdd": vdd_side}


def peak_mib():
    return int(re.search(r"^VmHWM:\s+(\d+)", Path("/proc/self/status").read_text(), re.M).group(1)) / 1024


def resident_mib():
    return int(re.search(r"^VmRSS:\s+(\d+)", Path("/proc/self/status").read_text(), re.M).group(1)) / 1024


def child(args, side, folder):
    """Peak memory of one side alone, in a process of its own that has imported the same modules."""
    command = [sys.executable, __file__, "--ops", args.ops, "--size", args.size, "--op", args.op, "--threads",
               str(args.threads), "--child", side, "--folder", folder]
    return json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout.splitlines()[-1])


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--ops", required=True, help="libvdd_ops.so")
    parser.add_argument("--size", choices=SIZES, default="tiny")
    parser.add_argument("--op", choices=("unet", "vae_encode", "vae_decode", "stage1", "student"), default="stage1",
                        help="student: stage 1 with the teacher's latent at hand")
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--memory", action="store_true")
    parser.add_argument("--child", choices=SIDES, help=argparse.SUPPRESS)
    parser.add_argument("--folder", help=argparse.SUPPRESS)
    args = parser.parse_args()
    torch.set_num_threads(args.threads)
    torch.classes.load_library(args.ops)
    data = inputs(args.size)
    if args.child:
        import diffusers  # noqa: F401  (both sides pay for it)

        run = SIDES[args.child](args.op, args.size, args.folder, data)
        built = resident_mib()
        run(), run()
        print(json.dumps({"built_mib": built, "peak_mib": peak_mib()}))
        return
    with tempfile.TemporaryDirectory() as folder:
        torch.manual_seed(0)
        (build_vae if args.op.startswith("vae") else build_unet)(args.size).save_pretrained(folder)
        runs = {name: side(args.op, args.size, folder, data) for name, side in SIDES.items()}
        outputs = {name: run() for name, run in runs.items()}
        scale = outputs["pytorch"].abs().max().item()
        difference = (outputs["vdd"] - outputs["pytorch"]).abs().max().item() / scale
        times = {name: [] for name in runs}
        for _ in range(args.rounds):
            for name, run in runs.items():
                start = time.perf_counter()
                run()
                times[name].append(time.perf_counter() - start)
        memory = {name: child(args, name, folder) for name in runs} if args.memory else {}
    best = {name: min(t) * 1e3 for name, t in times.items()}
    median = {name: statistics.median(t) * 1e3 for name, t in times.items()}
    print(f"{args.op} {args.size}, {args.threads} threads, {args.rounds} rounds: "
          f"PyTorch {best['pytorch']:.0f} ms (median {median['pytorch']:.0f}), vdd {best['vdd']:.0f} ms (median {median['vdd']:.0f}), "
          f"ratio {best['pytorch'] / best['vdd']:.2f} (medians {median['pytorch'] / median['vdd']:.2f}), "
          f"largest difference {difference:.1e}")
    for name, m in memory.items():
        print(f"  {name}: {m['peak_mib']:.0f} MiB at most, {m['built_mib']:.0f} MiB with the model built")


if __name__ == "__main__":
    main()
