#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Writes tests/fixtures/io: pictures by OpenCV, arrays by h5py, and what OpenCV decodes and resizes them to.

    make_io_fixtures.py tests/fixtures/io
"""
import pathlib
import sys

import cv2
import h5py
import numpy as np

H, W = 37, 53


def array(path, data, **options):
    with h5py.File(path, "w") as f:
        f.create_dataset("dataset", data=data, **options)


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
        import zlib
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


if __name__ == "__main__":
    main(pathlib.Path(sys.argv[1]))
