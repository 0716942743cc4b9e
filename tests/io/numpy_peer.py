# SPDX-License-Identifier: Apache-2.0
"""Files of NumPy are read by test_io (first argument), and what it writes is read by NumPy. Exit status 77: no numpy."""

import os
import subprocess
import sys
import tempfile
from pathlib import Path

try:
    import numpy as np
except ImportError:
    print("skipped: numpy is not installed")
    sys.exit(77)

WIDER = {"uint16": "int32", "uint32": "int64"}
rng = np.random.default_rng(0)
arrays = []
for dtype in ("?", "u1", "i1", "<i2", ">i2", "<u2", ">u2", "<i4", ">u4", "<i8", "<f2", ">f2", "<f4", ">f4", "<f8", ">f8"):
    for shape in ((), (5,), (3, 4), (2, 0), (2, 3, 4)):
        array = (rng.integers(-99, 99, shape) if np.dtype(dtype).kind != "u" else rng.integers(0, 255, shape)).astype(dtype)
        arrays += [array, np.asfortranarray(array)]
arrays.append(rng.random((40, 50, 60), np.float32))  # several buffers of deflate

with tempfile.TemporaryDirectory() as name:
    folder = Path(name)
    for i, array in enumerate(arrays):
        if i % 3 == 0:
            np.save(folder / f"in{i}.npy", array)
        elif i % 3 == 1:
            np.savez(folder / f"in{i}.npz", other=np.arange(3), depth=array)
        else:
            np.savez_compressed(folder / f"in{i}.npz", depth=array, other=np.arange(3))
    subprocess.run([sys.argv[1], "--gtest_filter=Numpy.WhatIsReadAndWrittenAgainIsTheSame"],
                   env={**os.environ, "VDD_NUMPY": name}, check=True, stdout=subprocess.DEVNULL)
    for i, array in enumerate(arrays):
        for back in (np.load(folder / f"out{i}.npy"), np.load(folder / f"stored{i}.npz")["depth"],
                     np.load(folder / f"deflated{i}.npz")["depth"]):
            native = array.dtype.newbyteorder("=").name
            assert back.dtype.name == WIDER.get(native, native), (i, array.dtype, back.dtype)
            assert back.shape == array.shape and (back == array).all(), (i, array.dtype, array.shape)
print(f"{len(arrays)} arrays of NumPy read, and read back by NumPy")
