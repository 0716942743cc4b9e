// SPDX-License-Identifier: Apache-2.0
#include "vdd/models/clip_preprocessing.h"

#include <torch/torch.h>

#include <algorithm>
#include <cmath>

#include "vdd/core/error.h"
#include "vdd/core/text.h"

namespace vdd::models {

namespace {

// Returns the Gaussian along one axis that shrinks from `length` to `size`; sigma and width as in
// the original.
torch::Tensor gaussian_taps(std::int64_t length, std::int64_t size) {
  const double factor = static_cast<double>(length) / static_cast<double>(size);
  const double sigma = std::max((factor - 1) / 2, 0.001);
  auto count = static_cast<std::int64_t>(std::max(4 * sigma, 3.0));
  if (count % 2 == 0) ++count;
  const std::int64_t middle = count / 2;
  const torch::Tensor x = torch::arange(count, torch::kFloat32) - static_cast<double>(middle);
  const auto sigma_f = static_cast<float>(sigma);  // the original squares it in float32
  const torch::Tensor taps = at::exp(-x.square() / static_cast<double>(2 * (sigma_f * sigma_f)));
  return taps / taps.sum();
}

torch::Tensor blur(const torch::Tensor& x_NCHW, bool along_x, std::int64_t size) {
  const std::int64_t length = x_NCHW.size(along_x ? 3 : 2);
  const torch::Tensor taps = gaussian_taps(length, size).to(x_NCHW.options());
  const std::int64_t radius = taps.size(0) / 2;
  if (radius >= length)
    throw ShapeError(concat("frames are too small to resize: ", x_NCHW.sizes()));
  const torch::Tensor kernel = taps.view({1, 1, along_x ? 1 : -1, along_x ? -1 : 1});
  const std::vector<std::int64_t> padding = along_x
                                                ? std::vector<std::int64_t>{radius, radius, 0, 0}
                                                : std::vector<std::int64_t>{0, 0, radius, radius};
  const torch::Tensor planes = at::reflection_pad2d(x_NCHW, padding).flatten(0, 1).unsqueeze(1);
  return at::conv2d(planes, kernel).view(x_NCHW.sizes());
}

}  // namespace

torch::Tensor resize_with_antialiasing(const torch::Tensor& x_NCHW, std::int64_t size) {
  const torch::Tensor blurred = blur(blur(x_NCHW, true, size), false, size);
  return at::upsample_bicubic2d(blurred, {size, size}, /*align_corners=*/true);
}

torch::Tensor preprocess_clip(const torch::Tensor& frames_T3HW, std::int64_t size) {
  if (frames_T3HW.dim() != 4 || frames_T3HW.size(1) != 3) {
    throw ShapeError(concat("frames: wanted [T,3,H,W], got ", frames_T3HW.sizes()));
  }
  const auto options = frames_T3HW.options().dtype(torch::kFloat32);
  const torch::Tensor mean =
      torch::tensor({0.48145466, 0.4578275, 0.40821073}, options).view({3, 1, 1});
  const torch::Tensor std =
      torch::tensor({0.26862954, 0.26130258, 0.27577711}, options).view({3, 1, 1});
  const torch::Tensor resized = resize_with_antialiasing(frames_T3HW.to(torch::kFloat32), size);
  return ((resized + 1) / 2 - mean) / std;
}

}  // namespace vdd::models
