// SPDX-License-Identifier: Apache-2.0
#include "vdd/pipeline/windows.h"

#include <torch/torch.h>

#include <algorithm>
#include <utility>

#include "vdd/core/error.h"
#include "vdd/core/text.h"

namespace vdd::pipeline {

WindowStream::WindowStream(std::int64_t total, std::int64_t window, std::int64_t overlap,
                           Model model, Sink sink)
    : total_(total),
      window_(std::min(total, window)),
      overlap_(total <= window ? 0 : overlap),
      model_(std::move(model)),
      sink_(std::move(sink)) {
  if (overlap < 0 || overlap >= window) {
    throw ConfigError(concat("overlap: must be smaller than window, ", window, ", got ", overlap));
  }
}

std::int64_t WindowStream::count(std::int64_t total, std::int64_t window, std::int64_t overlap) {
  if (total <= window) return 1;
  const std::int64_t stride = window - overlap;
  return (total - overlap + stride - 1) / stride;
}

void WindowStream::push(const Conditioning& next) {
  const torch::NoGradGuard no_grad;
  if (!waiting_.rgb_latent_TChw.defined()) {
    waiting_ = next;
  } else {
    waiting_ = {at::cat({waiting_.rgb_latent_TChw, next.rgb_latent_TChw}),
                at::cat({waiting_.image_embeds_TD, next.image_embeds_TD})};
  }
  if (start_ + waiting_.frames() > total_) {
    throw ShapeError(concat("video: more than the ", total_, " frames it was said to have"));
  }
  while (start_ < total_ - overlap_) {
    const std::int64_t end = std::min(start_ + window_, total_);
    if (start_ + waiting_.frames() < end) return;
    run(end);
  }
}

void WindowStream::run(std::int64_t end) {
  const std::int64_t frames = end - start_;
  const torch::Tensor result_T = cross_fade(
      model_({.index = index_, .conditioning = waiting_.slice(0, frames), .before_T = before_T_}));
  const std::int64_t done = end == total_ ? frames : window_ - overlap_;
  // Copies: a view would keep the whole window alive.
  before_T_ = overlap_ > 0 ? result_T.slice(0, done).clone() : torch::Tensor();
  const Conditioning rest = waiting_.slice(done, waiting_.frames());
  waiting_ = {rest.rgb_latent_TChw.clone(), rest.image_embeds_TD.clone()};
  start_ = end == total_ ? total_ : start_ + done;
  ++index_;
  sink_(result_T.slice(0, 0, done));
}

torch::Tensor WindowStream::cross_fade(const torch::Tensor& result_T) {
  if (!before_T_.defined()) return result_T;
  const torch::Tensor shared_T = result_T.slice(0, 0, overlap_);
  const torch::Tensor difference = (shared_T - before_T_).square().mean().sqrt();
  seams_.push_back(
      (difference / before_T_.std(/*unbiased=*/false).clamp_min(1e-12)).item<double>());
  std::vector<std::int64_t> per_frame(static_cast<std::size_t>(result_T.dim()), 1);
  per_frame[0] = overlap_;
  const torch::Tensor weight = torch::linspace(0, 1, overlap_, result_T.options()).view(per_frame);
  return at::cat({weight * shared_T + (1 - weight) * before_T_, result_T.slice(0, overlap_)});
}

}  // namespace vdd::pipeline
