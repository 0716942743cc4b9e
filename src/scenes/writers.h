// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <filesystem>
#include <functional>
#include <vector>

#include "vdd/scenes/renderer.h"
#include "vdd/scenes/sample_data.h"

namespace vdd::scenes {

/// One frame to render and write; independent of all others.
using Job = std::function<void()>;

/// Make the folders and the small files of `sequences` sequences under `root`, and return a job for
/// every frame.
std::vector<Job> plan_virtual_kitti(const std::filesystem::path& root, std::int64_t sequences,
                                    const SampleDataConfig& config);
std::vector<Job> plan_hypersim(const std::filesystem::path& root, std::int64_t sequences,
                               const SampleDataConfig& config);

constexpr double kFramesPerSecond = 10;

/// Turns linear light into 8 bits: clip(scale * x, 0, 1)^(1/2.2), rounded.
std::uint8_t tone(double radiance, double scale);

}  // namespace vdd::scenes
