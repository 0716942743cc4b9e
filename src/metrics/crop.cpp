// SPDX-License-Identifier: Apache-2.0
#include "vdd/metrics/crop.h"

#include "vdd/core/error.h"
#include "vdd/core/text.h"

namespace vdd::metrics {
namespace {

struct Rule {
  const char* name;
  Crop (*of)(std::int64_t height, std::int64_t width);
};

std::int64_t part(double fraction, std::int64_t side) {
  return static_cast<std::int64_t>(fraction * static_cast<double>(side));
}

constexpr Rule kRules[] = {
    {"none",
     [](std::int64_t h, std::int64_t w) {
       return Crop{0, h, 0, w};
     }},
    {"even",
     [](std::int64_t h, std::int64_t w) {
       return Crop{0, h - h % 2, 0, w - w % 2};
     }},
    {"nyu_eigen",
     [](std::int64_t, std::int64_t) {
       return Crop{45, 471, 41, 601};
     }},
    {"scannet_border",
     [](std::int64_t h, std::int64_t w) {
       return Crop{8, h - 8, 11, w - 11};
     }},
    {"kitti_benchmark",
     [](std::int64_t h, std::int64_t w) {
       return Crop{h - 352, h, (w - 1216) / 2, (w - 1216) / 2 + 1216};
     }},
    {"kitti_garg",
     [](std::int64_t h, std::int64_t w) {
       return Crop{part(0.40810811, h), part(0.99189189, h), part(0.03594771, w),
                   part(0.96405229, w)};
     }},
    {"kitti_eigen",
     [](std::int64_t h, std::int64_t w) {
       return Crop{part(0.3324324, h), part(0.91351351, h), part(0.0359477, w),
                   part(0.96405229, w)};
     }},
};

}  // namespace

const std::vector<std::string>& crop_names() {
  static const std::vector<std::string> names = [] {
    std::vector<std::string> all;
    for (const Rule& rule : kRules) all.emplace_back(rule.name);
    return all;
  }();
  return names;
}

Crop crop_of(const std::string& name, std::int64_t height, std::int64_t width) {
  for (const Rule& rule : kRules) {
    if (name != rule.name) continue;
    const Crop c = rule.of(height, width);
    if (c.row_begin < 0 || c.col_begin < 0 || c.row_end > height || c.col_end > width ||
        c.height() <= 0 || c.width() <= 0) {
      throw ShapeError(concat("crop ", name, ": rows ", c.row_begin, " to ", c.row_end,
                              ", columns ", c.col_begin, " to ", c.col_end,
                              " do not lie in a picture of ", height, 'x', width));
    }
    return c;
  }
  throw ConfigError(concat("crop: must be one of ", join(crop_names(), ", "), ", is '",
                           escape(name), "'", did_you_mean(name, crop_names())));
}

}  // namespace vdd::metrics
