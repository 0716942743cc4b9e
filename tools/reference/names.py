#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Write the names and shapes of the published models' tensors, in state_dict order, one `name shape` a line.

    names.py --out tests/fixtures/names

The models are built by diffusers, transformers and dpt_temporal.py at full size on the meta device: no weights are needed.
"""
import argparse
from pathlib import Path

import torch
from diffusers import AutoencoderKLTemporalDecoder, UNetSpatioTemporalConditionModel
from transformers import CLIPVisionConfig, CLIPVisionModelWithProjection

from dpt_temporal import TemporalDPTHead


def models():
    """Stable Video Diffusion's three models, and the head of the largest variant."""
    yield "unet", UNetSpatioTemporalConditionModel()
    yield "vae", AutoencoderKLTemporalDecoder(
        block_out_channels=(128, 256, 512, 512), down_block_types=("DownEncoderBlock2D",) * 4, layers_per_block=2)
    yield "clip", CLIPVisionModelWithProjection(CLIPVisionConfig(
        hidden_size=1280, intermediate_size=5120, num_hidden_layers=32, num_attention_heads=16, patch_size=14,
        projection_dim=1024, hidden_act="gelu"))
    yield "dpt", TemporalDPTHead()


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, required=True)
    out = parser.parse_args().out
    out.mkdir(parents=True, exist_ok=True)
    with torch.device("meta"):
        for label, model in models():
            lines = [f"{name} {'x'.join(map(str, tensor.shape))}" for name, tensor in model.state_dict().items()]
            (out / f"{label}.txt").write_text("\n".join(lines) + "\n")


if __name__ == "__main__":
    main()
