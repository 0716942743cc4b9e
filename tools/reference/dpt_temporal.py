# SPDX-License-Identifier: Apache-2.0
"""The temporal DPT head in PyTorch, for parity.py and for whoever wants an exported head in Python (docs/models.md).

Modules, tensor names and shapes are those of Video-Depth-Anything's head, whose `pos_encoder.pe` is a formula and is not
stored. Needs torch alone.
"""
import math

import torch
import torch.nn.functional as F
from torch import nn

LEVEL_STRIDES = (4, 8, 16, 32)
ACTIVATIONS = {"identity": lambda x: x, "relu": F.relu, "softplus": F.softplus, "sigmoid": torch.sigmoid}


class CrossFrameAttention(nn.Module):
    def __init__(self, channels, heads):
        super().__init__()
        self.heads = heads
        self.to_q, self.to_k, self.to_v = (nn.Linear(channels, channels, bias=False) for _ in range(3))
        self.to_out = nn.ModuleList([nn.Linear(channels, channels)])

    def forward(self, x):  # [sequences, frames, channels]
        frames, channels = x.shape[1:]
        position = torch.arange(frames, dtype=torch.float64, device=x.device)[:, None]
        angle = position * torch.exp(torch.arange(0, channels, 2, dtype=torch.float64, device=x.device)
                                     * (-math.log(10000.0) / channels))
        table = torch.zeros(frames, channels, dtype=torch.float64, device=x.device)
        table[:, 0::2], table[:, 1::2] = angle.sin(), angle.cos()
        x = x + table.to(x.dtype)
        q, k, v = (f(x).unflatten(-1, (self.heads, -1)).transpose(1, 2) for f in (self.to_q, self.to_k, self.to_v))
        weight = (q @ k.transpose(-1, -2) / math.sqrt(channels // self.heads)).softmax(-1)
        return self.to_out[0]((weight @ v).transpose(1, 2).flatten(2))


class GatedLinear(nn.Module):
    def __init__(self, channels, hidden):
        super().__init__()
        self.proj = nn.Linear(channels, 2 * hidden)

    def forward(self, x):
        value, gate = self.proj(x).chunk(2, -1)
        return value * F.gelu(gate)


class FeedForward(nn.Module):
    def __init__(self, channels):
        super().__init__()
        self.net = nn.Sequential(GatedLinear(channels, 4 * channels), nn.Identity(), nn.Linear(4 * channels, channels))

    def forward(self, x):
        return self.net(x)


class Block(nn.Module):
    def __init__(self, channels, heads):
        super().__init__()
        self.attention_blocks = nn.ModuleList(CrossFrameAttention(channels, heads) for _ in range(2))
        self.norms = nn.ModuleList(nn.LayerNorm(channels) for _ in range(2))
        self.ff = FeedForward(channels)
        self.ff_norm = nn.LayerNorm(channels)

    def forward(self, x):
        for attention, norm in zip(self.attention_blocks, self.norms):
            x = x + attention(norm(x))
        return x + self.ff(self.ff_norm(x))


class TemporalTransformer(nn.Module):
    def __init__(self, channels, heads):
        super().__init__()
        self.norm = nn.GroupNorm(32, channels, eps=1e-6)
        self.proj_in = nn.Linear(channels, channels)
        self.transformer_blocks = nn.ModuleList([Block(channels, heads)])
        self.proj_out = nn.Linear(channels, channels)
        nn.init.zeros_(self.proj_out.weight)
        nn.init.zeros_(self.proj_out.bias)

    def forward(self, x, frames):
        images, channels, height, width = x.shape
        places = height * width
        y = self.proj_in(self.norm(x).flatten(2).transpose(1, 2))                   # images, places, channels
        y = y.view(-1, frames, places, channels).transpose(1, 2).flatten(0, 1)      # one sequence per clip and place
        for block in self.transformer_blocks:
            y = block(y)
        y = self.proj_out(y).view(-1, places, frames, channels).transpose(1, 2)     # clips, frames, places, channels
        return y.reshape(images, height, width, channels).permute(0, 3, 1, 2) + x


class MotionModule(nn.Module):
    def __init__(self, channels, heads=8):
        super().__init__()
        self.temporal_transformer = TemporalTransformer(channels, heads)

    def forward(self, x, frames):
        return self.temporal_transformer(x, frames)


class ResidualConvUnit(nn.Module):
    def __init__(self, features):
        super().__init__()
        self.conv1 = nn.Conv2d(features, features, 3, padding=1)
        self.conv2 = nn.Conv2d(features, features, 3, padding=1)

    def forward(self, x):
        return x + self.conv2(F.relu(self.conv1(F.relu(x))))


class Fusion(nn.Module):
    def __init__(self, features):
        super().__init__()
        self.out_conv = nn.Conv2d(features, features, 1)
        self.resConfUnit1 = ResidualConvUnit(features)
        self.resConfUnit2 = ResidualConvUnit(features)

    def forward(self, x, skip, size):
        if skip is not None:
            x = x + self.resConfUnit1(skip)
        x = F.interpolate(self.resConfUnit2(x), size=size, mode="bilinear", align_corners=True)
        return self.out_conv(x)


class Scratch(nn.Module):
    def __init__(self, out_channels, features):
        super().__init__()
        for i, channels in enumerate(out_channels):
            setattr(self, f"layer{i + 1}_rn", nn.Conv2d(channels, features, 3, padding=1, bias=False))
        for i in range(4):
            setattr(self, f"refinenet{i + 1}", Fusion(features))
        self.output_conv1 = nn.Conv2d(features, features // 2, 3, padding=1)
        self.output_conv2 = nn.Sequential(nn.Conv2d(features // 2, 32, 3, padding=1), nn.ReLU(), nn.Conv2d(32, 1, 1))


def resize_layer(channels, stride, wanted):
    if stride in (4 * wanted, 2 * wanted):
        return nn.ConvTranspose2d(channels, channels, stride // wanted, stride // wanted)
    if stride == wanted:
        return nn.Identity()
    if 2 * stride == wanted:
        return nn.Conv2d(channels, channels, 3, stride=2, padding=1)
    raise ValueError(f"a tap of stride {stride} cannot become a level of stride {wanted}")


class TemporalDPTHead(nn.Module):
    """Keyword arguments: dpt_head/config.json; keys that start with "_" are ignored."""

    def __init__(self, taps=("up_blocks.3", "up_blocks.2", "up_blocks.1", "up_blocks.0"), in_channels=(320, 640, 1280, 1280),
                 in_strides=(8, 8, 16, 32), out_channels=(256, 512, 1024, 1024), features=256, activation="softplus", **_):
        super().__init__()
        self.taps, self.activation = taps, ACTIVATIONS[activation]
        self.projects = nn.ModuleList(nn.Conv2d(i, o, 1) for i, o in zip(in_channels, out_channels))
        self.resize_layers = nn.ModuleList(map(resize_layer, out_channels, in_strides, LEVEL_STRIDES))
        self.scratch = Scratch(out_channels, features)
        self.motion_modules = nn.ModuleList(MotionModule(c) for c in (out_channels[2], out_channels[3], features, features))

    def forward(self, maps, num_frames, height, width, paths=None):
        """maps: outputs of the UNet's modules self.taps, finest first, [clips*num_frames, C, h, w]; to disparity
        [clips*num_frames, height, width]. Fills the dict `paths`, if given, with path_4 ... path_1."""
        s, motion = self.scratch, self.motion_modules
        l1, l2, l3, l4 = (resize(project(x)) for project, resize, x in zip(self.projects, self.resize_layers, maps))
        l3, l4 = motion[0](l3, num_frames), motion[1](l4, num_frames)
        l1, l2, l3, l4 = s.layer1_rn(l1), s.layer2_rn(l2), s.layer3_rn(l3), s.layer4_rn(l4)
        path_4 = motion[2](s.refinenet4(l4, None, l3.shape[2:]), num_frames)
        path_3 = motion[3](s.refinenet3(path_4, l3, l2.shape[2:]), num_frames)
        path_2 = s.refinenet2(path_3, l2, l1.shape[2:])
        path_1 = s.refinenet1(path_2, l1, [2 * n for n in l1.shape[2:]])
        if paths is not None:
            paths |= {"path_4": path_4, "path_3": path_3, "path_2": path_2, "path_1": path_1}
        x = F.interpolate(s.output_conv1(path_1), size=(height, width), mode="bilinear", align_corners=True)
        with torch.autocast(x.device.type, enabled=False):
            return self.activation(s.output_conv2(x.to(s.output_conv2[0].weight.dtype))).squeeze(1)
