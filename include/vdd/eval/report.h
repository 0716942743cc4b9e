// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "vdd/eval/result.h"

namespace vdd::eval {

/// Writes the sequences and their mean as a table, then what was used, left out and missing. TAE is
/// shown times 100.
std::string to_markdown(const EvalResult& result);
/// Writes the table of to_markdown() alone, for a paper (booktabs).
std::string to_latex(const EvalResult& result);

void save_result(const std::filesystem::path& file, const EvalResult& result);
/// Reads what save_result() wrote. Throws DataError.
EvalResult load_result(const std::filesystem::path& file);

/// Says why two results of one protocol may not stand in one table; empty if they may.
std::string difference(const EvalResult& a, const EvalResult& b);

/// Compare methods: one row for each method, one group of columns for each protocol, the best
/// number of a column in bold: the form of the paper's Table 1. Throw ConfigError if a method lacks
/// a protocol that another one has, or if results of one protocol were not computed alike: another
/// fingerprint, other sequences or frames, or other truth.
std::string compare_as_markdown(const std::vector<EvalResult>& results);
std::string compare_as_latex(const std::vector<EvalResult>& results);

}  // namespace vdd::eval
