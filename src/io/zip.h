// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

// As much of ZIP as NumPy's archives need: members stored or deflated, 64-bit sizes; no encryption,
// no archives in parts.
namespace vdd::io {

struct ZipMember {
  std::string name;
  bool deflated = false;
  std::uint32_t crc = 0;
  std::uint64_t size = 0;  ///< size of the content
  std::string_view data;   ///< as stored, inside of the archive's bytes
};

/// Lists the members that the archive's directory lists, all bounds checked: none claims more
/// content than its data can hold. `path` only names the archive in errors. Throws DataError.
std::vector<ZipMember> list_zip(std::string_view archive, const std::filesystem::path& path);

/// Writes the content of a member to `out`, which holds member.size bytes; checksum verified.
/// Throws DataError.
void extract(const ZipMember& member, void* out, const std::filesystem::path& path);

/// Reads the first bytes of a member, at most `most`, without a look at the checksum: what says
/// whether the whole is wanted. Throws DataError.
std::string extract_start(const ZipMember& member, std::size_t most,
                          const std::filesystem::path& path);

/// Returns the content of a member that is not deflated, where it lies in the archive; checksum
/// verified. Throws DataError.
std::string_view content_in_place(const ZipMember& member, const std::filesystem::path& path);

/// An archive with one member that is written piece by piece. Complete or absent.
class ZipWriter {
 public:
  /// `size` is that of the content.
  ZipWriter(const std::filesystem::path& path, std::string member, std::uint64_t size,
            bool deflate);
  ~ZipWriter();
  ZipWriter(const ZipWriter&) = delete;
  ZipWriter& operator=(const ZipWriter&) = delete;
  void write(const void* data, std::size_t bytes);
  /// Completes the archive; all `size` bytes must have been written.
  void commit();

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace vdd::io
