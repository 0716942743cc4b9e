// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <filesystem>
#include <string>

namespace vdd::programs {

/// Checks a run folder for `vdd doctor`: the resolved config loads, the manifest and every line of
/// metrics.jsonl are JSON (a cut last line is what a killed run leaves), steps rise, each
/// checkpoint is complete by its checksums and holds finite weights that fit its config. Returns
/// one line about it. Throws DataError, ConfigError or VerificationError.
std::string check_run(const std::filesystem::path& root);

}  // namespace vdd::programs
