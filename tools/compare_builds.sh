#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Proves that a change of the code changes no byte of a training: each of the four programs trains for a few updates with
# two builds, and metrics.jsonl and every tensor of the checkpoints must be equal. The new build must also find the
# teacher's answers that the old one cached, and go on with the old one's runs.
#   tools/compare_builds.sh OLD NEW [FOLDER]     OLD, NEW: folders of the programs, such as build/release/bin
set -euo pipefail

old=$(realpath "$1") new=$(realpath "$2")
work=${3:-$(mktemp -d)}
mkdir -p "$work"
work=$(realpath "$work")
export OMP_NUM_THREADS=2
cd "$(dirname "${BASH_SOURCE[0]}")/.."
failures=0

fail() {
  printf 'FAILED: %s\n' "$1"
  failures=$((failures + 1))
}

# same <what> <run> <run>: logs and tensors; the config in vdd.json may be written in another way.
same() {
  local file count=0
  while read -r file; do
    cmp -s "$2/$file" "$3/$file" || fail "$1: $file differs"
    count=$((count + 1))
  done < <(cd "$2" && find . -name metrics.jsonl -o -path '*/step-*' -name '*.safetensors' | sort)
  ((count > 2)) || fail "$1: only $count files to compare"
  printf '%-16s %d files compared\n' "$1" "$count"
}

"$old/vdd" sample-data --out "$work/data" --seed 5 --sequences 4 --frames 8 --size 64x128 > /dev/null

settings=(data.root="$work/data" data.frames=3 data.height=64 data.width=128 train.max_steps=4 train.accumulation=2
  train.threads=2 train.checkpoint_every=2 train.keep=4 lr_schedule.warmup=2 validation.every=2 validation.clips=1)

# train <run> <program ...>: for both builds; a program is a path below the folder of the build, and its options.
train() {
  local run=$1 build
  shift
  for build in old new; do
    [[ -d $work/$build/$run ]] || "${!build}/$1" "${@:2}" "${settings[@]}" -o "$work/$build/$run" 2> "$work/$build-$run.log" \
      > /dev/null || fail "$run: the $build build failed, see $work/$build-$run.log"
  done
  same "$run" "$work/old/$run" "$work/new/$run"
}

mkdir -p "$work/old" "$work/new"
train stage1 distill_unet -c configs/tiny/stage1_deterministic.yaml
train stage1-noise distill_unet -c configs/tiny/stage1_stochastic.yaml ema.enabled=true optimizer.type=muon
train stage2 distill_decoder -c configs/tiny/stage1_deterministic.yaml head.variant=tiny
train vae vdd train-vae -c configs/tiny/train_vae.yaml crops.size=32
train teacher vdd train-teacher -c configs/tiny/train_teacher.yaml model.vae="$work/old/vae/checkpoints/best" batch=2

# Answers that the old build cached, and runs that it began.
for run in stage1 teacher; do
  cp -r "$work/old/$run" "$work/resumed-$run"
done
"$new/distill_unet" --resume -o "$work/resumed-stage1" train.max_steps=6 > /dev/null 2> "$work/resumed-stage1.log" ||
  fail "stage1: the old run does not go on"
"$new/vdd" train-teacher --resume -o "$work/resumed-teacher" train.max_steps=6 > /dev/null 2> "$work/resumed-teacher.log" ||
  fail "teacher: the old run does not go on"
grep -q '"step": 6' "$work/resumed-stage1/metrics.jsonl" || fail "stage1: no sixth update"
"$new/distill_unet" -c configs/tiny/stage1_deterministic.yaml "${settings[@]}" cache.dir="$work/old/stage1/teacher_cache" \
  model.teacher="$work/old/stage1/teacher" -o "$work/cached" > /dev/null 2> "$work/cached.log" || fail "stage1: from the old cache"
grep -q 'every target came from the cache' "$work/cached.log" || fail "stage1: the old cache is not found"
same "cached" "$work/old/stage1" "$work/cached"

if ((failures)); then
  printf '%d differences, in %s\n' "$failures" "$work"
  exit 1
fi
echo "no byte differs"
