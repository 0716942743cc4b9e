#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Draws docs/images/method.svg, the figure of the method in the README.

    tools/draw_method.py > docs/images/method.svg
"""

from html import escape

WIDTH, HEIGHT = 1180, 540
FROZEN, TRAINED, DATA = "#dbe4ee", "#ffd9a8", "#ffffff"
LOSS = "#b3261e"
INK = "#1f2933"

parts = []


def text(x, y, lines, size=15, color=INK, weight="normal", anchor="middle"):
    """Writes lines of text, centred at (x, y) unless said otherwise."""
    first = y - (len(lines) - 1) * size * 0.62 + size * 0.35
    for i, line in enumerate(lines):
        parts.append(
            f'<text x="{x}" y="{first + i * size * 1.24:.1f}" font-size="{size}" fill="{color}" '
            f'font-weight="{weight}" text-anchor="{anchor}">{escape(line)}</text>')


def box(x, y, w, h, lines, fill, dashed=False):
    """Draws a box with its upper left corner at (x, y)."""
    dash = ' stroke-dasharray="5 4"' if dashed else ""
    parts.append(f'<rect x="{x}" y="{y}" width="{w}" height="{h}" rx="6" fill="{fill}" stroke="{INK}"{dash}/>')
    text(x + w / 2, y + h / 2, lines)


def arrow(*points, color=INK, both=False):
    """Draws a line through the points that ends in an arrow head."""
    kind = "loss" if color == LOSS else "flow"
    start = f' marker-start="url(#{kind})"' if both else ""
    path = " ".join(f"{x},{y}" for x, y in points)
    parts.append(f'<polyline points="{path}" fill="none" stroke="{color}" stroke-width="1.6" '
                 f'marker-end="url(#{kind})"{start}/>')


def draw():
    # The teacher: y 70 to 140. The student: y 340 to 410. The input lies between them.
    text(20, 30, ["Teacher: five steps"], 18, weight="bold", anchor="start")
    text(20, 490, ["Student: one step"], 18, weight="bold", anchor="start")

    box(20, 205, 100, 70, ["RGB video"], DATA)
    box(160, 195, 130, 90, ["VAE encoder,", "CLIP image", "encoder"], FROZEN)
    arrow((120, 240), (156, 240))

    box(350, 70, 190, 70, ["SVD UNet", "5 steps, sigma 700 to 0"], FROZEN)
    arrow((415, 70), (415, 46), (475, 46), (475, 66))
    box(350, 340, 190, 70, ["SVD UNet", "1 step at sigma 700"], TRAINED)
    text(350, 330, ["temporal layers stay frozen"], 13, anchor="start")
    arrow((290, 225), (320, 225), (320, 118), (346, 118))
    arrow((290, 255), (320, 255), (320, 362), (346, 362))
    text(314, 172, ["condition"], 13, anchor="end")
    text(314, 310, ["condition"], 13, anchor="end")

    box(160, 70, 130, 40, ["Gaussian noise"], DATA)
    arrow((290, 90), (346, 90))
    box(150, 365, 140, 56, ["Gaussian noise", "or RGB latent"], DATA)
    arrow((290, 390), (346, 390))
    text(220, 438, ["stochastic or deterministic"], 13)

    box(610, 80, 110, 50, ["latent"], DATA)
    box(610, 350, 110, 50, ["latent"], DATA)
    arrow((540, 105), (606, 105))
    arrow((540, 375), (606, 375))

    box(790, 70, 170, 70, ["temporal VAE", "decoder"], FROZEN)
    arrow((720, 105), (786, 105))
    box(1040, 80, 120, 50, ["disparity"], DATA)
    arrow((960, 105), (1036, 105))

    box(790, 340, 170, 70, ["temporal VAE", "decoder (stage 1)"], FROZEN, dashed=True)
    arrow((720, 375), (786, 375))
    box(790, 450, 170, 70, ["temporal DPT head", "(stage 2)"], TRAINED)
    arrow((445, 410), (445, 485), (786, 485))
    text(615, 472, ["features of the UNet's up blocks"], 13)
    box(1040, 460, 120, 50, ["disparity"], DATA)
    arrow((960, 485), (1036, 485))

    # The losses.
    arrow((665, 134), (665, 346), color=LOSS, both=True)
    text(677, 216, ["Stage 1:", "distill_unet"], 15, LOSS, "bold", "start")
    text(677, 262, ["score matching,", "latent gradient"], 14, LOSS, anchor="start")
    arrow((875, 144), (875, 190), (985, 190), (985, 430), (875, 430), (875, 446), color=LOSS, both=True)
    arrow((1100, 134), (1100, 456), color=LOSS, both=True)
    text(973, 216, ["Stage 2:", "distill_decoder"], 15, LOSS, "bold", "end")
    text(973, 262, ["affinity", "of features"], 14, LOSS, anchor="end")
    text(1088, 262, ["SILog,", "gradient"], 14, LOSS, anchor="end")

    for x, fill, label in ((790, FROZEN, "frozen"), (900, TRAINED, "trained")):
        parts.append(f'<rect x="{x}" y="20" width="22" height="16" rx="3" fill="{fill}" stroke="{INK}"/>')
        text(x + 30, 28, [label], 14, anchor="start")
    arrow((1020, 28), (1052, 28), color=LOSS, both=True)
    text(1060, 28, ["loss"], 14, anchor="start")


def main():
    draw()
    print(f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" '
          'font-family="Helvetica, Arial, sans-serif">')
    print("<title>Distillation of a five-step teacher into a one-step student with a DPT head</title>")
    print("<defs>")
    for name, color in (("flow", INK), ("loss", LOSS)):
        print(f'<marker id="{name}" viewBox="0 0 10 10" refX="9" refY="5" markerWidth="8" markerHeight="8" '
              f'orient="auto-start-reverse"><path d="M0,0 L10,5 L0,10 z" fill="{color}"/></marker>')
    print("</defs>")
    print(f'<rect width="{WIDTH}" height="{HEIGHT}" fill="#ffffff"/>')
    print("\n".join(parts))
    print("</svg>")


if __name__ == "__main__":
    main()
