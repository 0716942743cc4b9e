// SPDX-License-Identifier: Apache-2.0
#include "vdd/core/table_file.h"

#include <algorithm>

#include "vdd/core/error.h"
#include "vdd/core/files.h"
#include "vdd/core/text.h"

namespace vdd {
namespace {

constexpr std::string_view kByteOrderMark = "\xEF\xBB\xBF", kBlanks = " \t\r\v\f";
constexpr std::size_t kMaxColumns = 4096;

}  // namespace

TableFile::TableFile(const std::filesystem::path& path, Separator separator,
                     std::uint64_t max_bytes)
    : path_(path), text_(read_file(path, max_bytes)), separator_(separator) {
  if (text_.starts_with(kByteOrderMark)) at_ = kByteOrderMark.size();
  if (!next()) fail("the file is empty");
  header_ = cells_;
}

bool TableFile::next() {
  while (at_ < text_.size()) {
    line_ = next_line_;
    read_row();
    if (cells_.size() == 1 && cells_[0].empty()) continue;
    if (!header_.empty() && cells_.size() != header_.size())
      fail(concat("has ", cells_.size(), " columns; the first line has ", header_.size()));
    return true;
  }
  return false;
}

std::size_t TableFile::column(std::string_view name) const {
  const auto found = std::find(header_.begin(), header_.end(), name);
  if (found == header_.end()) fail(concat("no column \"", name, '"'));
  return static_cast<std::size_t>(found - header_.begin());
}

void TableFile::fail(std::string_view reason) const {
  throw DataError(path_, concat("line ", line_), reason);
}

void TableFile::read_row() {
  cells_.clear();
  bool more = true;
  while (more) {
    at_ = std::min(text_.find_first_not_of(kBlanks, at_), text_.size());
    const bool quoted = separator_ == Separator::kComma && at_ < text_.size() && text_[at_] == '"';
    cells_.push_back(quoted ? read_quoted() : read_plain());
    if (cells_.size() > kMaxColumns) fail(concat("more than ", kMaxColumns, " columns"));
    at_ = std::min(text_.find_first_not_of(kBlanks, at_), text_.size());
    more = !end_row();
    if (!more || separator_ == Separator::kBlank) continue;
    if (text_[at_] != ',') fail("text after a quote that closes");
    ++at_;
  }
}

/// The cell is put together in the file's own text, where it can only get shorter.
std::string_view TableFile::read_quoted() {
  const std::size_t begin = ++at_;
  std::size_t end = begin;
  for (;; ++at_) {
    if (at_ == text_.size()) fail("a quote is not closed");
    if (text_[at_] == '"' && text_.compare(at_ + 1, 1, "\"") != 0) break;
    if (text_[at_] == '"') ++at_;
    next_line_ += text_[at_] == '\n';
    text_[end++] = text_[at_];
  }
  ++at_;
  return std::string_view(text_).substr(begin, end - begin);
}

std::string_view TableFile::read_plain() {
  const auto stops = separator_ == Separator::kComma ? std::string_view(",\n") : " \t\r\v\f\n";
  const std::size_t begin = at_;
  at_ = std::min(text_.find_first_of(stops, at_), text_.size());
  return trim(std::string_view(text_).substr(begin, at_ - begin));
}

bool TableFile::end_row() {
  if (at_ < text_.size() && text_[at_] != '\n') return false;
  at_ += at_ < text_.size();
  ++next_line_;
  return true;
}

}  // namespace vdd
