// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <string>
#include <string_view>
#include <vector>

#include "vdd/core/error.h"
#include "vdd/core/text.h"
#include "video_file.h"

namespace vdd::io {
namespace {

constexpr int kMaxBoxDepth = 10;  // FFmpeg gives up there, too
constexpr std::int64_t kMaxBoxes = 1 << 20;
/// Limit of the entries of FFmpeg's index in all, some 40 bytes each: a day of video, or 20 hours
/// with sound.
constexpr std::int64_t kMaxEntries = 8 << 20;
/// The boxes whose content FFmpeg reads as boxes.
constexpr std::string_view kContainerBoxes[] = {"dinf", "edts", "free", "hoov", "ilst", "mdia",
                                                "minf", "moof", "moov", "mvex", "schi", "sinf",
                                                "stbl", "traf", "trak", "tref", "udta", "wave"};
/// What FFmpeg would also read inside of a sample description, where no program puts it.
constexpr std::string_view kTables[] = {"co64", "elst", "stco", "stsc", "stsz",
                                        "stts", "stz2", "trak", "trun"};

/// What the tables of a track ask of FFmpeg's index.
struct Track {
  bool sound = false, picture = false;  ///< handlers that it names
  bool unit_steps = true;               ///< each sample lasts one tick, as those of sound do
  std::int64_t samples = 0, chunks = 0, per_chunk = 0, edits = 0;

  /// Sound whose samples are single numbers has an entry for up to 1024 of a chunk, all else one a
  /// sample; each edit copies what it shows.
  bool by_chunk() const { return sound && !picture && unit_steps; }
  std::int64_t entries() const {
    const std::int64_t each = by_chunk() ? chunks * ((per_chunk + 1023) / 1024) : samples;
    return std::min(each, kMaxEntries + 1) * std::max<std::int64_t>(edits, 1);
  }
};

/// Walks through the boxes of a file and adds up what its tables name.
class Tables {
 public:
  explicit Tables(const RegularFile& file)
      : file_(file), size_(static_cast<std::int64_t>(file.size())) {}

  void check() {
    check(0, size_, 0);
    std::int64_t entries = runs_;
    for (const Track& track : tracks_) {
      if (!track.by_chunk() && track.samples > size_) fail_samples("stsz", track.samples);
      entries += track.entries();
      if (entries > kMaxEntries) {
        throw DataError(file_.path(), concat("its tables name more than the ", kMaxEntries,
                                             " samples that a video may have"));
      }
    }
  }

 private:
  void check(std::int64_t begin, std::int64_t end, int depth) {
    while (end - begin >= 8) {
      if (++boxes_ > kMaxBoxes)
        throw DataError(file_.path(), concat("more than ", kMaxBoxes, " boxes"));
      std::int64_t head = 8;
      std::int64_t length = number(begin, 4);
      const std::string type = text(begin + 4);
      if (length == 1) length = number(begin + 8, 8), head = 16;
      const bool open = length == (head == 16 ? 8 : 0);  // to FFmpeg's arithmetic
      if (open) length = end - begin;
      if (length < head) return;
      const std::int64_t body = begin + head;
      const std::int64_t next = length > end - begin ? end : begin + length;
      check_box(type, body, next, depth);
      begin = next;
    }
  }

  void check_box(const std::string& type, std::int64_t body, std::int64_t end, int depth) {
    if (type == "trak") tracks_.emplace_back();
    if (std::ranges::find(kContainerBoxes, type) != std::end(kContainerBoxes)) {
      if (depth < kMaxBoxDepth) check(body, end, depth + 1);
    } else if (type == "meta") {
      check_meta(body, end, depth);
    } else if (type == "stsd") {
      check_description(body, end);
    } else if (type == "cmov") {
      throw DataError(file_.path(), "its header is compressed");
    } else if (type == "hdlr") {
      track().sound = track().sound || text(body + 8) == "soun";
      track().picture = track().picture || text(body + 8) == "vide";
    } else if (type == "stts") {
      const bool unit = number(body + 4, 4) == 1 && number(body + 12, 4) == 1;
      track().unit_steps = track().unit_steps && unit;
    } else if (type == "stsz") {
      const bool listed = number(body + 4, 4) == 0;
      track().samples += counted(type, body + 8, listed ? 32 : 0, end);
    } else if (type == "stz2") {
      track().samples += counted(type, body + 8, number(body + 7, 1), end);
    } else if (type == "stco" || type == "co64") {
      track().chunks += counted(type, body + 4, type == "stco" ? 32 : 64, end);
    } else if (type == "stsc") {
      const std::int64_t runs = counted(type, body + 4, 96, end);
      for (std::int64_t i = 0; i < std::min(runs, kMaxBoxes); ++i)
        track().per_chunk = std::max(track().per_chunk, number(body + 12 + 12 * i, 4));
      if (runs > kMaxBoxes) fail_samples(type, runs);
    } else if (type == "elst") {
      track().edits += counted(type, body + 4, 96, end);
    } else if (type == "trun") {
      const std::int64_t flags = number(body + 1, 3);
      int bits = 0;
      for (const int field : {0x100, 0x200, 0x400, 0x800}) bits += (flags & field) ? 32 : 0;
      runs_ += counted(type, body + 4, bits, end);
      if (runs_ > size_) fail_samples(type, runs_);
    }
  }

  /// FFmpeg looks for the handler, and reads boxes from there on.
  void check_meta(std::int64_t body, std::int64_t end, int depth) {
    constexpr std::int64_t kBlock = 1 << 16;
    std::string bytes;
    for (std::int64_t at = body + 4; at < end; at += kBlock) {
      bytes.resize(static_cast<std::size_t>(std::min(kBlock, end - at)));
      bytes.resize(file_.read_at(static_cast<std::uint64_t>(at), bytes.data(), bytes.size()));
      for (std::size_t i = 0; i + 4 <= bytes.size(); i += 4) {
        if (bytes.compare(i, 4, "hdlr") != 0) continue;
        if (depth < kMaxBoxDepth) check(at + static_cast<std::int64_t>(i) - 4, end, depth + 1);
        return;
      }
    }
  }

  void check_description(std::int64_t body, std::int64_t end) {
    constexpr std::int64_t kMost = 1 << 20;
    if (end - body > kMost) throw DataError(file_.path(), "stsd", "longer than a megabyte");
    std::string bytes(static_cast<std::size_t>(end - body), '\0');
    bytes.resize(file_.read_at(static_cast<std::uint64_t>(body), bytes.data(), bytes.size()));
    for (const std::string_view table : kTables) {
      if (bytes.find(table) != std::string::npos)
        throw DataError(file_.path(), "stsd", concat("holds a box ", table));
    }
  }

  /// Reads the number at `offset`, after which `bits` stand in the box for each that it counts.
  std::int64_t counted(const std::string& type, std::int64_t offset, std::int64_t bits,
                       std::int64_t end) const {
    const std::int64_t count = number(offset, 4);
    if (count * bits / 8 > end - offset - 4) fail_samples(type, count);
    return count;
  }

  [[noreturn]] void fail_samples(const std::string& type, std::int64_t samples) const {
    throw DataError(file_.path(), type,
                    concat("names ", samples, " samples; the file has ", size_, " bytes"));
  }

  /// Returns the track that FFmpeg is at; tables outside of any belong to one that has no other.
  Track& track() { return tracks_.back(); }

  std::string text(std::int64_t offset) const {
    char bytes[4] = {};
    if (read(offset, bytes, sizeof bytes) != sizeof bytes) return {};
    return {bytes, sizeof bytes};
  }

  /// Reads a big-endian number; 0 past the end, negative where it needs the sign bit of 64.
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
  std::int64_t size_, boxes_ = 0, runs_ = 0;
  std::vector<Track> tracks_ = std::vector<Track>(1);
};

}  // namespace

void check_mov_tables(const RegularFile& file) {
  Tables(file).check();
}

}  // namespace vdd::io
