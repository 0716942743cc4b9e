// SPDX-License-Identifier: Apache-2.0
#include "vdd/tensor/device.h"

#include <torch/torch.h>

#include <algorithm>
#include <cstdlib>
#include <optional>
#include <string_view>

#include "vdd/core/error.h"
#include "vdd/core/system.h"
#include "vdd/core/text.h"

namespace vdd::tensor {

c10::Device parse_device(const std::string& name) {
  if (name == "cpu") return torch::kCPU;
  const std::string_view text = name;
  const auto index = text == "cuda"              ? std::optional<long long>(0)
                     : text.starts_with("cuda:") ? parse_int(text.substr(5))
                                                 : std::nullopt;
  if (!index || *index < 0) {
    throw ConfigError(concat("device: '", escape(name), "' is not cpu, cuda or cuda:N"));
  }
  const auto count =
      torch::cuda::is_available() ? static_cast<long long>(torch::cuda::device_count()) : 0;
  if (*index >= count) {
    throw ConfigError(concat("device: ", name, " is not there; this machine has ", count,
                             " CUDA devices that LibTorch can use"));
  }
  return {torch::kCUDA, static_cast<c10::DeviceIndex>(*index)};
}

c10::Device configure_torch(ComputeConfig& config) {
  const c10::Device device = parse_device(config.device);
  if (device.is_cuda() && config.parallel > 1) {
    throw ConfigError("parallel: only passes on the CPU run at the same time");
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

}  // namespace vdd::tensor
