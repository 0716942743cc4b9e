// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <c10/core/Device.h>

#include <cstdint>
#include <string>

namespace vdd::tensor {

/// Where tensor operations run.
struct ComputeConfig {
  std::string device = "cpu";  ///< cpu, cuda or cuda:N
  std::int64_t threads = 0;    ///< of one operation on the CPU; 0: all that this process may use
  std::int64_t parallel = 1;   ///< operations that run at the same time, on the CPU only
};

/// The device of "cpu", "cuda" or "cuda:N". Throws ConfigError if this machine has none.
c10::Device parse_device(const std::string& name);

/// Sets the number of threads, writing what 0 stands for into `config`, and asks for deterministic
/// kernels. Returns the device. Throws ConfigError.
c10::Device configure_torch(ComputeConfig& config);

}  // namespace vdd::tensor
