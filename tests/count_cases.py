# SPDX-License-Identifier: Apache-2.0
"""Counts the test cases of one run: count_cases.py FOLDER, which holds ctest.junit and what GoogleTest wrote.

A CTest test that is a GoogleTest executable counts with its cases, any other test as one. Prints `N passed, N failed`
and, if there are any, `, N skipped`; exits with 1 if one failed or none ran.
"""

import pathlib
import sys
import xml.etree.ElementTree as ElementTree


def cases_of_executable(file):
    """(passed, failed, skipped) of one GoogleTest report, or None if the executable did not live to write it."""
    try:
        root = ElementTree.parse(file).getroot()
    except (OSError, ElementTree.ParseError):
        return None
    cases = [c for c in root.iter("testcase") if c.get("status") == "run"]
    failed = sum(c.find("failure") is not None for c in cases)
    skipped = sum(c.get("result") == "skipped" for c in cases)
    return len(cases) - failed - skipped, failed, skipped


def main():
    folder = pathlib.Path(sys.argv[1])
    passed = failed = skipped = 0
    for test in ElementTree.parse(folder / "ctest.junit").getroot().iter("testcase"):
        ok, not_run = test.get("status") == "run", test.get("status") in ("notrun", "disabled")
        cases = cases_of_executable(folder / f"test_{test.get('name')}.xml")
        if cases is None:
            cases = (int(ok), int(not ok and not not_run), int(not_run))
        elif not ok and cases[1] == 0:
            cases = (cases[0], 1, cases[2])  # all cases passed, but the executable did not end well
        passed, failed, skipped = passed + cases[0], failed + cases[1], skipped + cases[2]
    print(f"{passed} passed, {failed} failed" + (f", {skipped} skipped" if skipped else ""))
    return int(failed > 0 or passed == 0)


if __name__ == "__main__":
    sys.exit(main())
