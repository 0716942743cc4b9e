// SPDX-License-Identifier: Apache-2.0
#include "vdd/models/dpt_temporal.h"

#include <torch/torch.h>

#include <algorithm>

#include "vdd/core/error.h"
#include "vdd/core/text.h"
#include "vdd/core/validate.h"
#include "vdd/nn/recompute.h"

namespace vdd::models {

namespace {

constexpr std::int64_t kHiddenChannels = 32;  // of output_conv2
constexpr std::int64_t kFramesAtOnce = 4;     // on the fine levels, as in the original

/// Returns {height, width} of a level's map.
std::vector<std::int64_t> level_size(const torch::Tensor& feature, double factor) {
  std::vector<std::int64_t> size = feature.sizes().slice(2).vec();
  for (std::int64_t& length : size) {
    length = factor < 1 ? (length + 1) / 2 : length * static_cast<std::int64_t>(factor);
  }
  return size;
}

torch::Tensor activate(const torch::Tensor& x, HeadActivation activation) {
  switch (activation) {
    case HeadActivation::kIdentity:
      break;
    case HeadActivation::kRelu:
      return at::relu(x);
    case HeadActivation::kSoftplus:
      return at::softplus(x);
    case HeadActivation::kSigmoid:
      return at::sigmoid(x);
  }
  return x;
}

}  // namespace

// In-place steps below only touch what a convolution has just returned; none of them needs it for
// its gradient.

ResidualConvUnitImpl::ResidualConvUnitImpl(std::int64_t features)
    : conv1(register_module("conv1", nn::conv3x3(features, features))),
      conv2(register_module("conv2", nn::conv3x3(features, features))) {}

torch::Tensor ResidualConvUnitImpl::forward(const torch::Tensor& x_NChw) {
  return conv2(conv1(at::relu(x_NChw)).relu_()).add_(x_NChw);
}

FeatureFusionBlockImpl::FeatureFusionBlockImpl(std::int64_t features)
    : out_conv(register_module("out_conv", nn::conv1x1(features, features))),
      resConfUnit1(register_module("resConfUnit1", ResidualConvUnit(features))),
      resConfUnit2(register_module("resConfUnit2", ResidualConvUnit(features))) {}

torch::Tensor FeatureFusionBlockImpl::forward(torch::Tensor x_NChw, const torch::Tensor& skip_NChw,
                                              torch::IntArrayRef size) {
  if (skip_NChw.defined()) x_NChw = x_NChw + resConfUnit1(skip_NChw);
  x_NChw = resConfUnit2(x_NChw);
  // The original enlarges first. A 1x1 convolution commutes with the interpolation, whose weights
  // add up to 1, and costs a quarter on the small map.
  return at::upsample_bilinear2d(out_conv(x_NChw), size, /*align_corners=*/true);
}

ResizeLayersImpl::ResizeLayersImpl(const DptConfig& config) {
  for (std::size_t i = 0; i < config.out_channels.size(); ++i) {
    const std::int64_t channels = config.out_channels[i];
    const double factor = resize_factor(config, i);
    const std::string name = std::to_string(i);
    if (factor > 1) {
      enlarge_[i] = register_module(
          name, nn::ConvTranspose2d(channels, channels, static_cast<std::int64_t>(factor)));
    } else if (factor < 1) {
      shrink_[i] = register_module(
          name, nn::Conv2d(nn::Conv2dConfig{
                    .in_channels = channels, .out_channels = channels, .stride = 2}));
    }
  }
}

torch::Tensor ResizeLayersImpl::forward(const torch::Tensor& x_NChw, std::size_t level) {
  if (enlarge_.at(level)) return enlarge_[level](x_NChw);
  return shrink_[level] ? shrink_[level](x_NChw) : x_NChw;
}

DisparityConvsImpl::DisparityConvsImpl(std::int64_t in_channels)
    : hidden_(register_module("0", nn::conv3x3(in_channels, kHiddenChannels))),
      last_(register_module("2", nn::conv1x1(kHiddenChannels, 1))) {}

torch::Tensor DisparityConvsImpl::forward(const torch::Tensor& x_NCHW) {
  const c10::impl::ExcludeDispatchKeyGuard no_autocast(c10::autocast_dispatch_keyset);
  const torch::Dtype type = at::promote_types(hidden_->weight.scalar_type(), torch::kFloat32);
  const auto wide = [type](const nn::Conv2d& conv, const torch::Tensor& x, std::int64_t padding) {
    return at::conv2d(x, conv->weight.to(type), conv->bias.to(type), 1, padding);
  };
  return wide(last_, wide(hidden_, x_NCHW.to(type), 1).relu_(), 0);
}

DptScratchImpl::DptScratchImpl(const DptConfig& c)
    : layer1_rn(register_module("layer1_rn", nn::conv3x3(c.out_channels[0], c.features, false))),
      layer2_rn(register_module("layer2_rn", nn::conv3x3(c.out_channels[1], c.features, false))),
      layer3_rn(register_module("layer3_rn", nn::conv3x3(c.out_channels[2], c.features, false))),
      layer4_rn(register_module("layer4_rn", nn::conv3x3(c.out_channels[3], c.features, false))),
      refinenet1(register_module("refinenet1", FeatureFusionBlock(c.features))),
      refinenet2(register_module("refinenet2", FeatureFusionBlock(c.features))),
      refinenet3(register_module("refinenet3", FeatureFusionBlock(c.features))),
      refinenet4(register_module("refinenet4", FeatureFusionBlock(c.features))),
      output_conv1(register_module("output_conv1", nn::conv3x3(c.features, c.features / 2))),
      output_conv2(register_module("output_conv2", DisparityConvs(c.features / 2))) {}

TemporalDptHeadImpl::TemporalDptHeadImpl(const DptConfig& config)
    : config_(validate(config)),
      projects(register_module("projects", nn::ModuleList<nn::Conv2d>())),
      resize_layers(register_module("resize_layers", ResizeLayers(config))),
      scratch(register_module("scratch", DptScratch(config))),
      motion_modules(register_module("motion_modules", nn::ModuleList<MotionModule>())) {
  for (std::size_t i = 0; i < config.taps.size(); ++i) {
    projects->push_back(nn::conv1x1(config.in_channels[i], config.out_channels[i]));
  }
  for (const std::int64_t channels :
       {config.out_channels[2], config.out_channels[3], config.features, config.features}) {
    motion_modules->push_back(MotionModule(channels));
  }
}

torch::Tensor TemporalDptHeadImpl::forward(const std::vector<torch::Tensor>& features,
                                           std::int64_t num_frames, std::int64_t height,
                                           std::int64_t width, Taps* taps) {
  check_inputs(features, num_frames, height, width);
  const std::vector<std::int64_t> size_4 = level_size(features[2], resize_factor(config_, 2));
  const std::vector<std::int64_t> size_3 = level_size(features[1], resize_factor(config_, 1));

  // The coarse levels look across frames.
  const torch::Tensor layer_3 = motion_modules[0](level(features[2], 2), num_frames);
  const torch::Tensor layer_4 = motion_modules[1](level(features[3], 3), num_frames);
  torch::Tensor path_4 = scratch->refinenet4(scratch->layer4_rn(layer_4), torch::Tensor(), size_4);
  path_4 = tap(taps, "path_4", motion_modules[2](path_4, num_frames));
  torch::Tensor path_3 = scratch->refinenet3(path_4, scratch->layer3_rn(layer_3), size_3);
  path_3 = tap(taps, "path_3", motion_modules[3](path_3, num_frames));

  // The fine levels, where nearly all of the memory is, run frame by frame. With gradients
  // everything is kept anyway, unless it is computed again.
  const bool gradients = torch::GradMode::is_enabled();
  const bool recomputed = gradients && gradient_checkpointing;
  const std::int64_t images = path_3.size(0);
  const std::int64_t chunk = gradients && !recomputed ? images : kFramesAtOnce;
  const bool with_path_2 = taps && taps->wants("path_2");
  const bool with_path_1 = taps && taps->wants("path_1");
  const nn::Block run = [=, this](const nn::TensorList& in) {
    const FinePaths fine = fine_levels(in[0], in[1], in[2], {height, width});
    nn::TensorList out = {fine.disparity_NHW};
    if (with_path_2) out.push_back(fine.path_2);
    if (with_path_1) out.push_back(fine.path_1);
    return out;
  };
  std::vector<nn::TensorList> parts(1 + with_path_2 + with_path_1);
  for (std::int64_t start = 0; start < images; start += chunk) {
    const std::int64_t end = std::min(start + chunk, images);
    const nn::TensorList in = {path_3.slice(0, start, end), features[0].slice(0, start, end),
                               features[1].slice(0, start, end)};
    const nn::TensorList out = recomputed ? nn::recompute(run, in, parameters()) : run(in);
    for (std::size_t i = 0; i < out.size(); ++i) parts[i].push_back(out[i]);
  }
  const auto joined = [](const nn::TensorList& list) {
    return list.size() == 1 ? list.front() : at::cat(list);
  };
  if (with_path_2) taps->set("path_2", joined(parts[1]));
  if (with_path_1) taps->set("path_1", joined(parts.back()));
  return joined(parts.front());
}

torch::Tensor TemporalDptHeadImpl::level(const torch::Tensor& feature, std::size_t index) {
  const torch::Tensor x_NChw =
      feature.to(device(), dtype()).contiguous(at::MemoryFormat::ChannelsLast);
  return resize_layers(projects[index](x_NChw), index);
}

TemporalDptHeadImpl::FinePaths TemporalDptHeadImpl::fine_levels(const torch::Tensor& path_3,
                                                                const torch::Tensor& feature_1,
                                                                const torch::Tensor& feature_2,
                                                                torch::IntArrayRef size) {
  const torch::Tensor layer_2 = scratch->layer2_rn(level(feature_2, 1));
  const torch::Tensor layer_1 = scratch->layer1_rn(level(feature_1, 0));
  const std::int64_t height = layer_1.size(2), width = layer_1.size(3);

  const torch::Tensor path_2 = scratch->refinenet2->forward(path_3, layer_2, {height, width});
  const torch::Tensor path_1 =
      scratch->refinenet1->forward(path_2, layer_1, {2 * height, 2 * width});

  const torch::Tensor y_NCHW =
      at::upsample_bilinear2d(scratch->output_conv1(path_1), size, /*align_corners=*/true);
  const torch::Tensor disparity_N1HW = scratch->output_conv2(y_NCHW);
  return {.disparity_NHW = activate(disparity_N1HW.squeeze(1), config_.activation),
          .path_2 = path_2,
          .path_1 = path_1};
}

void TemporalDptHeadImpl::check_inputs(const std::vector<torch::Tensor>& features,
                                       std::int64_t num_frames, std::int64_t height,
                                       std::int64_t width) const {
  if (features.size() != config_.taps.size()) {
    throw ShapeError(
        concat("features: wanted ", config_.taps.size(), " maps, got ", features.size()));
  }
  for (std::size_t i = 0; i < features.size(); ++i) {
    const torch::Tensor& x = features[i];
    if (x.dim() != 4 || x.size(1) != config_.in_channels[i] || x.numel() == 0 ||
        x.size(0) != features[0].size(0)) {
      throw ShapeError(concat("features.", i, ": wanted [N,", config_.in_channels[i],
                              ",h,w] with N alike, got ", x.sizes()));
    }
  }
  if (num_frames < 1 || features[0].size(0) % num_frames) {
    throw ShapeError(concat("features: ", features[0].size(0), " images are no clips of ",
                            num_frames, " frames"));
  }
  if (height < 1 || width < 1)
    throw ShapeError(concat("disparity: wanted a size, got ", height, "x", width));
}

torch::Dtype TemporalDptHeadImpl::dtype() const {
  return scratch->layer1_rn->weight.scalar_type();
}

torch::Device TemporalDptHeadImpl::device() const {
  return scratch->layer1_rn->weight.device();
}

}  // namespace vdd::models
