#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Clip loading: the C++ loader beside a PyTorch DataLoader that does the same work with OpenCV and h5py.

    loader_bench.py make DIR                     write files of the true sizes and formats in the published layouts
    loader_bench.py run DIR --program PROGRAM    alternate the two, print frames per second and how far the pixels differ

Work: clips of 8 frames to 320x640, RGB by area means to [-1, 1], depth by nearest neighbour, disparity brought to [0, 1] over the
clip. The page cache is warm, so decoding counts, not the disk. Needs torch, opencv-python, h5py, safetensors.
"""
import argparse
import csv
import json
import pathlib
import subprocess
import sys
import tempfile
import time

import cv2
import h5py
import numpy as np
import torch
from safetensors.numpy import load_file
from safetensors import safe_open
from torch.utils.data import DataLoader, Dataset

CLIP, HEIGHT, WIDTH = 8, 320, 640
VKITTI = "vkitti2/Scene02/clone"
SCENE = "hypersim/scenes/ai_001_001"
# A tilted lens: M_cam_from_uv, row-major.
LENS = [0.5972, 0.0, -0.0062, 0.0, 0.4479, 0.0839, 0.0, -0.0789, -1.0344]


def texture(rng, height, width, octaves, fall):
    """Smooth to fine noise in [0, 1], so that the compressed sizes are like a picture's."""
    total = np.zeros((height, width), np.float32)
    for octave in range(octaves):
        cells = 2 ** (octave + 2)
        noise = rng.standard_normal((cells, 2 * cells)).astype(np.float32)
        total += fall**octave * cv2.resize(noise, (width, height), interpolation=cv2.INTER_CUBIC)
    return (total - total.min()) / np.ptp(total)


def make(root, frames):
    rng = np.random.default_rng(0)
    for kind, (height, width) in {"vkitti": (375, 1242), "hypersim": (768, 1024)}.items():
        color = np.stack([texture(rng, height, width, 9, 0.7) for _ in range(3)], -1)
        depth = texture(rng, height, width, 7, 0.45)
        depth = 1 + 9 * (np.round(depth * 40) / 40 + depth / 16)
        folders = {}
        for i in range(frames):
            bgr = np.roll((color * 255).astype(np.uint8), 7 * i, 1)
            metres = np.roll(depth, 7 * i, 1)
            if kind == "vkitti":
                for what in ("rgb", "depth"):
                    folders[what] = root / VKITTI / "frames" / what / "Camera_0"
                    folders[what].mkdir(parents=True, exist_ok=True)
                cv2.imwrite(str(folders["rgb"] / f"rgb_{i:05d}.jpg"), bgr, [cv2.IMWRITE_JPEG_QUALITY, 92])
                cv2.imwrite(str(folders["depth"] / f"depth_{i:05d}.png"), (800 * metres).astype(np.uint16))
            else:
                for what in ("final_preview", "final_hdf5", "geometry_hdf5"):
                    folders[what] = root / SCENE / "images" / f"scene_cam_00_{what}"
                    folders[what].mkdir(parents=True, exist_ok=True)
                cv2.imwrite(str(folders["final_preview"] / f"frame.{i:04d}.tonemap.jpg"), bgr,
                            [cv2.IMWRITE_JPEG_QUALITY, 92])
                linear = np.roll(color[..., ::-1] ** 2.2, 7 * i, 1).astype(np.float16)
                for folder, what, data, chunks in (
                        ("geometry_hdf5", "depth_meters", metres.astype(np.float16), (96, 128)),
                        ("geometry_hdf5", "render_entity_id", np.ones((height, width), np.int16), (96, 128)),
                        ("final_hdf5", "color", linear, (96, 128, 1))):
                    with h5py.File(folders[folder] / f"frame.{i:04d}.{what}.hdf5", "w") as f:
                        f.create_dataset("dataset", data=data, chunks=chunks, compression="gzip", compression_opts=9)
    columns = ["scene_name", "settings_units_info_meters_scale"]
    columns += [f"M_cam_from_uv_{i // 3}{i % 3}" for i in range(9)]
    with open(root / "hypersim/metadata_camera_parameters.csv", "w", newline="") as f:
        csv.writer(f).writerows([columns, [pathlib.Path(SCENE).name, 0.01, *LENS]])


def ray_scale(height, width):
    """Planar depth over distance, for every pixel of a Hypersim picture."""
    u = 2 * (np.arange(width) + 0.5) / width - 1
    v = 1 - 2 * (np.arange(height) + 0.5) / height
    rays = np.stack([*np.meshgrid(u, v), np.ones((height, width))], -1) @ np.array(LENS).reshape(3, 3).T
    return (-rays[..., 2] / np.linalg.norm(rays, axis=-1)).astype(np.float32)


class Clips(Dataset):
    """What a careful user writes: per-clip samples, OpenCV and h5py, the ray map made once."""

    def __init__(self, root, kind, clips):
        self.kind, self.clips = kind, clips
        if kind == "virtual_kitti":
            self.rgb = sorted((root / VKITTI / "frames/rgb/Camera_0").glob("*.jpg"))
            self.depth = sorted((root / VKITTI / "frames/depth/Camera_0").glob("*.png"))
        else:
            images = root / SCENE / "images"
            self.rgb = (sorted((images / "scene_cam_00_final_hdf5").glob("*.color.hdf5")) if kind == "hypersim_color" else
                        sorted((images / "scene_cam_00_final_preview").glob("*.jpg")))
            self.depth = sorted((images / "scene_cam_00_geometry_hdf5").glob("*depth_meters.hdf5"))
        height, width = (375, 1242) if kind == "virtual_kitti" else (768, 1024)
        # Pixel centres; OpenCV's INTER_NEAREST takes the corner, and INTER_NEAREST_EXACT breaks ties by its fixed point.
        self.rows = np.floor((np.arange(HEIGHT) + 0.5) * height / HEIGHT).astype(np.int64)
        self.columns = np.floor((np.arange(WIDTH) + 0.5) * width / WIDTH).astype(np.int64)
        if kind != "virtual_kitti":
            self.rays = ray_scale(768, 1024)[self.rows][:, self.columns]

    def __len__(self):
        return self.clips

    def __getitem__(self, i):
        return self.clip((i * CLIP) % (len(self.rgb) - CLIP + 1))

    def pictures(self, files):
        if self.kind != "hypersim_color":
            return [cv2.cvtColor(cv2.imread(str(file)), cv2.COLOR_BGR2RGB) for file in files]
        # Hypersim's own tone mapping with one exposure for the clip.
        linear, bright = [], []
        for file in files:
            with h5py.File(file) as f:
                linear.append(f["dataset"][:].astype(np.float32))
            ids = str(file).replace("final_hdf5", "geometry_hdf5").replace("color", "render_entity_id")
            with h5py.File(ids) as f:
                bright.append((linear[-1] @ np.float32([0.3, 0.59, 0.11]))[f["dataset"][:] != -1])
        exposure = 0.8**2.2 / np.percentile(np.concatenate(bright), 90)
        return [np.round(255 * np.clip(np.maximum(exposure * x, 0) ** np.float32(1 / 2.2), 0, 1)).astype(np.uint8)
                for x in linear]

    def clip(self, first):
        frames, depths = [], []
        for k, rgb in zip(range(first, first + CLIP), self.pictures(self.rgb[first:first + CLIP])):
            if self.kind == "virtual_kitti":
                depth = cv2.imread(str(self.depth[k]), cv2.IMREAD_UNCHANGED).astype(np.float32) * 0.01
            else:
                with h5py.File(self.depth[k]) as f:
                    depth = f["dataset"][:].astype(np.float32)
            rgb = cv2.resize(rgb, (WIDTH, HEIGHT), interpolation=cv2.INTER_AREA)
            depth = depth[self.rows][:, self.columns]
            if self.kind != "virtual_kitti":
                depth *= self.rays
            frames.append(torch.from_numpy(rgb).permute(2, 0, 1).float().div_(127.5).sub_(1))
            depths.append(torch.from_numpy(depth))
        depth = torch.stack(depths)
        far = 655.35 if self.kind == "virtual_kitti" else 65
        valid = (depth > 1e-3) & (depth < far)
        disparity = 1 / depth
        low, high = disparity[valid].min(), disparity[valid].max()
        disparity = torch.where(valid, (disparity - low) / (high - low), torch.zeros(()))
        return torch.stack(frames), torch.where(valid, depth, torch.zeros(())), disparity, valid


def dataloader_speed(root, kind, clips, workers):
    loader = DataLoader(Clips(root, kind, clips), batch_size=None, num_workers=workers,
                        prefetch_factor=2 if workers else None)
    batches = iter(loader)
    next(batches)
    begin = time.perf_counter()
    count = sum(1 for _ in batches)
    return count * CLIP / (time.perf_counter() - begin)


def command(program, root, kind, *more):
    place, layout = ("vkitti2", "virtual_kitti") if kind == "virtual_kitti" else ("hypersim", "hypersim")
    rgb = "color_hdf5" if kind == "hypersim_color" else "tonemap_jpg"
    return [program, "--root", str(root / place), "--kind", layout, "--rgb", rgb, "--depth", "--fit", "stretch",
            "--frames", str(CLIP), "--height", str(HEIGHT), "--width", str(WIDTH), *more]


def program_speed(program, root, kind, clips, workers):
    run = subprocess.run(command(program, root, kind, "--workers", str(workers), "--clips", str(clips)),
                         check=True, capture_output=True, text=True)
    return json.loads(run.stdout)["frames_per_second"]


def differences(program, root, kind):
    """The largest differences of one clip: RGB in grey levels of 255, depth relative, disparity absolute."""
    with tempfile.TemporaryDirectory() as folder:
        file = pathlib.Path(folder) / "clip.safetensors"
        subprocess.run(command(program, root, kind, "--clip", str(file)), check=True)
        ours = load_file(file)
        with safe_open(file, "np") as f:
            first = int(f.metadata()["source_id"].split("#")[1].split("+")[0])
    rgb, depth, disparity, _ = (t.numpy() for t in Clips(root, kind, 1).clip(first))
    grey = 127.5 * np.abs(ours["rgb"] - rgb)
    return {"rgb_grey_levels_max": float(grey.max()), "rgb_grey_levels_mean": float(grey.mean()),
            "depth_relative_max": float((np.abs(ours["depth"] - depth) / np.maximum(depth, 1e-3)).max()),
            "disparity_max": float(np.abs(ours["disparity"] - disparity).max())}


def run(root, program, clips, rounds):
    cv2.setNumThreads(1)
    torch.set_num_threads(1)
    report = {}
    for kind in ("virtual_kitti", "hypersim", "hypersim_color"):
        report[kind] = {"difference": differences(program, root, kind)}
        for workers in (0, 1, 2):
            # Alternating, and the best of each: load from elsewhere hits both alike.
            pairs = [(program_speed(program, root, kind, clips, workers), dataloader_speed(root, kind, clips, workers))
                     for _ in range(rounds)]
            ours, theirs = (max(speeds) for speeds in zip(*pairs))
            report[kind][f"workers_{workers}"] = {"vdd": round(ours, 1), "dataloader": round(theirs, 1),
                                                  "ratio": round(ours / theirs, 2)}
            print(kind, workers, report[kind][f"workers_{workers}"], file=sys.stderr)
    print(json.dumps(report, indent=1))


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("command", choices=["make", "run"])
    parser.add_argument("root", type=pathlib.Path)
    parser.add_argument("--frames", type=int, default=64)
    parser.add_argument("--program", default="build/release/bin/vdd_loader_bench")
    parser.add_argument("--clips", type=int, default=24)
    parser.add_argument("--rounds", type=int, default=4)
    args = parser.parse_args()
    if args.command == "make":
        make(args.root, args.frames)
    else:
        run(args.root, args.program, args.clips, args.rounds)


if __name__ == "__main__":
    main()
