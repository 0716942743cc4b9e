#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Tiny random models of diffusers and transformers, and the temporal DPT head of dpt_temporal.py beside this file, and
what they compute, for vdd to match (docs/parity.md).

    parity.py write --out DIR [--seed N] [--no-weights] [--only unet_svd,...]
    parity.py compare --vdd build/release/bin/vdd DIR

`write` makes one folder per case: the model folder in its published layout, golden.safetensors and meta.json.
tests/fixtures/parity is written with --no-weights: every parameter is a draw that vdd's tests repeat (see `value`).
`compare` runs `vdd forward` on each folder and prints the largest max|out - golden| / max|golden| per kind of tensor.

Models run in float64, so a golden value is exact to float32. A gradient that PyTorch itself misses in float32 by more
than the tolerance tells nothing about a port: it is left out, and listed in meta.json as rounding_dominated_gradients.
Parameters are drawn away from their defaults, so that no norm, bias or mixing factor can be left out unnoticed.
Gradients are cut to their first 64 values.
"""
import argparse
import hashlib
import json
import math
import re
import subprocess
import sys
import tempfile
from pathlib import Path

import torch
import torch.nn.functional as F
from diffusers import AutoencoderKLTemporalDecoder, EulerDiscreteScheduler, UNetSpatioTemporalConditionModel
from diffusers.pipelines.stable_video_diffusion.pipeline_stable_video_diffusion import (
    StableVideoDiffusionPipeline, _resize_with_antialiasing)
from safetensors.torch import load_file, save_file
from transformers import CLIPImageProcessor, CLIPVisionConfig, CLIPVisionModelWithProjection

from dpt_temporal import TemporalDPTHead

CROSS_DOWN, DOWN = "CrossAttnDownBlockSpatioTemporal", "DownBlockSpatioTemporal"
CROSS_UP, UP = "CrossAttnUpBlockSpatioTemporal", "UpBlockSpatioTemporal"
SCHEDULER = dict(
    beta_start=0.00085, beta_end=0.012, beta_schedule="scaled_linear", prediction_type="v_prediction", sigma_min=0.002,
    sigma_max=700.0, steps_offset=1, timestep_spacing="leading", timestep_type="continuous", use_karras_sigmas=True)
IDS = (7.0, 127.0, 0.02)

UNETS = {
    # The published layout: attention on all levels but the coarsest. Latents not divisible by the levels.
    "unet_svd": (dict(
        block_out_channels=(32, 64, 64), down_block_types=(CROSS_DOWN, CROSS_DOWN, DOWN),
        up_block_types=(UP, CROSS_UP, CROSS_UP), num_attention_heads=(2, 4, 4), layers_per_block=1,
        cross_attention_dim=16, addition_time_embed_dim=8, projection_class_embeddings_input_dim=24), (1, 3, 6, 10)),
    # Every list per level, block types mixed, several transformer layers, two clips.
    "unet_mixed": (dict(
        block_out_channels=(64, 32), down_block_types=(DOWN, CROSS_DOWN), up_block_types=(UP, CROSS_UP),
        num_attention_heads=(8, 2), layers_per_block=(1, 2), cross_attention_dim=(12, 12),
        transformer_layers_per_block=(1, 2), addition_time_embed_dim=7, projection_class_embeddings_input_dim=21,
        in_channels=8, out_channels=4), (2, 2, 4, 6)),
}
VAES = {
    "vae_wide": (dict(block_out_channels=(32, 64, 64), layers_per_block=2), (1, 3, 16, 24)),
    "vae_plain": (dict(block_out_channels=(64, 32), layers_per_block=1), (2, 2, 8, 12)),  # decoder without attention
}
CLIPS = {
    "clip_gelu": dict(hidden_size=64, intermediate_size=96, num_hidden_layers=2, num_attention_heads=4, patch_size=28,
                      projection_dim=24, hidden_act="gelu"),
    "clip_quick": dict(hidden_size=48, intermediate_size=96, num_hidden_layers=1, num_attention_heads=2, patch_size=56,
                       projection_dim=16, hidden_act="quick_gelu", layer_norm_eps=1e-4),
}
# Config, clips, frames of a clip, size of each tap, image size. A motion module of 32 channels on a small map would amplify
# rounding: its norm has one channel per group.
DPTS = {
    # The taps of the published UNet, two clips, odd sizes: every resizing to a given size is seen.
    "dpt_svd": (dict(in_channels=[32, 48, 64, 16], in_strides=[8, 8, 16, 32], out_channels=[24, 40, 64, 96], features=64,
                     activation="softplus"), 2, 2, ((6, 9), (6, 9), (3, 5), (2, 3)), (46, 70)),
    # The four resize layers of Video-Depth-Anything, which starts from one grid.
    "dpt_vda": (dict(in_channels=[20] * 4, in_strides=[16] * 4, out_channels=[16, 24, 96, 64], features=64,
                     activation="identity"), 1, 5, ((3, 4),) * 4, (42, 56)),
}
PIPELINE = dict(
    unet=dict(block_out_channels=(32, 32), down_block_types=(CROSS_DOWN, DOWN), up_block_types=(UP, CROSS_UP),
              num_attention_heads=2, layers_per_block=1, cross_attention_dim=16, addition_time_embed_dim=8,
              projection_class_embeddings_input_dim=24),
    vae=dict(block_out_channels=(32, 32), layers_per_block=1),
    clip=dict(hidden_size=32, intermediate_size=64, num_hidden_layers=1, num_attention_heads=2, patch_size=56,
              projection_dim=16, hidden_act="gelu"),
    frames=8, size=(16, 32), settings=dict(steps=3, window=5, overlap=2, noise_aug=0.02, decode_chunk=3))


def generator(seed, name):
    """vdd::derive_seed(seed, 0, name)."""
    digest = hashlib.sha256(f"{seed}/0/{name}".encode()).digest()
    return torch.Generator().manual_seed(int.from_bytes(digest[:8], "little") >> 1)


def draw(seed, name, *shape):
    return torch.randn(shape, generator=generator(seed, name))


def value(seed, name, shape):
    """A parameter: standard normal numbers, scaled by its role."""
    noise = draw(seed, name, *shape)
    if name.endswith("mix_factor"):
        return 0.8 + 0.3 * noise
    if re.search(r"norm[^.]*(\.\d+)?\.weight$", name):
        return 1 + 0.2 * noise
    if len(shape) == 1:
        return 0.1 * noise
    return noise / math.sqrt(math.prod(shape[1:]))


def fill(model, seed):
    for name, parameter in model.named_parameters():
        parameter.data = value(seed, name, parameter.shape)
    return model.eval()


class Capture:
    """Outputs of named modules, and inputs of upsamplers, during a forward pass."""

    def __init__(self, model, names, rename=lambda name: name):
        self.tensors, self.handles = {}, []
        for name in names:
            module = model.get_submodule(name)
            self.handles.append(module.register_forward_hook(
                lambda _m, _i, out, key=rename(name): self.put(key, out)))
            upsampler = getattr(module, "upsamplers", None) if name.startswith("up_blocks") else None
            if upsampler:
                self.handles.append(upsampler[0].register_forward_pre_hook(
                    lambda _m, inputs, key=name + ".pre_upsample": self.put(key, inputs)))

    def put(self, key, out):
        self.tensors["feat." + key] = (out[0] if isinstance(out, tuple) else out).detach()

    def close(self):
        for handle in self.handles:
            handle.remove()
        return self.tensors


def run_unet(unet, sample, timestep, tokens, ids):
    """tokens [B,1,D] as in the base model, or [B,F,D]: DepthCrafter gives every frame its own."""
    if tokens.shape[1] == 1:
        return unet(sample, timestep, tokens, ids, return_dict=False)[0]

    def per_frame(_module, args, kwargs):
        if "encoder_hidden_states" in kwargs:
            kwargs["encoder_hidden_states"] = tokens.flatten(0, 1).unsqueeze(1)
        return args, kwargs

    handles = [block.register_forward_pre_hook(per_frame, with_kwargs=True)
               for block in [*unet.down_blocks, unet.mid_block, *unet.up_blocks]]
    try:
        return unet(sample, timestep, tokens[:, :1], ids, return_dict=False)[0]
    finally:
        for handle in handles:
            handle.remove()


def euler(predict, scheduler, x, steps, note=lambda key, tensor: None):
    """The scheduler's own loop."""
    scheduler.set_timesteps(steps)
    note("x.0", x)
    note("sigmas", scheduler.sigmas)
    note("timesteps", scheduler.timesteps)
    for i, t in enumerate(scheduler.timesteps):
        scaled = scheduler.scale_model_input(x, t)
        output = predict(scaled, t)
        step = scheduler.step(output, t, x)
        x = step.prev_sample
        for key, tensor in (("scaled", scaled), ("unet", output), ("denoised", step.pred_original_sample)):
            note(f"{key}.{i}", tensor)
        note(f"x.{i + 1}", x)
    return x


def gradients(model, prefix="grad."):
    found = {prefix + name: p.grad.flatten()[:64] for name, p in model.named_parameters() if p.grad is not None}
    model.zero_grad()
    return found


def write_unet(folder, seed, dtype, weights, config, shape):
    batch, frames, height, width = shape
    unet = fill(UNetSpatioTemporalConditionModel(sample_size=8, num_frames=3, **config), seed)
    unet.save_pretrained(folder) if weights else unet.save_config(folder)
    unet.to(dtype)
    dim = config["cross_attention_dim"]
    dim = dim if isinstance(dim, int) else dim[0]
    gold = {
        "in.sample": draw(seed, "in.sample", batch, frames, 8, height, width),
        "in.timestep": torch.tensor([1.6, -0.4][:batch]),
        "in.embeddings": draw(seed, "in.embeddings", batch, frames, dim),
        "in.added_time_ids": torch.tensor([IDS, (6.0, 33.0, 0.1)][:batch]),
        "in.loss_weight": draw(seed, "in.loss_weight", batch, frames, 4, height, width),
        "in.noise": draw(seed, "in.noise", batch, frames, 4, height, width),
        "in.video_latents": 3 * draw(seed, "in.video_latents", batch, frames, 4, height, width)}
    sample, tokens = (gold[f"in.{k}"].to(dtype).requires_grad_() for k in ("sample", "embeddings"))
    t, ids = gold["in.timestep"], gold["in.added_time_ids"]

    names = ["time_proj", "add_time_proj", "time_embedding", "add_embedding", "conv_in", "mid_block", "conv_norm_out"]
    names += [f"{side}_blocks.{i}" for side in ("down", "up") for i in range(len(unet.down_blocks))]
    capture = Capture(unet, names)
    out = run_unet(unet, sample, t, tokens, ids)
    gold |= capture.close()
    loss = (out * gold["in.loss_weight"]).mean()
    loss.backward()
    gold |= {"out.per_frame": out, "out.loss": loss, "grad_in.sample": sample.grad, "grad_in.embeddings": tokens.grad}
    gold |= gradients(unet)
    with torch.no_grad():
        gold["out.base"] = run_unet(unet, sample, t, tokens[:, :1], ids)

    video = gold["in.video_latents"].to(dtype)
    scheduler = EulerDiscreteScheduler(**SCHEDULER)
    scheduler.set_timesteps(5)
    x = gold["in.noise"].to(dtype) * scheduler.init_noise_sigma
    with torch.no_grad():
        euler(lambda s, t: run_unet(unet, torch.cat([s, video], 2), t, tokens, ids), scheduler, x, 5,
              lambda key, tensor: gold.__setitem__("teacher." + key, tensor))
    sigma = 700.0
    scaled = torch.cat([x / math.sqrt(sigma**2 + 1), video], 2)
    output = run_unet(unet, scaled, torch.tensor(0.25 * math.log(sigma)), tokens.detach(), ids)
    denoised = x / (sigma**2 + 1) - output * sigma / math.sqrt(sigma**2 + 1)
    loss = F.mse_loss(denoised, gold["teacher.x.5"])
    loss.backward()
    gold |= {"student.denoised": denoised, "student.loss": loss} | gradients(unet, "student.grad.")
    return gold, {}


def write_vae(folder, seed, dtype, weights, config, shape):
    batch, frames, height, width = shape
    levels = len(config["block_out_channels"])
    vae = AutoencoderKLTemporalDecoder(down_block_types=("DownEncoderBlock2D",) * levels, sample_size=16, **config)
    fill(vae, seed)
    vae.save_pretrained(folder) if weights else vae.save_config(folder)
    vae.to(dtype)
    scale = 2 ** (levels - 1)
    count = batch * frames
    gold = {"in.images": draw(seed, "in.images", count, 3, height, width).tanh(),
            "in.z": 4 * draw(seed, "in.z", count, 4, height // scale, width // scale),
            "in.loss_weight": draw(seed, "in.loss_weight", count, 3, height, width)}
    names = ["encoder", "encoder.mid_block", "encoder.mid_block.attentions.0", "decoder.conv_in", "decoder.mid_block",
             "decoder.mid_block.resnets.0", "decoder.conv_out"]
    names += [f"encoder.down_blocks.{i}" for i in range(levels)] + [f"decoder.up_blocks.{i}" for i in range(levels)]
    capture = Capture(vae, names)
    with torch.no_grad():
        posterior = vae.encode(gold["in.images"].to(dtype)).latent_dist
    z = gold["in.z"].to(dtype).requires_grad_()
    decoded = vae.decode(z, num_frames=frames).sample
    gold |= capture.close()
    (decoded * gold["in.loss_weight"]).mean().backward()
    gold |= {"out.moments": posterior.parameters, "out.mode": posterior.mode(), "out.std": posterior.std,
             "out.decoded": decoded, "grad_in.z": z.grad} | gradients(vae)
    with torch.no_grad():
        gold["out.decoded_single_frames"] = vae.decode(z, num_frames=1).sample
    return gold, {"num_frames": frames}


def write_dpt(folder, seed, dtype, weights, config, clips, frames, sizes, image):
    head = fill(TemporalDPTHead(**config), seed)
    (folder / "config.json").write_text(json.dumps({"_class_name": "TemporalDPTHead"} | config, indent=2) + "\n")
    if weights:
        save_file(head.state_dict(), str(folder / "diffusion_pytorch_model.safetensors"))
    head.to(dtype)
    gold = {f"in.features.{i}": draw(seed, f"in.features.{i}", clips * frames, channels, *size)
            for i, (channels, size) in enumerate(zip(config["in_channels"], sizes))}
    gold["in.loss_weight"] = draw(seed, "in.loss_weight", clips * frames, *image)
    maps = [gold[f"in.features.{i}"].to(dtype).requires_grad_() for i in range(4)]
    paths = {}
    out = head(maps, frames, *image, paths)
    loss = (out * gold["in.loss_weight"]).mean()
    loss.backward()
    gold |= {f"feat.{name}": tensor for name, tensor in paths.items()}
    gold |= {f"grad_in.features.{i}": x.grad for i, x in enumerate(maps)}
    gold |= {"out.disparity": out, "out.loss": loss} | gradients(head)
    return gold, {"num_frames": frames, "height": image[0], "width": image[1]}


def write_clip(folder, seed, dtype, weights, config):
    clip = fill(CLIPVisionModelWithProjection(CLIPVisionConfig(**config)), seed)
    clip.save_pretrained(folder) if weights else clip.config.save_pretrained(folder)
    if not weights:  # the class is noted when a model is saved
        path = folder / "config.json"
        path.write_text(json.dumps(json.loads(path.read_text()) | {"architectures": [type(clip).__name__]}, indent=2))
    clip.to(dtype)
    gold = {"in.pixels_28": draw(seed, "in.pixels", 2, 3, 28, 28)}
    names = ["vision_model.embeddings", "vision_model.pre_layrnorm", "vision_model.encoder.layers.0"]
    capture = Capture(clip, names, lambda name: name.removeprefix("vision_model.").removeprefix("encoder."))
    with torch.no_grad():
        output = clip(F.interpolate(gold["in.pixels_28"], scale_factor=8, mode="nearest").to(dtype))
    gold |= {key: tensor[:1, :9] for key, tensor in capture.close().items()}
    return gold | {"out.image_embeds": output.image_embeds, "feat.last_hidden_state": output.last_hidden_state[:1, :9]}, {}


def pixels_for_clip(frames):
    resized = (_resize_with_antialiasing(frames.float(), (224, 224)) + 1) / 2
    processor = CLIPImageProcessor()
    mean, std = (torch.tensor(v).view(3, 1, 1) for v in (processor.image_mean, processor.image_std))
    return (resized - mean) / std


def windowed(unet, scheduler, latents, embeds, noise, steps, window, overlap, noise_aug, note):
    """DepthCrafter's loop over windows (depth_crafter_ppl.py), guidance off. All tensors [1, frames, ...]."""
    total = latents.shape[1]
    if total <= window:
        window, overlap = total, 0
    ids = torch.tensor([[IDS[0], IDS[1], noise_aug]])
    scheduler.set_timesteps(steps)
    pool = noise * scheduler.init_noise_sigma
    result, start, index = None, 0, 0
    while start < total - overlap:
        end = min(start + window, total)
        scheduler.set_timesteps(steps)
        x = pool[:, :end - start].clone()
        pool = torch.cat([pool[:, window - overlap:], pool[:, :window - overlap]], 1)
        if result is not None:
            x[:, :overlap] = result[:, -overlap:] + x[:, :overlap] / scheduler.init_noise_sigma * scheduler.sigmas[0]
        note(f"window.{index}.start", x)
        x = euler(lambda s, t: run_unet(unet, torch.cat([s, latents[:, start:end]], 2), t, embeds[:, start:end], ids),
                  scheduler, x, steps)
        note(f"window.{index}.end", x)
        if result is None:
            result = x
        else:
            w = torch.linspace(0, 1, overlap).view(1, -1, 1, 1, 1)
            seam = x[:, :overlap] * w + result[:, -overlap:] * (1 - w)
            result = torch.cat([result[:, :-overlap], seam, x[:, overlap:]], 1)
        start, index = start + window - overlap, index + 1
    return result


def write_pipeline(folder, seed, dtype, weights, spec):
    settings = spec["settings"]
    unet = fill(UNetSpatioTemporalConditionModel(sample_size=8, num_frames=3, **spec["unet"]), seed)
    vae = fill(AutoencoderKLTemporalDecoder(
        down_block_types=("DownEncoderBlock2D",) * len(spec["vae"]["block_out_channels"]), **spec["vae"]), seed)
    clip = fill(CLIPVisionModelWithProjection(CLIPVisionConfig(**spec["clip"])), seed)
    scheduler = EulerDiscreteScheduler(**SCHEDULER)
    StableVideoDiffusionPipeline(vae, clip, unet, scheduler, CLIPImageProcessor()).save_pretrained(folder)
    if not weights:
        for path in folder.rglob("*.safetensors"):
            path.unlink()
    unet.to(dtype), vae.to(dtype), clip.to(dtype)

    count, (height, width) = spec["frames"], spec["size"]
    smooth = F.interpolate(draw(seed, "in.frames", count, 3, height // 8, width // 8), size=(height, width), mode="bilinear")
    gold = {"in.frames": (smooth * 60 + 128).round().clamp(0, 255).to(torch.uint8),
            "in.pixel_noise": draw(seed, "in.pixel_noise", count, 3, height, width),
            "in.latent_noise": draw(seed, "in.latent_noise", 1, settings["window"], 4, height // 2, width // 2)}
    chunk, loop = settings["decode_chunk"], {k: settings[k] for k in ("steps", "window", "overlap", "noise_aug")}

    def note(key, tensor):
        gold["out." + key] = tensor.clone()

    def decode(latents):
        z = latents[0] / vae.config.scaling_factor
        decoded = torch.cat([vae.decode(part, num_frames=len(part)).sample for part in z.split(chunk)])
        gray = (decoded / 2 + 0.5).clamp(0, 1).mean(1)
        return decoded, (gray - gray.min()) / (gray.max() - gray.min())

    with torch.no_grad():
        video = gold["in.frames"].float() / 255 * 2 - 1
        embeds = clip(pixels_for_clip(video).to(dtype)).image_embeds[None]
        noisy = video + settings["noise_aug"] * gold["in.pixel_noise"]
        latents = vae.encode(noisy.to(dtype)).latent_dist.mode()[None]
        note("embeddings", embeds)
        note("video_latents", latents)
        noise = gold["in.latent_noise"].to(dtype)
        result = windowed(unet, scheduler, latents, embeds, noise, note=note, **loop)
        decoded, disparity = decode(result)
        gold |= {"out.latents": result, "out.decoded": decoded, "out.disparity": disparity}
        short = windowed(unet, scheduler, latents[:, :3], embeds[:, :3], noise[:, :3], note=lambda *_: None,
                         **(loop | {"steps": 1}))
        gold |= {"out.onestep_3frames.latents": short, "out.onestep_3frames.disparity": decode(short)[1]}
    return gold, dict(settings)


def write_schedule(folder, seed, dtype, weights):
    """Sigmas and timesteps of several scheduler configs, and CLIP's preprocessing; for unit tests."""
    variants = {
        "svd": SCHEDULER,
        "leading": dict(prediction_type="epsilon", timestep_spacing="leading", steps_offset=1),
        "trailing": dict(prediction_type="v_prediction", timestep_spacing="trailing", beta_schedule="scaled_linear"),
        "linspace": dict(prediction_type="sample", final_sigmas_type="sigma_min"),
        "karras": dict(use_karras_sigmas=True, timestep_spacing="trailing", beta_end=0.012)}
    gold, meta = {}, {"schedulers": variants}
    for label, config in variants.items():
        scheduler = EulerDiscreteScheduler(**config)
        for steps in (1, 2, 5, 25):
            scheduler.set_timesteps(steps)
            gold[f"{label}.{steps}.sigmas"] = scheduler.sigmas
            gold[f"{label}.{steps}.timesteps"] = scheduler.timesteps
            gold[f"{label}.{steps}.init"] = torch.tensor(float(scheduler.init_noise_sigma))
        x = draw(seed, "x", 2, 4, 3, 3) * scheduler.init_noise_sigma
        outputs = [draw(seed, f"output.{i}", 2, 4, 3, 3) for i in range(5)]
        given = iter(outputs)
        gold[f"{label}.walk.start"], gold[f"{label}.walk.outputs"] = x, torch.stack(outputs)
        gold[f"{label}.walk.end"] = euler(lambda s, t: next(given), scheduler, x, 5)
    for label, height, width in (("shrink", 320, 448), ("mixed", 96, 320), ("enlarge", 64, 96), ("same", 224, 224)):
        frames = draw(seed, label, 1, 3, height // 8, width // 8)
        gold[f"clip.{label}.in"] = frames
        frames = F.interpolate(frames, size=(height, width), mode="nearest")
        gold[f"clip.{label}.out"] = pixels_for_clip(frames)[..., ::8, ::8]
    return gold, meta


def cases():
    for name, spec in UNETS.items():
        yield name, write_unet, spec
    for name, spec in VAES.items():
        yield name, write_vae, spec
    for name, spec in CLIPS.items():
        yield name, write_clip, (spec,)
    for name, spec in DPTS.items():
        yield name, write_dpt, spec
    yield "pipeline", write_pipeline, (PIPELINE,)
    yield "schedule", write_schedule, ()


TOLERANCE = {"grad": 1e-3, "onestep": 3e-4}  # one Euler step at sigma 700 cancels


def relative_error(got, wanted):
    """max|got - wanted| / max|wanted|; infinite where that says nothing."""
    largest = wanted.abs().max().item()
    if got.numel() != wanted.numel() or largest == 0:
        return math.inf
    return (got.flatten().double() - wanted.flatten().double()).abs().max().item() / largest


def write(args):
    torch.set_num_threads(1)
    torch.use_deterministic_algorithms(True)
    only = set(filter(None, args.only.split(",")))
    for name, make, spec in cases():
        if only and name not in only:
            continue
        folder = args.out / name
        folder.mkdir(parents=True, exist_ok=True)
        gold, meta = make(folder, args.seed, torch.float64, not args.no_weights, *spec)
        single, _ = make(folder, args.seed, torch.float32, not args.no_weights, *spec)
        dominated = [k for k in gold if "grad" in k and relative_error(single[k], gold[k]) > TOLERANCE["grad"]]
        if dominated:
            meta |= {"rounding_dominated_gradients": dominated}
            gold = {k: v for k, v in gold.items() if k not in dominated}
        tensors = {k: v.detach().to(torch.float32 if v.is_floating_point() else v.dtype).clone().contiguous()
                   for k, v in gold.items()}
        save_file(tensors, str(folder / "golden.safetensors"))
        (folder / "meta.json").write_text(json.dumps(meta | {"seed": args.seed}, indent=1) + "\n")
        print(f"{name:12s} {len(tensors):4d} tensors, {sum(p.stat().st_size for p in folder.rglob('*')):9d} bytes")


def kind(name):
    parts = name.split(".")
    return next((k for k in ("grad", "grad_in", "onestep_3frames") if k in parts), parts[0])


def compare(args):
    broken = False
    for folder in sorted(p.parent for p in args.folder.glob("*/golden.safetensors")):
        if not any((folder / f).exists() for f in ("config.json", "model_index.json")):
            continue
        with tempfile.TemporaryDirectory() as tmp:
            out_file = f"{tmp}/out.safetensors"
            subprocess.run([args.vdd, "forward", "--model", folder, "--input", folder / "golden.safetensors", "--output",
                            out_file, "--grad"], check=True)
            out = load_file(out_file)
        worst = {}
        for name, golden in load_file(folder / "golden.safetensors").items():
            if not name.startswith("in."):
                got = out[name].flatten()[:64] if kind(name) == "grad" else out[name]
                worst[kind(name)] = max(worst.get(kind(name), 0), relative_error(got, golden))
        for key, error in sorted(worst.items()):
            limit = next((v for k, v in TOLERANCE.items() if key.startswith(k)), 2e-5)
            broken |= not error <= limit
            print(f"{folder.name:12s} {key:16s} {error:9.2e} of {limit:.0e}{'' if error <= limit else '  BROKEN'}")
    sys.exit(1 if broken else 0)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    commands = parser.add_subparsers(required=True)
    command = commands.add_parser("write")
    command.add_argument("--out", type=Path, required=True)
    command.add_argument("--seed", type=int, default=0)
    command.add_argument("--only", default="")
    command.add_argument("--no-weights", action="store_true")
    command.set_defaults(run=write)
    command = commands.add_parser("compare")
    command.add_argument("folder", type=Path)
    command.add_argument("--vdd", required=True)
    command.set_defaults(run=compare)
    args = parser.parse_args()
    args.run(args)


if __name__ == "__main__":
    main()
