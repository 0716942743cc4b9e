# SPDX-License-Identifier: Apache-2.0
"""A user's working folder for a full run, with small things in it: what full_size_page.py and presets.py share.

The tiny model lies in the place of the published weights, and rendered scenes of the shape of the originals in that of the data
sets. SMALL and the lists after it set smaller what a preset sets for GPUs.
"""

import os
import pathlib
import shlex
import shutil
import subprocess
import sys

SMALL = ["data.height=64", "data.width=128", "data.workers=1", "precision.compute=fp32", "train.device=cpu", "train.threads=1",
         "train.gradient_checkpointing=false"]
PAIRS = ["data.frames=2"]
TEACHER = ["teacher.dtype=fp32"]
HEAD = ["head.variant=tiny"]


class WorkingFolder:
    def __init__(self, root, source, programs):
        self.root, self.source = pathlib.Path(root), pathlib.Path(source).resolve()
        self.environment = {**os.environ, "PATH": f"{pathlib.Path(programs).resolve()}:{os.environ['PATH']}"}
        self.link("configs", "configs")
        self.link("models/stable-video-diffusion-img2vid-xt", "models/tiny")
        self.link("models/DepthCrafter", "models/tiny/unet")
        self.render("data", 2, "375x1242", "vkitti2")
        self.render("data", 2, "768x1024", "hypersim")

    def link(self, name, target):
        (self.root / name).parent.mkdir(parents=True, exist_ok=True)
        (self.root / name).symlink_to(self.source / target)

    def run(self, command, code=0):
        """Returns what a command writes to stderr; ends the test if it has another exit code."""
        done = subprocess.run(command, cwd=self.root, env=self.environment, capture_output=True, text=True)
        if done.returncode != code:
            sys.exit(f"exit code {done.returncode}, not {code}: {shlex.join(command)}\n{done.stderr}")
        return done.stderr

    def render(self, place, frames, size, *data_sets):
        """Renders two streets (vkitti2), of which one is held out, and a room (hypersim), and keeps those data sets."""
        self.run(["vdd", "sample-data", "--out", "rendered", "--sequences", "3", "--frames", str(frames), "--size", size])
        (self.root / place).mkdir(exist_ok=True)
        for data_set in data_sets:
            (self.root / "rendered" / data_set).rename(self.root / place / data_set)
        shutil.rmtree(self.root / "rendered")
