// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <string>
#include <string_view>

#include "vdd/core/error.h"
#include "vdd/core/text.h"
#include "video_file.h"

namespace vdd::io {
namespace {

constexpr int kMaxDepth = 10;  // FFmpeg gives up there, too
/// The boxes whose content FFmpeg reads as boxes.
constexpr std::string_view kContainers[] = {"dinf", "edts", "free", "hoov", "mdia", "minf",
                                            "moof", "moov", "mvex", "schi", "sinf", "stbl",
                                            "traf", "trak", "tref", "udta"};

/// Walks through the boxes of a file and adds up the samples that its tables name.
class Tables {
 public:
  explicit Tables(const RegularFile& file)
      : file_(file), size_(static_cast<std::int64_t>(file.size())) {}

  void check() { check(0, size_, 0); }

 private:
  void check(std::int64_t begin, std::int64_t end, int depth) {
    while (end - begin >= 8) {
      std::int64_t head = 8;
      std::int64_t length = number(begin, 4);
      const std::string type = text(begin + 4);
      if (length == 1) length = number(begin + 8, 8), head = 16;
      if (length == 0) length = end - begin;
      if (length < head) return;
      const std::int64_t body = begin + head;
      const std::int64_t next = length > end - begin ? end : begin + length;
      check_box(type, body, next, depth);
      begin = next;
    }
  }

  void check_box(const std::string& type, std::int64_t body, std::int64_t end, int depth) {
    if (std::ranges::find(kContainers, type) != std::end(kContainers)) {
      if (depth < kMaxDepth) check(body, end, depth + 1);
    } else if (type == "cmov") {
      throw DataError(file_.path(), "its header is compressed");
    } else if (type == "stsz") {
      add(type, number(body + 8, 4), number(body + 4, 4) == 0 ? 32 : 0, end - body - 12);
    } else if (type == "stz2") {
      add(type, number(body + 8, 4), number(body + 7, 1), end - body - 12);
    } else if (type == "trun") {
      const std::int64_t flags = number(body + 1, 3);
      int bits = 0;
      for (const int field : {0x100, 0x200, 0x400, 0x800}) bits += (flags & field) ? 32 : 0;
      add(type, number(body + 4, 4), bits, end - body - 8);
    }
  }

  /// `bits` stand in the table for each sample.
  void add(const std::string& type, std::int64_t samples, std::int64_t bits, std::int64_t there) {
    samples_ += samples;
    if (samples_ > size_ || samples * bits / 8 > there) {
      throw DataError(file_.path(), type,
                      concat("names ", samples, " samples; the file has ", size_, " bytes"));
    }
  }

  std::string text(std::int64_t offset) const {
    char bytes[4] = {};
    if (read(offset, bytes, sizeof bytes) != sizeof bytes) return {};
    return {bytes, sizeof bytes};
  }

  /// A big-endian number; 0 past the end, negative where it needs the sign bit of 64.
  std::int64_t number(std::int64_t offset, int bytes) const {
    unsigned char digits[8] = {};
    if (read(offset, digits, bytes) != bytes) return 0;
    std::uint64_t value = 0;
    for (int i = 0; i < bytes; ++i) value = value << 8 | digits[i];
    return static_cast<std::int64_t>(value);
  }

  int read(std::int64_t offset, void* data, int bytes) const {
    return static_cast<int>(
        file_.read_at(static_cast<std::uint64_t>(offset), data, static_cast<std::size_t>(bytes)));
  }

  const RegularFile& file_;
  std::int64_t size_, samples_ = 0;
};

}  // namespace

void check_mov_tables(const RegularFile& file) {
  Tables(file).check();
}

}  // namespace vdd::io
