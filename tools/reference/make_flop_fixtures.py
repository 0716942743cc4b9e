#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Writes how many floating-point operations diffusers and transformers need, by PyTorch's own counter.

    make_flop_fixtures.py --out tests/fixtures [--full]

flops.safetensors: int64 counts of models with the sizes of tests/pipeline/tiny_model.h. Of the UNet two: as diffusers runs
it (unet_diffusers), and without what has no effect (unet): queries, keys and scores of cross-attention to a single token,
and rows of an embedding that repeat others. --full prints TFLOP per frame of the published sizes instead.
"""

import argparse
import pathlib

import torch
from diffusers import AutoencoderKLTemporalDecoder, UNetSpatioTemporalConditionModel
from safetensors.torch import save_file
from torch.nn.attention import SDPBackend, sdpa_kernel
from torch.utils.flop_counter import FlopCounterMode
from transformers import CLIPVisionConfig, CLIPVisionModelWithProjection

TINY = dict(
    frames=3, height=16, width=32,
    unet=dict(in_channels=8, out_channels=4, sample_size=8,
              down_block_types=("CrossAttnDownBlockSpatioTemporal", "DownBlockSpatioTemporal"),
              up_block_types=("UpBlockSpatioTemporal", "CrossAttnUpBlockSpatioTemporal"),
              block_out_channels=(32, 64), addition_time_embed_dim=8, projection_class_embeddings_input_dim=24,
              layers_per_block=1, cross_attention_dim=16, num_attention_heads=(2, 4), num_frames=3),
    vae=dict(down_block_types=("DownEncoderBlock2D",) * 2, block_out_channels=(32, 32), layers_per_block=1),
    clip=dict(hidden_size=32, intermediate_size=64, projection_dim=16, num_hidden_layers=1, num_attention_heads=2,
              patch_size=56, hidden_act="gelu"))
FULL = dict(
    frames=110, height=576, width=1024, unet=dict(num_attention_heads=(5, 10, 20, 20)),
    vae=dict(down_block_types=("DownEncoderBlock2D",) * 4, block_out_channels=(128, 256, 512, 512), layers_per_block=2),
    clip=dict(hidden_size=1280, intermediate_size=5120, projection_dim=1024, num_hidden_layers=32,
              num_attention_heads=16, patch_size=14, hidden_act="gelu"))


def count(module, *args, **kwargs):
    """Total, and by module path."""
    counter = FlopCounterMode(display=False)
    with torch.no_grad(), sdpa_kernel(SDPBackend.MATH), counter:
        module(*args, **kwargs)
    prefix = type(module).__name__ + "."
    return counter.get_total_flops(), {name.removeprefix(prefix): sum(ops.values())
                                       for name, ops in counter.get_flop_counts().items()}


def needless(unet, by_module, frames):
    """Of one clip: what the result does not depend on, or what is computed once for each frame instead of once."""
    total = 0
    for name, module in unet.named_modules():
        if name.endswith(".attn2"):
            rows = 1 if ".temporal_transformer_blocks." in name else frames
            value, out = module.to_v, module.to_out[0]
            total += by_module[name] - 2 * rows * (value.weight.numel() + out.weight.numel())
        elif name.endswith(".time_emb_proj"):
            total += by_module[name] - 2 * module.weight.numel()
    return total


def counts(size):
    frames, height, width = size["frames"], size["height"], size["width"]
    with torch.device("meta"):
        unet = UNetSpatioTemporalConditionModel(**size["unet"])
        vae = AutoencoderKLTemporalDecoder(**size["vae"])
        clip = CLIPVisionModelWithProjection(CLIPVisionConfig(**size["clip"]))
        unet, vae = unet.to("meta"), vae.to("meta")  # the mix factors are made on the CPU
        scale = 2 ** (len(vae.config.block_out_channels) - 1)
        h, w = height // scale, width // scale
        width_of = unet.config.cross_attention_dim
        dim = width_of if isinstance(width_of, int) else width_of[0]
        total, by_module = count(unet, torch.empty(1, frames, 8, h, w), torch.empty(()), torch.empty(1, 1, dim),
                                 added_time_ids=torch.empty(1, 3))
        out = {"unet_diffusers": total, "unet": total - needless(unet, by_module, frames)}
        out["vae_encode"] = count(vae.encoder, torch.empty(frames, 3, height, width))[0]
        out["vae_encode"] += count(vae.quant_conv, torch.empty(frames, 8, h, w))[0]
        chunk = min(frames, 8)
        out["vae_decode"] = count(vae.decoder, torch.empty(chunk, 4, h, w), torch.zeros(1, chunk), chunk)[0]
        out["image_encoder"] = count(clip, torch.empty(frames, 3, 224, 224))[0]
    return out, {"vae_decode": chunk}


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=pathlib.Path)
    parser.add_argument("--full", action="store_true")
    args = parser.parse_args()
    if args.full:
        for height, width in ((576, 1024), (320, 640)):
            size = FULL | {"height": height, "width": width}
            found, frames = counts(size)
            print(f"{height}x{width}, TFLOP per frame: " + ", ".join(
                f"{name} {value / frames.get(name, size['frames']) / 1e12:.4f}" for name, value in found.items()))
        return
    save_file({name: torch.tensor(value) for name, value in counts(TINY)[0].items()},
              args.out / "flops.safetensors", {"torch": torch.__version__})


if __name__ == "__main__":
    main()
