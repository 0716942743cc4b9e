// SPDX-License-Identifier: Apache-2.0
#include "vdd/models/dpt_config.h"

#include <algorithm>
#include <map>

#include "vdd/core/error.h"
#include "vdd/core/text.h"
#include "vdd/core/validate.h"

namespace vdd::models {

namespace {

constexpr std::int64_t kLatentStride = 8;  // image pixels per latent pixel
constexpr std::size_t kLevels = 4;

struct TapShape {
  std::string tap;
  std::int64_t channels, stride;
};

/// Lists what a head can be built on, finest first: the outputs of the up blocks, which all but the
/// last enlarge, and of the mid block.
std::vector<TapShape> taps_of(const UNetConfig& unet) {
  const std::size_t levels = unet.block_out_channels.size();
  std::vector<TapShape> taps;
  for (std::size_t level = 0; level < levels; ++level) {
    const std::int64_t stride = kLatentStride << (level == 0 ? 0 : level - 1);
    taps.push_back(
        {concat("up_blocks.", levels - 1 - level), unet.block_out_channels[level], stride});
  }
  taps.push_back({"mid_block", unet.block_out_channels.back(), kLatentStride << (levels - 1)});
  return taps;
}

}  // namespace

double resize_factor(const DptConfig& config, std::size_t level) {
  const auto wanted = static_cast<double>(std::int64_t{4} << level);
  const double factor = static_cast<double>(config.in_strides[level]) / wanted;
  return factor == 4 || factor == 2 || factor == 1 || factor == 0.5 ? factor : 0;
}

std::vector<std::string> DptConfig::check() const {
  std::vector<std::string> errors;
  for (std::size_t level = 0; level < kLevels; ++level) {
    if (resize_factor(*this, level) == 0) {
      errors.push_back(concat("in_strides: ", in_strides[level], " is not 4, 2, 1 or 1/2 times ",
                              4 << level, ", the stride of level ", level));
    }
    // The two coarse levels have motion modules, with 32 norm groups.
    if (level >= 2 && out_channels[level] % 32) {
      errors.push_back(
          concat("out_channels: ", out_channels[level], " is no multiple of 32 on level ", level));
    }
  }
  return errors;
}

DptConfig dpt_config(std::string_view variant, const UNetConfig& unet) {
  static const std::map<std::string, std::pair<std::vector<std::int64_t>, std::int64_t>,
                        std::less<>>
      kVariants = {{"S", {{48, 96, 192, 384}, 64}},
                   {"B", {{96, 192, 384, 768}, 128}},
                   {"L", {{256, 512, 1024, 1024}, 256}},
                   {"tiny", {{32, 32, 32, 32}, 32}}};
  const auto found = kVariants.find(variant);
  if (found == kVariants.end())
    throw ConfigError(concat("head variant '", escape(variant), "' is none of S, B, L, tiny"));

  DptConfig config{.taps = {},
                   .in_channels = {},
                   .in_strides = {},
                   .out_channels = found->second.first,
                   .features = found->second.second};
  const std::vector<TapShape> taps = taps_of(unet);
  for (std::size_t level = 0; level < kLevels; ++level) {
    const TapShape& tap = taps[std::min(level, taps.size() - 1)];
    config.taps.push_back(tap.tap);
    config.in_channels.push_back(tap.channels);
    config.in_strides.push_back(tap.stride);
  }
  if (const auto problems = problems_of(config); !problems.empty())
    throw ConfigError(concat("no head fits this UNet: ", join(problems, "; ")));
  return config;
}

void check_taps(const DptConfig& head, const UNetConfig& unet) {
  const std::vector<TapShape> known = taps_of(unet);
  for (std::size_t level = 0; level < head.taps.size(); ++level) {
    const std::string& name = head.taps[level];
    const auto tap = std::find_if(known.begin(), known.end(),
                                  [&](const TapShape& shape) { return shape.tap == name; });
    if (tap == known.end())
      throw ConfigError(concat("taps: the UNet has no ", escape(name), " to build a head on"));
    if (tap->channels != head.in_channels.at(level)) {
      throw ConfigError(concat("in_channels: the UNet's ", name, " has ", tap->channels,
                               " channels, the head takes ", head.in_channels[level]));
    }
  }
}

}  // namespace vdd::models
