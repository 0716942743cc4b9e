#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Writes tests/fixtures/io: pictures by OpenCV, arrays by h5py, and what OpenCV decodes and resizes them to.

    make_io_fixtures.py tests/fixtures/io
"""
import pathlib
import struct
import sys
import zlib

import cv2
import h5py
import numpy as np

H, W = 37, 53


def array(path, data, **options):
    with h5py.File(path, "w") as f:
        f.create_dataset("dataset", data=data, **options)


def matlab(path, arrays, deflate):
    """A MATLAB file of version 5, by its published format: name -> 2-d array, stored in column order."""

    def element(kind, data, short_allowed=True):
        if short_allowed and len(data) <= 4:
            return struct.pack("<HH", kind, len(data)) + data.ljust(4, b"\0")
        return struct.pack("<II", kind, len(data)) + data + bytes(-len(data) % 8)

    kinds = {"u1": 2, "u2": 4, "f8": 9}
    with open(path, "wb") as f:
        f.write(b"MATLAB 5.0 MAT-file".ljust(124) + b"\x00\x01IM")
        for name, values in arrays.items():
            flags = struct.pack("<II", 6, 0)  # of doubles, whatever the numbers are stored as
            parts = [element(6, flags), element(5, struct.pack("<ii", *values.shape)), element(1, name.encode()),
                     element(kinds[values.dtype.str[1:]], values.tobytes(order="F"))]
            matrix = element(14, b"".join(parts), short_allowed=False)
            if deflate:
                matrix = zlib.compress(matrix)
                matrix = struct.pack("<II", 15, len(matrix)) + matrix
            f.write(matrix)


def nyuv2(out):
    """Three labelled images of NYUv2: sides reversed, as MATLAB's column order looks from here."""
    out.mkdir(exist_ok=True)
    n, c, x, y = np.ogrid[:3, :3, :20, :12]
    depths = (1 + n + 0.1 * x + 0.01 * y)[:, 0].astype(np.float32)
    with h5py.File(out / "nyu_depth_v2_labeled.mat", "w", userblock_size=512) as f:
        f.create_dataset("images", data=(50 * n + 20 * c + x + 2 * y).astype(np.uint8), chunks=(1, 2, 10, 12),
                         compression="gzip")
        f.create_dataset("depths", data=depths, chunks=(2, 10, 12), compression="gzip")
        f.create_dataset("rawDepths", data=np.where((x < 4)[:, 0], 0, depths).astype(np.float32), chunks=(2, 10, 12),
                         compression="gzip")
    matlab(out / "splits.mat", {"trainNdxs": np.array([[2]], np.uint16), "testNdxs": np.array([[1], [3]], np.uint16)},
           deflate=True)


def main(out):
    out.mkdir(parents=True, exist_ok=True)
    rng = np.random.default_rng(0)
    picture = cv2.resize(rng.integers(0, 256, (8, 10, 3), np.uint8), (W, H), interpolation=cv2.INTER_CUBIC)
    for name, options in {"420.jpg": [cv2.IMWRITE_JPEG_QUALITY, 90],
                          "progressive.jpg": [cv2.IMWRITE_JPEG_PROGRESSIVE, 1]}.items():
        cv2.imwrite(str(out / name), picture, options)
        cv2.imwrite(str(out / name.replace(".jpg", ".decoded.png")), cv2.imread(str(out / name)))
    cv2.imwrite(str(out / "grey.jpg"), picture[..., 0])
    cv2.imwrite(str(out / "grey.decoded.png"), cv2.imread(str(out / "grey.jpg")))

    # Values by a formula that the tests repeat.
    y, x = np.mgrid[:H, :W]
    cv2.imwrite(str(out / "depth16.png"), ((y * 1009 + x * 257) % 65536).astype(np.uint16))
    rgb = np.stack([y * 5 % 256, x * 3 % 256, (x + y) % 256], -1).astype(np.uint8)
    cv2.imwrite(str(out / "rgb.png"), rgb[..., ::-1])
    cv2.imwrite(str(out / "rgba.png"), np.dstack([rgb[..., ::-1], np.full((H, W), 77, np.uint8)]))

    half = (y * 0.25 - x * 0.5).astype(np.float16)
    half[3, 4] = np.nan
    array(out / "half.hdf5", half, chunks=(16, 20), compression="gzip", compression_opts=9)
    array(out / "half_shuffled.hdf5", half, chunks=(16, 20), compression="gzip", shuffle=True)
    array(out / "half_contiguous.hdf5", half)
    array(out / "half_big_endian.hdf5", half.astype(">f2"), chunks=(16, 20), compression="gzip")
    with h5py.File(out / "half_user_block.hdf5", "w", userblock_size=512) as f:  # as MATLAB's files have it
        f.create_dataset("dataset", data=half, chunks=(16, 20), compression="gzip")
    color = np.stack([half, half + 1, half + 2], -1).astype(np.float16)
    array(out / "color.hdf5", color, chunks=(16, 20, 1), compression="gzip", compression_opts=9)
    array(out / "checksummed.hdf5", half, chunks=(16, 20), fletcher32=True)
    array(out / "double.hdf5", (y * 0.25 - x * 0.5)[:5])
    with h5py.File(out / "sparse.hdf5", "w") as f:  # only the first chunk exists
        f.create_dataset("dataset", (H, W), np.int16, chunks=(16, 20), compression="gzip", fillvalue=-7)[:16, :20] = 5
    with h5py.File(out / "elsewhere.hdf5", "w") as f:
        f["dataset"] = h5py.ExternalLink("half.hdf5", "/dataset")
    with h5py.File(out / "external.hdf5", "w") as f:
        f.create_dataset("dataset", (4, 4), np.float32, external=[("/etc/hostname", 0, 64)])
    with h5py.File(out / "other_key.hdf5", "w") as f:
        f["data"] = half
    # A chunk that holds less than its shape: HDF5 itself reads past it.
    with h5py.File(out / "short_chunk.hdf5", "w") as f:
        d = f.create_dataset("dataset", (16, 20), np.float16, chunks=(16, 20), compression="gzip")
        d.id.write_direct_chunk((0, 0), zlib.compress(bytes(100)))

    # Resizing, as float so that nothing is rounded: exact area means, and bilinear enlarging.
    source = rgb.astype(np.float32)
    array(out / "area.hdf5", cv2.resize(source, (31, 19), interpolation=cv2.INTER_AREA))
    array(out / "bilinear.hdf5", cv2.resize(source, (2 * W, 3 * H), interpolation=cv2.INTER_LINEAR))

    # Tone mapping, as scene_generate_images_tonemap.py of ml-hypersim has it.
    linear = np.exp(rng.normal(0, 1.5, (3, H, W))).astype(np.float16)
    ids = rng.integers(-1, 4, (H, W)).astype(np.int16)
    brightness = (0.3 * linear[0].astype(np.float64) + 0.59 * linear[1] + 0.11 * linear[2])[ids != -1]
    scale = 0.8**2.2 / np.percentile(brightness, 90)
    mapped = np.clip(np.maximum(scale * linear.astype(np.float64), 0) ** (1 / 2.2), 0, 1)
    array(out / "tone_linear.hdf5", linear)
    array(out / "tone_ids.hdf5", ids)
    array(out / "tone_mapped.hdf5", (255 * mapped).astype(np.float32))

    tables = {"a": np.array([[1, 2]], np.uint8), "numbers": np.array([[1.5, 2, -3], [4, 5, 6e300]])}
    matlab(out / "plain.mat", tables, deflate=False)
    matlab(out / "deflated.mat", tables, deflate=True)
    nyuv2(out / "nyuv2")
    np.savez(out / "two_arrays.npz", a=np.zeros(1), b=np.ones(1))


if __name__ == "__main__":
    main(pathlib.Path(sys.argv[1]))
