// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <string_view>

namespace vdd::data {

/// Tells later whether a data set is still the one it was: three SHA-256. Where it lies does not
/// matter.
struct Fingerprint {
  std::string names;  ///< names of the sequences, with their frame numbers
  std::string files;  ///< names below the root and byte sizes of all files that samples come from
  std::string times;  ///< when each of them was last modified, in whole seconds

  /// Returns one SHA-256 of names and files: what a copy keeps, whose times may be others.
  std::string content() const;
  /// Returns "<names>-<files>-<times>", to be kept.
  std::string text() const;
  /// Says what differs from an earlier text(), for people; empty: nothing. A text from before files
  /// and times were part of it is the names alone, and compared by them alone.
  std::string difference(std::string_view earlier) const;
};

/// Tells whether an earlier text() holds no files and times.
inline bool holds_names_only(std::string_view text) {
  return text.find('-') == text.npos;
}

}  // namespace vdd::data
