# SPDX-License-Identifier: Apache-2.0
"""Starts every preset for one training with --dry-run, on stand-ins: presets.py SOURCE_FOLDER PROGRAM_FOLDER.

What a user would have trained before, runs/NAME, is the tiny model too. A preset that names no data gets data/.
"""

import concurrent.futures
import re
import shutil
import sys
import tempfile

import stand_ins
from stand_ins import HEAD, PAIRS, SMALL, TEACHER

FOLDERS = ("svd", "tiny", "tiny_teacher")
# The program of a preset, by the start of its name, and what is smaller than in the preset.
PROGRAMS = {"stage1": (["distill_unet"], TEACHER), "stage2": (["distill_decoder"], TEACHER + HEAD),
            "train_teacher": (["vdd", "train-teacher"], []),
            "train_vae": (["vdd", "train-vae"], ["crops.size=64", "scale_clips=2"])}
# Its clips may have more frames than Hypersim's trajectories, and than the stand-ins in long/.
LONG_CLIPS = "svd/train_teacher_temporal.yaml"
LONG = ["data.sources.0.root=long/vkitti2", "data.sources.1.root=long/hypersim"]


def start(folder, preset, settings=(), code=0):
    """Returns what the program of the preset writes to stderr."""
    kind = re.sub(r"^\d+_", "", preset.split("/")[1])
    program, small = next(PROGRAMS[name] for name in PROGRAMS if kind.startswith(name))
    data = [] if preset.startswith("svd/") else ["data.root=data"]
    return folder.run([*program, "-c", f"configs/{preset}", "--dry-run", *SMALL, *small, *data, *settings], code)


def main():
    with tempfile.TemporaryDirectory() as root:
        folder = stand_ins.WorkingFolder(root, *sys.argv[1:3])
        folder.link("models/tiny", "models/tiny")
        folder.render("long", 100, "32x64", "vkitti2", "hypersim")
        files = sorted(file for name in FOLDERS for file in (folder.source / "configs" / name).glob("*.yaml"))
        for run in {run for file in files for run in re.findall(r"runs/[\w/]+", file.read_text())}:
            folder.link(run, "models/tiny")

        presets = {f"{file.parent.name}/{file.name}": PAIRS for file in files}
        presets[LONG_CLIPS] = LONG
        with concurrent.futures.ThreadPoolExecutor(2) as pool:
            list(pool.map(lambda item: start(folder, *item), presets.items()))
        print("\n".join(presets))

        start(folder, LONG_CLIPS, [*LONG, "data.frames_min=0"], code=3)
        # Sample 0 has one frame, from which no layer between frames learns.
        start(folder, LONG_CLIPS, [*PAIRS, "train.seed=2"])

        for depth in [*(folder.root / "data").rglob("frames/depth"), *(folder.root / "data").rglob("contrib")]:
            shutil.rmtree(depth)
        warnings = start(folder, "svd/stage1_deterministic.yaml", PAIRS)
        if "no true depth to compare with" not in warnings:
            sys.exit(f"no warning that the data has no depth:\n{warnings}")
        print(f"{len(presets)} presets started")
        return 0 if len(presets) > 15 else 1


if __name__ == "__main__":
    sys.exit(main())
