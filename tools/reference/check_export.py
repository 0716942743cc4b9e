#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""What `vdd export` writes, read by diffusers: the same weights, and the same outputs as `vdd forward`.

    check_export.py --vdd build/release/bin/vdd [--checkpoint RUN/checkpoints/best]

Without --checkpoint it makes a random model with diffusers and, from another one's UNet, a checkpoint beside it. Exports in
fp32 and fp16, loads both with StableVideoDiffusionPipeline.from_pretrained, and compares every tensor with the source; the
outputs in fp32 must agree within 2e-5 of the largest. A head is read by dpt_temporal.py as docs/models.md says. Exit status 1 if they do not, 77 if diffusers is not installed.
"""
import argparse
import json
import subprocess
import sys
import tempfile
from pathlib import Path

try:
    import torch
    from diffusers import (AutoencoderKLTemporalDecoder, EulerDiscreteScheduler, StableVideoDiffusionPipeline,
                           UNetSpatioTemporalConditionModel)
    from safetensors.torch import load_file, save_file
    from transformers import CLIPImageProcessor, CLIPVisionConfig, CLIPVisionModelWithProjection
except ImportError as e:
    print(f"skipped: {e}")
    sys.exit(77)

from dpt_temporal import TemporalDPTHead

TOLERANCE = 2e-5


def random_pipeline(seed):
    torch.manual_seed(seed)
    unet = UNetSpatioTemporalConditionModel(
        block_out_channels=(32, 64), down_block_types=("CrossAttnDownBlockSpatioTemporal", "DownBlockSpatioTemporal"),
        up_block_types=("UpBlockSpatioTemporal", "CrossAttnUpBlockSpatioTemporal"), num_attention_heads=(2, 4),
        layers_per_block=1, cross_attention_dim=16, addition_time_embed_dim=8, projection_class_embeddings_input_dim=24)
    vae = AutoencoderKLTemporalDecoder(
        block_out_channels=(32, 64), down_block_types=("DownEncoderBlock2D",) * 2, layers_per_block=1)
    clip = CLIPVisionModelWithProjection(CLIPVisionConfig(
        hidden_size=32, intermediate_size=64, num_hidden_layers=2, num_attention_heads=4, patch_size=56, projection_dim=16,
        hidden_act="gelu"))
    scheduler = EulerDiscreteScheduler(
        beta_start=0.00085, beta_end=0.012, beta_schedule="scaled_linear", prediction_type="v_prediction", sigma_min=0.002,
        sigma_max=700.0, steps_offset=1, timestep_spacing="leading", timestep_type="continuous", use_karras_sigmas=True)
    return StableVideoDiffusionPipeline(vae, clip, unet, scheduler, CLIPImageProcessor())


def make_checkpoint(folder):
    """A student's UNet that names the folder of the teacher for the rest, as the trainer writes it."""
    random_pipeline(1).save_pretrained(folder / "teacher")
    random_pipeline(2).unet.save_pretrained(folder / "checkpoint" / "unet")
    config = dict(taps=["up_blocks.1", "up_blocks.0", "mid_block", "mid_block"], in_channels=[32, 64, 64, 64],
                  in_strides=[8, 8, 16, 16], out_channels=[16, 24, 32, 32], features=32)
    head = folder / "checkpoint" / "dpt_head"
    head.mkdir()
    (head / "config.json").write_text(json.dumps({"_class_name": "TemporalDPTHead"} | config))
    save_file(TemporalDPTHead(**config).state_dict(), head / "diffusion_pytorch_model.safetensors")
    info = {"input": "rgb_latent", "steps": 1, "decoder": "dpt", "base": "../teacher"}
    (folder / "checkpoint" / "vdd.json").write_text(json.dumps(info))
    return folder / "checkpoint"


def run(*command):
    result = subprocess.run([str(c) for c in command], capture_output=True, text=True)
    if result.returncode:
        sys.exit(f"{' '.join(map(str, command))}\nexit {result.returncode}: {result.stderr.strip()}")


def weights(checkpoint):
    """Every tensor of the source, wherever it lies."""
    info = json.loads((checkpoint / "vdd.json").read_text())
    out = {}
    for part in ("unet", "vae", "image_encoder"):
        source = checkpoint / part if (checkpoint / part).is_dir() else checkpoint / info["base"] / part
        (file,) = source.glob("*.safetensors")
        out[part] = load_file(file)
    return out


def check_weights(pipeline, source, dtype):
    for part, tensors in source.items():
        state = getattr(pipeline, part).state_dict()
        missing = set(tensors) ^ set(state)
        if missing:
            sys.exit(f"{part}: names differ: {sorted(missing)[:5]}")
        for name, value in tensors.items():
            if state[name].dtype != dtype or not torch.equal(state[name], value.to(dtype)):
                sys.exit(f"{part}: {name} differs in {dtype}")


def forward(vdd, model, inputs, scratch):
    save_file({k: v.contiguous() for k, v in inputs.items()}, scratch / "in.safetensors")
    run(vdd, "forward", "--model", model, "--input", scratch / "in.safetensors", "--output", scratch / "out.safetensors")
    return load_file(scratch / "out.safetensors")


def check(name, found, wanted):
    error = ((found - wanted).abs().max() / wanted.abs().max()).item()
    print(f"{name:32s} {error:.1e}")
    if not error <= TOLERANCE:
        sys.exit(f"{name}: {error:.1e} is more than {TOLERANCE:.0e}")


def check_outputs(vdd, exported, pipeline, scratch):
    draw = torch.Generator().manual_seed(3)
    unet, vae, clip = pipeline.unet, pipeline.vae, pipeline.image_encoder
    latent, context = unet.config.out_channels, unet.config.cross_attention_dim
    sample = torch.randn(1, 3, unet.config.in_channels, 8, 8, generator=draw)
    embeddings = torch.randn(1, 3, context, generator=draw)
    ids, timestep = torch.tensor([[7.0, 127.0, 0.02]]), torch.tensor([1.6378])
    out = forward(vdd, exported / "unet", {
        "in.sample": sample, "in.timestep": timestep, "in.embeddings": embeddings, "in.added_time_ids": ids,
        "in.loss_weight": torch.ones(1, 3, latent, 8, 8), "in.noise": torch.randn(1, 3, latent, 8, 8, generator=draw),
        "in.video_latents": torch.randn(1, 3, latent, 8, 8, generator=draw)}, scratch)
    check("unet", out["out.base"], unet(sample, timestep, embeddings[:, :1], ids).sample)

    images, z = torch.randn(3, 3, 32, 32, generator=draw), torch.randn(3, vae.config.latent_channels, 8, 8, generator=draw)
    out = forward(vdd, exported / "vae", {"in.images": images, "in.z": z, "in.loss_weight": torch.ones(1)}, scratch)
    check("vae encoder", out["out.mode"], vae.encode(images).latent_dist.mode())
    check("vae decoder", out["out.decoded"], vae.decode(z, num_frames=3).sample)

    pixels = torch.randn(2, 3, clip.config.image_size, clip.config.image_size, generator=draw)
    out = forward(vdd, exported / "image_encoder", {"in.pixels": pixels}, scratch)
    check("image encoder", out["out.image_embeds"], clip(pixels).image_embeds)


def check_head(vdd, exported, source, dtype, scratch):
    config = json.loads((exported / "dpt_head" / "config.json").read_text())
    head = TemporalDPTHead(**config).eval()
    head.load_state_dict(load_file(exported / "dpt_head" / "diffusion_pytorch_model.safetensors"))
    for name, value in load_file(source / "dpt_head" / "diffusion_pytorch_model.safetensors").items():
        if not torch.equal(head.get_parameter(name), value.to(dtype).float()):
            sys.exit(f"dpt_head: {name} differs in {dtype}")
    draw = torch.Generator().manual_seed(4)
    maps = [torch.randn(3, project.in_channels, 64 // stride, 96 // stride, generator=draw)
            for project, stride in zip(head.projects, config["in_strides"])]
    inputs = {f"in.features.{i}": x for i, x in enumerate(maps)} | {"in.loss_weight": torch.ones(3, 64, 96)}
    out = forward(vdd, exported / "dpt_head", inputs, scratch)
    check("head", out["out.disparity"], head(maps, 3, 64, 96))


@torch.no_grad()
def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--vdd", required=True)
    parser.add_argument("--checkpoint", type=Path)
    args = parser.parse_args()
    torch.set_num_threads(2)
    with tempfile.TemporaryDirectory() as name:
        scratch = Path(name)
        checkpoint = args.checkpoint or make_checkpoint(scratch)
        source = weights(checkpoint)
        for dtype, torch_dtype in (("fp32", torch.float32), ("fp16", torch.float16)):
            exported = scratch / dtype
            run(args.vdd, "export", checkpoint, "-o", exported, "--dtype", dtype, "--verify")
            pipeline = StableVideoDiffusionPipeline.from_pretrained(exported, torch_dtype=torch_dtype)
            check_weights(pipeline, source, torch_dtype)
            print(f"{dtype}: every tensor equal")
            if dtype == "fp32":
                check_outputs(args.vdd, exported, pipeline, scratch)
            if (checkpoint / "dpt_head").is_dir():
                check_head(args.vdd, exported, checkpoint, torch_dtype, scratch)


if __name__ == "__main__":
    main()
