#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Writes tests/fixtures/io/torch: state dicts by torch.save, and files that are none.

    make_torch_files.py tests/fixtures/io/torch
"""
import os
import pathlib
import sys

import torch


class Command:
    def __reduce__(self):
        return os.mkdir, ("/tmp/vdd-was-run",)


def main(out):
    out.mkdir(parents=True, exist_ok=True)
    whole = torch.arange(12.0).view(3, 4) / 4
    torch.save({"whole": whole, "transposed": whole.t(), "row": whole[1], "parameter": torch.nn.Parameter(whole + 1),
                "empty": torch.empty(0, 3), "half": whole.half(), "bfloat16": whole.bfloat16(), "int64": torch.tensor(-5),
                "bool": torch.tensor([True, False, True])}, out / "views.pth")
    module = torch.nn.Sequential(torch.nn.Linear(2, 3))
    torch.nn.init.constant_(module[0].weight, 0.5)
    torch.nn.init.constant_(module[0].bias, 0.25)
    torch.save(module.state_dict(), out / "module.pth")
    torch.save(module[0], out / "whole_module.pth")
    torch.save({"model": module.state_dict()}, out / "nested.pth")
    torch.save({"weight": Command()}, out / "command.pth")
    torch.save(module.state_dict(), out / "old.pth", _use_new_zipfile_serialization=False)


if __name__ == "__main__":
    main(pathlib.Path(sys.argv[1]))
