// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <filesystem>
#include <string>

#include "vdd/eval/predictions.h"
#include "vdd/eval/protocol.h"
#include "vdd/eval/result.h"

namespace vdd::eval {

struct EvalOptions {
  std::string method = "method";  ///< name for tables
  std::string method_hash = "", method_settings = "";
  /// Scores what is there; otherwise a missing sequence or frame, or an unreadable file, is an
  /// error.
  bool partial = false;
};

/// Scores predictions on the data set below `root`. One sequence is in memory at a time. Throws
/// DataError for data that is missing, unreadable or without a single pixel that counts, and what
/// the predictions throw; always naming the sequence or file.
EvalResult evaluate(const std::filesystem::path& root, const Protocol& protocol,
                    Predictions& predictions, const EvalOptions& options = {});

}  // namespace vdd::eval
