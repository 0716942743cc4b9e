// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "vdd/core/enum_names.h"
#include "vdd/core/field_checks.h"
#include "vdd/models/unet_spatio_temporal_condition.h"

namespace vdd::models {

/// What the last layer of a head ends with.
enum class HeadActivation { kIdentity, kRelu, kSoftplus, kSigmoid };
constexpr auto names(HeadActivation) {
  return enum_names<HeadActivation>({{HeadActivation::kIdentity, "identity"},
                                     {HeadActivation::kRelu, "relu"},
                                     {HeadActivation::kSoftplus, "softplus"},
                                     {HeadActivation::kSigmoid, "sigmoid"}});
}

/// The settings in dpt_head/config.json. The head has four levels, of 4, 8, 16 and 32 pixels,
/// finest first; only the ratio of a tap's stride to its level's matters. So Video-Depth-Anything's
/// own head is in_strides = {16, 16, 16, 16}, whatever its patch size.
struct DptConfig {
  std::vector<std::string> taps = {"up_blocks.3", "up_blocks.2", "up_blocks.1", "up_blocks.0"};
  std::vector<std::int64_t> in_channels = {320, 640, 1280, 1280};
  std::vector<std::int64_t> in_strides = {8, 8, 16, 32};
  std::vector<std::int64_t> out_channels = {256, 512, 1024, 1024};
  std::int64_t features = 256;
  HeadActivation activation = HeadActivation::kSoftplus;

  constexpr void fields(auto& f) {
    f("taps", taps,
      "module paths in the UNet of the features that the levels start from, finest first",
      list_size(4));
    f("in_channels", in_channels, "channels of each tap", list_size(4), in_range(1, 16384));
    f("in_strides", in_strides,
      "image pixels per pixel of each tap: 4, 2, 1 or 1/2 times its level's 4, 8, 16, 32",
      list_size(4), positive);
    f("out_channels", out_channels, "channels of each level before fusion", list_size(4),
      in_range(1, 16384));
    f("features", features, "channels of the fusion blocks", multiple_of(32), in_range(1, 16384));
    f("activation", activation, "activation of the last layer");
  }
  /// Rules across fields, "key: message" each.
  std::vector<std::string> check() const;
};

/// Returns by how much level `level` resizes its tap: 4, 2, 1 or 0.5; 0 if it cannot.
double resize_factor(const DptConfig& config, std::size_t level);

/// Returns the sizes of a head on the taps of `unet`: "S", "B" and "L" are Video-Depth-Anything's,
/// so that its weights fit; "tiny" is for tests. The levels take the up blocks, finest first, then
/// the mid block. Throws ConfigError for another name, or if the UNet has too few levels.
DptConfig dpt_config(std::string_view variant, const UNetConfig& unet);

/// Throws ConfigError if `head` names a tap that `unet` does not have, or has with other channels.
void check_taps(const DptConfig& head, const UNetConfig& unet);

}  // namespace vdd::models
