# SPDX-License-Identifier: Apache-2.0
"""Reads event files written by test_run (first argument) with TensorBoard's own reader. Exit status 77: no tensorboard."""

import math
import os
import subprocess
import sys
import tempfile

try:
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
except ImportError:
    print("skipped: tensorboard is not installed")
    sys.exit(77)

with tempfile.TemporaryDirectory() as folder:
    subprocess.run([sys.argv[1], "--gtest_filter=TensorBoard.AResumedRunWritesASecondFile"],
                   env={**os.environ, "VDD_EVENTS": folder}, check=True, stdout=subprocess.DEVNULL)
    events = EventAccumulator(folder, size_guidance={"tensors": 0, "scalars": 0, "images": 0}).Reload()

    # Steps 6 to 8 of the first start are gone: the second one began at 6.
    loss = [(e.step, e.value) for e in events.Scalars("loss")]
    expected = [(s, 1.0 / s) for s in range(1, 6)] + [(s, -float(s)) for s in range(6, 11)]
    assert [s for s, _ in loss] == [s for s, _ in expected], loss
    assert all(math.isclose(a[1], b[1], rel_tol=1e-6) for a, b in zip(loss, expected)), loss
    assert [e.step for e in events.Scalars("lr")] == list(range(6, 11))
    assert all(math.isnan(e.value) for e in events.Scalars("lr"))

    (image,) = events.Images("clip")
    assert (image.step, image.width, image.height) == (300, 2, 3), image
    assert image.encoded_image_string.startswith(b"\x89PNG"), image.encoded_image_string[:8]
    (text,) = events.Tensors("config")
    assert text.tensor_proto.string_val[0] == b"lr: 1"
print("tensorboard reads what was written")
