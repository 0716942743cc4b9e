# SPDX-License-Identifier: Apache-2.0
"""The pages hold together: pages.py SOURCE_FOLDER.

A link leads to a file and to a heading of it, every page is reached from docs/index.md or README.md, the README is short,
the figure of the method is what its script draws, and codespell, which tools/requirements-test.txt pins, knows the words.
"""

import pathlib
import re
import subprocess
import sys

MOST_LINES = {"README.md": 120, "docs/teacher.md": 120}


def without_code(text):
    """Blanks what stands in fences, line by line."""
    inside, lines = False, []
    for line in text.splitlines():
        fence = line.lstrip().startswith("```")
        lines.append("" if inside or fence else line)
        inside ^= fence
    return lines


def anchors_of(page):
    """The anchors that Markdown renderers give to the headings of a page."""
    seen, anchors = {}, set()
    for line in without_code(page.read_text()):
        if heading := re.match(r"#+ (.*)", line):
            name = re.sub(r"[^\w\- ]", "", re.sub(r"\]\([^)]*\)", "", heading[1]).lower()).strip().replace(" ", "-")
            count = seen[name] = seen.get(name, -1) + 1
            anchors.add(f"{name}-{count}" if count else name)
    return anchors


def links_of(page):
    for number, line in enumerate(without_code(page.read_text()), 1):
        for link in re.findall(r"\]\(([^)\s]+)", re.sub(r"`[^`]*`", "", line)):
            if not re.match(r"https?:|mailto:", link):
                path, _, anchor = link.partition("#")
                yield number, link, (page.parent / path).resolve() if path else page, anchor


def faults_of(pages, root):
    reached = set()
    for page in pages:
        for number, link, target, anchor in links_of(page):
            reached.add(target)
            place = f"{page.relative_to(root)}:{number}"
            if not target.exists():
                yield f"{place}: leads nowhere: {link}"
            elif anchor and target.suffix == ".md" and anchor not in anchors_of(target):
                yield f"{place}: no such heading: {link}"
    for page in pages:
        name = str(page.relative_to(root))
        lines = page.read_text().count("\n")
        if page not in reached and name != "README.md":
            yield f"{name}: no page leads to it"
        if lines > MOST_LINES.get(name, lines):
            yield f"{name}: {lines} lines, at most {MOST_LINES[name]} are meant"


def main():
    root = pathlib.Path(sys.argv[1]).resolve()
    pages = [*root.glob("*.md"), *(root / "third_party").glob("*.md"), *(root / "models").rglob("*.md"), *(root / "docs").rglob("*.md")]
    faults = list(faults_of(pages, root))
    drawn = subprocess.run([sys.executable, root / "tools/draw_method.py"], capture_output=True, text=True, check=True).stdout
    if drawn != (root / "docs/images/method.svg").read_text():
        faults.append("docs/images/method.svg: is not what tools/draw_method.py draws")
    print("\n".join([*faults, f"{len(pages)} pages, {len(faults)} faults"]))
    codespell = pathlib.Path(sys.executable).with_name("codespell")
    if not codespell.exists():
        print(f"{codespell} does not exist; install tools/requirements-test.txt")
        return 1 if faults else 77
    trees = [root / tree for tree in ("include", "src", "tools", "configs", "cmake")]
    misspelt = subprocess.run([codespell, "--ignore-words-list", "fro,kinf,paeth,trun", *pages, *trees]).returncode
    return bool(faults) or misspelt or not pages


if __name__ == "__main__":
    sys.exit(main())
