#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""vdd's safetensors files against Python's library, both ways.

    check_safetensors.py --vdd build/release/bin/vdd [--files 2000]

Python's files are read by vdd; vdd's are read by Python and are, byte for byte, what Python writes for the same tensors. Of
`--files` damaged files, each that vdd takes Python takes too. Exit status 1 if not so, 77 without the library.
"""
import argparse
import random
import re
import subprocess
import sys
import tempfile
from pathlib import Path

try:
    import torch
    from safetensors.torch import load, load_file, save, save_file
except ImportError as e:
    print(f"skipped: {e}")
    sys.exit(77)

DTYPES = (torch.float64, torch.float32, torch.float16, torch.bfloat16, torch.int64, torch.int32, torch.int16, torch.int8,
          torch.uint8, torch.bool)
TOKENS = (b"0", b"1", b"4", b"8", b"-1", b"18446744073709551615", b"4294967296", b"1e3", b"[", b"]", b"{", b"}", b",", b":",
          b'"', b"null", b'"F32"', b'"dtype"', b'"shape"', b'"data_offsets"', b'"__metadata__"', b"\\u0061", b"\\u0000", b" ",
          b"\0", b"\xff")


def random_tensors(rng):
    tensors = {}
    for i in range(rng.randrange(6)):
        shape = [rng.randrange(5) for _ in range(rng.randrange(5))]
        tensors[f"block.{i}.weight"] = torch.randint(0, 2, shape).to(rng.choice(DTYPES))
    return tensors


def doctor(vdd, files):
    """The files that vdd takes. Stops if it neither takes nor refuses one, or dies."""
    taken, refused = set(), set()
    for start in range(0, len(files), 500):
        some = files[start:start + 500]
        result = subprocess.run([vdd, "doctor", "--as", "weights", *map(str, some)], capture_output=True)
        if result.returncode not in (0, 3):
            sys.exit(f"vdd doctor: exit {result.returncode}: {result.stderr[-300:]}")
        taken |= {Path(m) for m in re.findall(r"^(.*?): ok, ", result.stdout.decode(), re.M)}
        refused |= {Path(m) for m in re.findall(r"^error: (.*?\.safetensors): ", result.stderr.decode(), re.M)}
    if taken | refused != set(files) or taken & refused:
        sys.exit(f"vdd doctor: {len(files)} files, {len(taken)} taken, {len(refused)} refused")
    return taken


def mutate(rng, content):
    length = int.from_bytes(content[:8], "little")
    header, data = bytearray(content[8:8 + length]), content[8 + length:]
    for _ in range(rng.randrange(1, 4)):
        at, token = rng.randrange(len(header) + 1), rng.choice(TOKENS)
        kind = rng.randrange(4)
        if kind == 0:
            header[at:at] = token
        elif kind == 1:
            del header[at:at + rng.randrange(6)]
        elif kind == 2:
            header[at:at + rng.randrange(4)] = token
        else:
            digits = [i for i in range(at, len(header)) if chr(header[i]).isdigit()]
            if digits:
                header[digits[0]] = ord(str(rng.randrange(10)))
    if rng.random() < 0.1:
        data = data[:rng.randrange(len(data) + 1)] + bytes(rng.randrange(3))
    return len(header).to_bytes(8, "little") + bytes(header) + data


def check_reading(vdd, folder, rng):
    files = []
    for i in range(100):
        files.append(folder / f"python{i}.safetensors")
        save_file(random_tensors(rng), files[-1], {"format": "pt"})
    taken = doctor(vdd, files)
    if taken != set(files):
        sys.exit(f"vdd refuses Python's {sorted(set(files) - taken)[0]}")
    print(f"{len(files)} files of Python read")


def check_writing(vdd, folder):
    """What `vdd forward` writes, written again by Python."""
    from diffusers import AutoencoderKLTemporalDecoder
    torch.manual_seed(1)
    AutoencoderKLTemporalDecoder(block_out_channels=(32,), layers_per_block=1).save_pretrained(folder / "vae")
    images = torch.randn(1, 3, 8, 8)
    save_file({"in.images": images, "in.z": torch.randn(1, 4, 8, 8), "in.loss_weight": torch.ones(1, 3, 8, 8)},
              folder / "in.safetensors")
    subprocess.run([vdd, "forward", "--model", folder / "vae", "--input", folder / "in.safetensors", "--output",
                    folder / "out.safetensors", "--grad"], check=True)
    tensors = load_file(folder / "out.safetensors")
    if save(tensors, {"format": "pt"}) != (folder / "out.safetensors").read_bytes():
        sys.exit("vdd's file is not what Python writes for the same tensors")
    print(f"{len(tensors)} tensors of vdd: the bytes that Python writes")


def check_damaged(vdd, folder, rng, count):
    files = []
    for i in range(count):
        files.append(folder / f"damaged{i}.safetensors")
        files[-1].write_bytes(mutate(rng, save(random_tensors(rng), {"format": "pt"})))
    taken = doctor(vdd, files)
    stricter = 0
    for file in files:
        try:
            load(file.read_bytes())
            stricter += file not in taken
        except Exception as e:  # whatever the library throws
            if file in taken:
                sys.exit(f"vdd takes what Python refuses: {file.read_bytes()!r}: {e}")
    print(f"{count} damaged files: both take {len(taken)}, vdd alone refuses {stricter}")
    if not taken or len(taken) == count:
        sys.exit("the damage tests nothing")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--vdd", required=True)
    parser.add_argument("--files", type=int, default=2000)
    parser.add_argument("--seed", type=int, default=0)
    args = parser.parse_args()
    rng = random.Random(args.seed)
    torch.manual_seed(args.seed)
    with tempfile.TemporaryDirectory() as name:
        check_reading(args.vdd, Path(name), rng)
        check_writing(args.vdd, Path(name))
        check_damaged(args.vdd, Path(name), rng, args.files)


if __name__ == "__main__":
    main()
