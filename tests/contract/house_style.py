# SPDX-License-Identifier: Apache-2.0
"""What clang-format does not see: house_style.py SOURCE_FOLDER.

Every source starts with its licence and is plain ASCII; a header has at most 200 lines, a source at most 500; files are
opened and JSON is parsed in one place.
"""

import pathlib
import re
import sys

TREES = ("bench", "cmake", "include", "src", "tests", "tools", "configs")
LICENSED = {".h": "// ", ".cpp": "// ", ".py": "# ", ".sh": "# ", ".cmake": "# ", "CMakeLists.txt": "# "}
MOST_LINES = {".h": 200, ".cpp": 500}
# Where layers and programs may not go around core.
DETOURS = {rb"\b(ifstream|fopen)\b": "opened without vdd/core/files.h", rb"\b[Jj]son::parse\(": "parsed without vdd/core/json.h"}


def faults_of(root, file):
    place = file.relative_to(root).parts
    bound = file.suffix == ".cpp" and place[0] in ("src", "tools") and place[1] != "core"
    lines = file.read_bytes().split(b"\n")[:-1]
    if b"\r" in b"".join(lines):
        yield 1, "carriage return"
    head = [line.decode("ascii", "replace") for line in lines[:2]]
    comment = LICENSED.get(file.name, LICENSED.get(file.suffix))
    if comment and comment + "SPDX-License-Identifier: Apache-2.0" not in head:
        yield 1, "no licence line"
    for number, line in enumerate(lines, 1):
        if not line.isascii():
            yield number, "not ASCII"
        if line != line.rstrip():
            yield number, "space at the end"
        for pattern, fault in DETOURS.items():
            if bound and re.search(pattern, line):
                yield number, fault
    if file.suffix in MOST_LINES and len(lines) > MOST_LINES[file.suffix] and place[0] != "tests":
        yield len(lines), f"more than {MOST_LINES[file.suffix]} lines"


def main():
    root = pathlib.Path(sys.argv[1])
    suffixes = {*LICENSED, ".yaml", ".txt"}
    files = [f for tree in TREES for f in sorted((root / tree).rglob("*")) if f.suffix in suffixes and "fixtures" not in f.parts]
    faults = [f"{f.relative_to(root)}:{line}: {what}" for f in files for line, what in faults_of(root, f)]
    print("\n".join([*faults, f"{len(files)} files, {len(faults)} faults"]))
    return bool(faults) or not files


if __name__ == "__main__":
    sys.exit(main())
