# SPDX-License-Identifier: Apache-2.0
"""Every source is as clang-format writes it: clang_format.py SOURCE_FOLDER [--fix].

The clang-format is the one beside the Python that runs this, which tools/requirements-test.txt pins: versions differ.
"""

import pathlib
import subprocess
import sys

TREES = ("bench", "include", "src", "tests", "tools")


def main():
    root, fix = pathlib.Path(sys.argv[1]), "--fix" in sys.argv[2:]
    program = pathlib.Path(sys.executable).with_name("clang-format")
    if not program.exists():
        print(f"{program} does not exist; install tools/requirements-test.txt")
        return 77
    files = [f for tree in TREES for f in sorted((root / tree).rglob("*")) if f.suffix in (".h", ".cpp")]
    print(f"{len(files)} files")
    return subprocess.run([program, *(["-i"] if fix else ["--dry-run", "-Werror"]), *files]).returncode or not files


if __name__ == "__main__":
    sys.exit(main())
