# SPDX-License-Identifier: Apache-2.0
"""Each layer includes only the libraries that it is allowed to: third_party_includes.py SOURCE_FOLDER.

The compiler cannot refuse these: Debian installs most of them in its own include folder.
"""

import pathlib
import re
import sys

TORCH = {"torch", "ATen", "c10"}
# Layer -> libraries of its public headers, libraries of its sources.
ALLOWED = {
    "core": ({"nlohmann"}, {"nlohmann", "spdlog", "openssl"}),
    "config": (set(), {"yaml-cpp", "nlohmann"}),
    "report": (set(), {"nlohmann"}),
    "tensor": (TORCH, TORCH),
    "io": (TORCH, TORCH | {"opencv2", "ffmpeg", "nlohmann", "hdf5", "jpeg", "png", "libdeflate", "openexr", "zlib"}),
    "scenes": (TORCH, TORCH),
    "nn": (TORCH, TORCH),
    "models": (TORCH, TORCH),
    "diffusion": (TORCH, TORCH),
    "losses": (TORCH, TORCH),
    "metrics": (TORCH, TORCH),
    "data": (TORCH, TORCH),
    "pipeline": (TORCH, TORCH),
    "predict": (TORCH, TORCH),
    "eval": (TORCH, TORCH),
    "sweep": (TORCH, TORCH),
    "run": (set(), {"nlohmann"}),
    "optim": (TORCH, TORCH),
    "parity": (TORCH, TORCH),
    "bench": (TORCH, TORCH),
    "train": (TORCH, TORCH),
    "distill": (TORCH, TORCH),
    "teach": (TORCH, TORCH),
    "programs": (set(), {"nlohmann"}),
}
# Header without a folder -> its library. All others without a folder are the language's or the system's.
LOOSE = {"hdf5.h": "hdf5", "H5public.h": "hdf5", "jpeglib.h": "jpeg", "jerror.h": "jpeg", "png.h": "png", "libdeflate.h": "libdeflate",
         "zlib.h": "zlib", "ImathBox.h": "openexr", "ImfChannelList.h": "openexr", "ImfFrameBuffer.h": "openexr", "ImfHeader.h": "openexr",
         "ImfInputFile.h": "openexr", "ImfOutputFile.h": "openexr", "CLI11.hpp": "CLI"}
# Folder -> its library, where that has another name.
FOLDERS = {"libavcodec": "ffmpeg", "libavformat": "ffmpeg", "libavutil": "ffmpeg", "libswscale": "ffmpeg"}
SYSTEM_FOLDERS = {"sys", "linux", "netinet", "arpa", "asm", "bits"}


def library(header):
    folder = header.split("/")[0]
    if header in LOOSE:
        return LOOSE[header]
    return None if "/" not in header or folder in SYSTEM_FOLDERS else FOLDERS.get(folder, folder)


def check(source_folder):
    files = faults = 0
    for kind, tree in enumerate(("include/vdd", "src")):
        for file in sorted((source_folder / tree).rglob("*")):
            if file.suffix not in (".h", ".cpp"):
                continue
            files += 1
            layer = file.relative_to(source_folder / tree).parts[0]
            allowed = ALLOWED[layer][kind]
            for number, line in enumerate(file.read_text().splitlines(), 1):
                match = re.match(r'\s*#\s*include\s*[<"]([^>"]+)[>"]', line)
                if not match or match[1].startswith("vdd/"):
                    continue
                found = library(match[1])
                if found and found not in allowed:
                    faults += 1
                    print(f"{file.relative_to(source_folder)}:{number}: {layer} may not include <{match[1]}>")
    print(f"{files} files, {faults} faults")
    return faults == 0 and files > 0


if __name__ == "__main__":
    sys.exit(not check(pathlib.Path(sys.argv[1])))
