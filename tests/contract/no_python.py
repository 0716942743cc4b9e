# SPDX-License-Identifier: Apache-2.0
"""No program loads Python or torch's bindings to it: no_python.py PROGRAM..."""

import pathlib
import re
import subprocess
import sys


def main():
    faults = 0
    for program in sys.argv[1:]:
        loaded = subprocess.run(["ldd", program], capture_output=True, text=True, check=True).stdout.split("\n")
        libraries = [line.split()[0] for line in loaded if line.strip()]
        python = [name for name in libraries if re.search(r"lib(torch_)?python", name)]
        faults += bool(python) or not any(name.startswith("libtorch") for name in libraries)
        print(f"{pathlib.Path(program).name}: {len(libraries)} libraries, of Python: {' '.join(python) or 'none'}")
    return int(faults > 0 or len(sys.argv) < 2)


if __name__ == "__main__":
    sys.exit(main())
