// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <vector>

#include "vdd/models/dpt_config.h"
#include "vdd/models/motion_module.h"
#include "vdd/models/taps.h"

// Legend: N = B*T images of B clips with T frames, C channels, h w sizes of a feature map, H W
// image size.
namespace vdd::models {

/// The residual unit x + conv2(relu(conv1(relu(x)))).
class ResidualConvUnitImpl : public torch::nn::Module {
 public:
  explicit ResidualConvUnitImpl(std::int64_t features);
  torch::Tensor forward(const torch::Tensor& x_NChw);

 private:
  nn::Conv2d conv1, conv2;
};
TORCH_MODULE(ResidualConvUnit);

/// Adds the skip, refines, enlarges. The coarsest block has no skip: its resConfUnit1 is idle and
/// gets no gradient.
class FeatureFusionBlockImpl : public torch::nn::Module {
 public:
  explicit FeatureFusionBlockImpl(std::int64_t features);
  /// skip_NChw: undefined for none; size: {height, width} of the result.
  torch::Tensor forward(torch::Tensor x_NChw, const torch::Tensor& skip_NChw,
                        torch::IntArrayRef size);

 private:
  nn::Conv2d out_conv;
  ResidualConvUnit resConfUnit1, resConfUnit2;
};
TORCH_MODULE(FeatureFusionBlock);

/// `resize_layers`: brings each tap to the stride of its level. A level that needs no resizing has
/// no tensors.
class ResizeLayersImpl : public torch::nn::Module {
 public:
  explicit ResizeLayersImpl(const DptConfig& config);
  torch::Tensor forward(const torch::Tensor& x_NChw, std::size_t level);

 private:
  std::array<nn::ConvTranspose2d, 4> enlarge_{nullptr, nullptr, nullptr, nullptr};
  std::array<nn::Conv2d, 4> shrink_{nullptr, nullptr, nullptr, nullptr};
};
TORCH_MODULE(ResizeLayers);

/// `output_conv2`: the last two convolutions, in float32 at least, whatever autocast says.
class DisparityConvsImpl : public torch::nn::Module {
 public:
  explicit DisparityConvsImpl(std::int64_t in_channels);
  torch::Tensor forward(const torch::Tensor& x_NCHW);

 private:
  nn::Conv2d hidden_{nullptr}, last_{nullptr};
};
TORCH_MODULE(DisparityConvs);

/// `scratch`: only gives its layers their published names.
class DptScratchImpl : public torch::nn::Module {
 public:
  explicit DptScratchImpl(const DptConfig& config);

  nn::Conv2d layer1_rn, layer2_rn, layer3_rn, layer4_rn;
  FeatureFusionBlock refinenet1, refinenet2, refinenet3, refinenet4;
  nn::Conv2d output_conv1;
  DisparityConvs output_conv2;
};
TORCH_MODULE(DptScratch);

/// Disparity of a clip from four feature maps of the denoiser: Video-Depth-Anything's head, with
/// its names and shapes but for projects.* and resize_layers.*. Source: DepthAnything/
/// Video-Depth-Anything, DPTHeadTemporal; arXiv 2501.12375.
class TemporalDptHeadImpl : public torch::nn::Module {
 public:
  /// Parameters are uninitialised. Throws ConfigError if the config is inconsistent.
  explicit TemporalDptHeadImpl(const DptConfig& config);

  /// features[i]: the tap config().taps[i], [N,C_i,h_i,w_i], any float dtype, cast to the
  /// parameters'. N is a multiple of num_frames. Returns [N,height,width], float32, near = large,
  /// of no fixed range. Throws ShapeError. Taps: path_4, path_3 (after their motion module),
  /// path_2, path_1, [N,features,h,w].
  torch::Tensor forward(const std::vector<torch::Tensor>& features, std::int64_t num_frames,
                        std::int64_t height, std::int64_t width, Taps* taps = nullptr);

  const DptConfig& config() const { return config_; }
  torch::Dtype dtype() const;
  torch::Device device() const;

  /// Forgets activations of the two finest levels and computes them again in the backward pass.
  bool gradient_checkpointing = false;

 private:
  struct FinePaths {
    torch::Tensor disparity_NHW, path_2, path_1;
  };
  void check_inputs(const std::vector<torch::Tensor>& features, std::int64_t num_frames,
                    std::int64_t height, std::int64_t width) const;
  /// Projects and resizes a tap to its level.
  torch::Tensor level(const torch::Tensor& feature, std::size_t index);
  FinePaths fine_levels(const torch::Tensor& path_3, const torch::Tensor& feature_1,
                        const torch::Tensor& feature_2, torch::IntArrayRef size);

  DptConfig config_;
  nn::ModuleList<nn::Conv2d> projects;
  ResizeLayers resize_layers;
  DptScratch scratch;
  nn::ModuleList<MotionModule> motion_modules;
};
TORCH_MODULE(TemporalDptHead);

}  // namespace vdd::models
