// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "vdd/eval/result.h"

namespace vdd::eval {

/// Sequences and their mean as a table, then what was used, left out and missing. TAE is shown
/// times 100.
std::string to_markdown(const EvalResult& result);
/// The table alone, for a paper (booktabs).
std::string to_latex(const EvalResult& result);

void save_result(const std::filesystem::path& file, const EvalResult& result);
/// Throws DataError.
EvalResult load_result(const std::filesystem::path& file);

/// Why two results of one protocol may not stand in one table; empty if they may.
std::string difference(const EvalResult& a, const EvalResult& b);

/// One row a method, one group of columns a protocol, the best number of a column in bold: the form
/// of the paper's Table 1. Throws ConfigError if a method lacks a protocol that another one has, or
/// if results of one protocol were not computed alike: another fingerprint, other sequences or
/// frames, or other truth.
std::string compare_as_markdown(const std::vector<EvalResult>& results);
std::string compare_as_latex(const std::vector<EvalResult>& results);

}  // namespace vdd::eval
