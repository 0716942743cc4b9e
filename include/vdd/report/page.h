// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <filesystem>
#include <span>
#include <string>

#include "vdd/report/run_record.h"

// Runs as one HTML file that opens from the disk: curves as inline SVG, pictures embedded, no
// script, nothing loaded from elsewhere. Same bytes for the same runs.
namespace vdd::report {

/// Writes one run with its totals, curves, newest pictures, config and manifest, or the totals and
/// curves of several runs side by side with the config keys that differ.
std::string to_page(std::span<const RunRecord> runs);

/// Writes `run`/report.html. Throws DataError or ResourceError.
void write_report(const std::filesystem::path& run);

}  // namespace vdd::report
