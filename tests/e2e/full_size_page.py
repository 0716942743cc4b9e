# SPDX-License-Identifier: Apache-2.0
"""Runs the commands of docs/full-size.md on stand-ins: full_size_page.py SOURCE_FOLDER PROGRAM_FOLDER.

The stand-ins lie where the page says, with a drive of blank pictures for KITTI. What a page for GPUs and days sets is set smaller
at the end of a command; the commands themselves are the page's.
"""

import pathlib
import re
import shlex
import struct
import sys
import tempfile
import zlib

import stand_ins

# What needs the network or builds; all else runs.
ELSEWHERE = ("git clone ", "bash tools/test.sh ", "export PATH=", "hf download ", "python ml-hypersim/")
# Sizes of a stand-in, over those of the presets in configs/svd.
TRAINING = [*stand_ins.SMALL, *stand_ins.PAIRS, *stand_ins.TEACHER, "train.accumulation=1", "train.max_steps=1"]
SIZES = {"distill_unet": TRAINING, "distill_decoder": TRAINING + stand_ins.HEAD, "vdd predict": ["--size", "64x64"],
         "vdd eval --protocol": ["--partial", "frames=2", "min_frames=2", "height=64", "width=64"]}


def commands_of(page):
    for language, block in re.findall(r"^```(\w*)\n(.*?)^```", page.read_text(), re.MULTILINE | re.DOTALL):
        if language:
            continue
        for line in block.replace("\\\n", " ").splitlines():
            command = line.split("#")[0].strip()
            if command.startswith(("vdd ", "distill_")):
                yield command
            elif command and not command.startswith(ELSEWHERE) and "..." not in command and not command.startswith("data/"):
                sys.exit(f"{page}: neither run nor known: {command}")


def png(bits, width, height):
    """A picture of one value, RGB of 8 bits or grey of 16."""
    def chunk(kind, body):
        return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))
    row = b"\0" + (b"\x40\x80\xc0" if bits == 8 else struct.pack(">H", 2560)) * width
    header = struct.pack(">IIBBBBB", width, height, bits, 2 if bits == 8 else 0, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(row * height)) + chunk(b"IEND", b"")


def write(path, content):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)


def add_videos(folder):
    """A drive of KITTI, and video.mp4."""
    drive = "2011_09_26_drive_0002_sync"
    kitti = folder.root / "data/kitti"
    frames = kitti / "raw_data" / drive[:10] / drive / "image_02/data"
    for number in range(2):
        depth = f"data_depth_annotated/val/{drive}/proj_depth/groundtruth/image_02/{number:010}.png"
        write(kitti / depth, png(16, 96, 64))
        write(frames / f"{number:010}.png", png(8, 96, 64))
    folder.run(["vdd", "predict", "-m", "models/stable-video-diffusion-img2vid-xt", "-i", str(frames), "-o", "made",
                "--size", "64x64"])
    next((folder.root / "made").rglob("depth.mp4")).rename(folder.root / "video.mp4")


def main():
    page = pathlib.Path(sys.argv[1]) / "docs/full-size.md"
    with tempfile.TemporaryDirectory() as root:
        folder = stand_ins.WorkingFolder(root, *sys.argv[1:3])
        add_videos(folder)
        count = 0
        for command in commands_of(page):
            sizes = next((sizes for start, sizes in SIZES.items() if command.startswith(start)), [])
            if "--resume" in command:
                sizes = []
            print(command, flush=True)
            folder.run(shlex.split(command) + sizes)
            count += 1
        print(f"{count} commands ran")
        return 0 if count > 8 else 1


if __name__ == "__main__":
    sys.exit(main())
