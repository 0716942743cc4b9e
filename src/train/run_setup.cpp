// SPDX-License-Identifier: Apache-2.0
#include "vdd/train/run_setup.h"

#include <ATen/Context.h>
#include <ATen/Parallel.h>
#include <torch/cuda.h>

#include <algorithm>
#include <array>
#include <cstdlib>
#include <map>

#include "vdd/core/system.h"

namespace vdd::train {

torch::Device parse_device(const std::string& name) {
  if (name == "cpu") return torch::kCPU;
  const std::string_view text = name;
  const auto index = text == "cuda"              ? std::optional<long long>(0)
                     : text.starts_with("cuda:") ? parse_int(text.substr(5))
                                                 : std::nullopt;
  if (!index || *index < 0) {
    throw ConfigError(concat("train.device: '", escape(name), "' is not cpu, cuda or cuda:N"));
  }
  const auto count =
      torch::cuda::is_available() ? static_cast<long long>(torch::cuda::device_count()) : 0;
  if (*index >= count) {
    throw ConfigError(concat("train.device: ", name, " is not there; this machine has ", count,
                             " CUDA devices that LibTorch can use"));
  }
  return {torch::kCUDA, static_cast<torch::DeviceIndex>(*index)};
}

torch::Device configure_torch(TrainConfig& config) {
  const torch::Device device = parse_device(config.device);
  if (device.is_cuda() && config.parallel > 1) {
    throw ConfigError("train.parallel: only passes on the CPU run at the same time");
  }
  if (config.threads == 0) {
    config.threads = std::max<std::int64_t>(1, available_cpus() / config.parallel);
  }
  at::set_num_threads(static_cast<int>(config.threads));
  if (device.is_cuda()) {
    setenv("CUBLAS_WORKSPACE_CONFIG", ":4096:8", /*overwrite=*/0);  // before the first handle
    at::globalContext().setDeterministicAlgorithms(true, /*warn_only=*/true);
    at::globalContext().setDeterministicCuDNN(true);
    at::globalContext().setBenchmarkCuDNN(false);
  }
  return device;
}

std::vector<std::string> config_changes(const config::Leaves& before, const config::Leaves& now,
                                        std::span<const std::string> free) {
  std::map<std::string, std::array<std::string, 2>> values;
  for (const auto& [key, text] : before) values[key][0] = text;
  for (const auto& [key, text] : now) values[key][1] = text;
  std::vector<std::string> changes;
  for (const auto& [key, texts] : values) {
    const auto fits = [&, &k = key](const auto& pattern) { return glob_match(pattern, k); };
    if (texts[0] == texts[1] || std::ranges::any_of(free, fits)) continue;
    const auto shown = [](const std::string& text) { return text.empty() ? "nothing" : text; };
    changes.push_back(concat(key, ": ", shown(texts[0]), " -> ", shown(texts[1])));
  }
  return changes;
}

void NamedPaths::add(std::filesystem::path path) {
  while (path.string().find_first_of("*?") != std::string::npos) path = path.parent_path();
  std::error_code ignored;
  if (!path.empty() && std::filesystem::exists(path, ignored)) found_.push_back(std::move(path));
}

}  // namespace vdd::train
