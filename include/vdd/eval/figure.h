// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "vdd/eval/predictions.h"
#include "vdd/eval/protocol.h"

namespace vdd::eval {

struct Method {
  std::string name;  ///< short ASCII
  std::unique_ptr<Predictions> predictions;
};

struct FigureOptions {
  std::int64_t columns = 4;  ///< frames of a sequence, evenly spaced
  bool partial = false;      ///< as EvalOptions::partial
};

/// Writes a PNG per sequence, `folder`/NAME.png: the pictures, true disparity and that of each
/// method, fitted to the truth as the protocol says, all in the colours of the truth's range (2 %
/// at either end are outside; invalid truth is darkest). Returns the files. Throws as evaluate(),
/// and ResourceError.
std::vector<std::filesystem::path> draw_figures(const std::filesystem::path& root,
                                                const Protocol& protocol,
                                                const std::vector<Method>& methods,
                                                const std::filesystem::path& folder,
                                                const FigureOptions& options = {});

}  // namespace vdd::eval
