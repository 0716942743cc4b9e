// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

namespace vdd {

/// Rows of a text table whose first row names the columns. With commas the file is csv as RFC 4180
/// has it: a cell in quotes may hold commas, line ends and (doubled) quotes; blanks round a cell
/// without quotes are left out. With blanks, any number of them separates two cells. A byte order
/// mark, empty lines and either line end are fine.
class TableFile {
 public:
  enum class Separator { kComma, kBlank };

  /// Reads the first row. Throws DataError: no regular file, longer than `max_bytes`, empty, or
  /// more than 4096 columns.
  TableFile(const std::filesystem::path& path, Separator separator, std::uint64_t max_bytes);

  // The cells are parts of the text, which must stay where it is.
  TableFile(const TableFile&) = delete;
  TableFile& operator=(const TableFile&) = delete;

  /// Goes to the next row; false after the last. Throws DataError naming the line: a row with more
  /// or fewer cells than the first, a quote that is not closed or is followed by more text.
  bool next();

  std::size_t columns() const { return header_.size(); }
  /// The number of the column of that name. Throws DataError.
  std::size_t column(std::string_view name) const;
  std::string_view header(std::size_t column) const { return header_[column]; }
  /// A cell of this row, valid as long as the table.
  std::string_view text(std::size_t column) const { return cells_[column]; }

  /// Throws DataError naming the line on which this row starts.
  [[noreturn]] void fail(std::string_view reason) const;

 private:
  void read_row();
  std::string_view read_quoted();
  std::string_view read_plain();
  /// True at a line end or the file's end, which it passes.
  bool end_row();

  std::filesystem::path path_;
  std::string text_;
  Separator separator_;
  std::size_t at_ = 0;
  int line_ = 1, next_line_ = 1;
  std::vector<std::string_view> header_, cells_;
};

}  // namespace vdd
