// SPDX-License-Identifier: Apache-2.0
#include "vdd/predict/frame_source.h"

#include <torch/torch.h>

#include <algorithm>
#include <cmath>

#include "vdd/core/error.h"
#include "vdd/core/text.h"

namespace vdd::predict {
namespace {

constexpr double kPicturesPerSecond = 24;

std::int64_t round_to_64(double side) {
  return std::max<std::int64_t>(64, 64 * static_cast<std::int64_t>(std::nearbyint(side / 64)));
}

std::int64_t stride_of(const io::VideoInfo& info, const FrameConfig& config) {
  if (config.target_fps <= 0 || info.frames_per_second <= 0) return 1;
  return std::max<std::int64_t>(
      1, static_cast<std::int64_t>(std::nearbyint(info.frames_per_second / config.target_fps)));
}

std::int64_t frames_of(const Input& input, const FrameConfig& config, std::int64_t stride) {
  if (config.from >= input.info.frames) {
    throw DataError(input.path,
                    concat("has ", input.info.frames, " frames; none from ", config.from, " on"));
  }
  const std::int64_t there = (input.info.frames - config.from + stride - 1) / stride;
  return config.frames > 0 ? std::min(config.frames, there) : there;
}

}  // namespace

std::vector<std::string> FrameConfig::check() const {
  if ((height == 0) == (width == 0)) return {};
  return {concat("height, width: give both or none, got ", height, "x", width)};
}

Size working_size(const Size& picture, const FrameConfig& config) {
  if (config.height > 0) return {config.height, config.width};
  const auto height = static_cast<double>(picture.height),
             width = static_cast<double>(picture.width);
  const Size size{round_to_64(height), round_to_64(width)};
  if (std::max(size.height, size.width) <= config.max_res) return size;
  const double scale = static_cast<double>(config.max_res) / std::max(height, width);
  return {round_to_64(height * scale), round_to_64(width * scale)};
}

torch::Tensor resize(const io::Image8& picture, const Size& size) {
  const torch::Tensor rgb_13HW =
      torch::from_blob(picture.pixels.get(), {1, picture.height, picture.width, 3}, torch::kByte)
          .permute({0, 3, 1, 2})
          .to(torch::kFloat32);
  return at::_upsample_bilinear2d_aa(rgb_13HW, {size.height, size.width}, /*align_corners=*/false);
}

FrameSource::FrameSource(const Input& input, const FrameConfig& config)
    : stride_(stride_of(input.info, config)),
      frames_(frames_of(input, config, stride_)),
      size_(working_size({input.info.height, input.info.width}, config)),
      frames_per_second_(input.info.frames_per_second > 0
                             ? input.info.frames_per_second / static_cast<double>(stride_)
                         : config.target_fps > 0 ? config.target_fps
                                                 : kPicturesPerSecond),
      reader_(input.path, config.from, stride_) {}

torch::Tensor FrameSource::next(std::int64_t count) {
  std::vector<torch::Tensor> frames;
  for (std::int64_t i = 0; i < count; ++i) frames.push_back(resize(next_picture(), size_));
  return at::cat(frames) / 255.0 * 2.0 - 1.0;
}

}  // namespace vdd::predict
