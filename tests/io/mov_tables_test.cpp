// SPDX-License-Identifier: Apache-2.0
// Boxes of ISO/IEC 14496-12, built by hand; whole videos are in video_file_test.cpp.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <string_view>

#include "support/temp_dir.h"
#include "support/thrown.h"
#include "vdd/core/error.h"
#include "vdd/core/files.h"
#include "vdd/core/text.h"
#include "video_files.h"

namespace vdd::io {

// video_file.h declares it, too, beside what needs the headers of FFmpeg.
void check_mov_tables(const RegularFile& file);

namespace {

using namespace test_videos;
using testing::HasSubstr;

void check_bytes(std::string_view bytes) {
  const test::TempDir dir;
  check_mov_tables(RegularFile(dir.write("a.mp4", bytes)));
}

std::string complaint(std::string_view bytes) {
  return test::thrown<DataError>([&] { check_bytes(bytes); });
}

std::string in_track(std::string_view tables) {
  return box("moov", box("trak", tables));
}

/// A table of chunk offsets that names `count` and holds three.
std::string three_chunks(std::uint64_t count) {
  return box("stco", big(0) + big(count) + std::string(12, '\0'));
}

/// Its size stands in 64 bits, behind the type.
std::string wide_box(std::string_view type, std::string_view content) {
  return big(1) + std::string(type) + big(16 + content.size(), 8) + std::string(content);
}

std::string handler(std::string_view type) {
  return box("hdlr", big(0) + big(0) + std::string(type));
}

TEST(MovTables, ATableNamesNoMoreThanItsBoxHolds) {
  struct Table {
    std::string_view type;
    std::string head;  ///< what stands before the count
    std::size_t bits;  ///< of an entry
  };
  const Table tables[] = {
      {"stsz", big(0) + big(0), 32},  {"stz2", big(0) + big(4), 4}, {"stz2", big(0) + big(8), 8},
      {"stz2", big(0) + big(16), 16}, {"stco", big(0), 32},         {"co64", big(0), 64},
      {"stsc", big(0), 96},           {"elst", big(0), 96},         {"trun", big(0x200), 32},
      {"trun", big(0xf00), 128},
  };
  for (const Table& t : tables) {
    const std::string entries(4 * t.bits / 8, '\0');
    check_bytes(in_track(box(t.type, t.head + big(4) + entries)));
    const std::string bytes = in_track(box(t.type, t.head + big(6) + entries));
    EXPECT_THAT(complaint(bytes), HasSubstr(concat("a.mp4: ", t.type, ": names 6 samples; ")));
    EXPECT_THAT(complaint(bytes), HasSubstr(concat("the file has ", bytes.size(), " bytes")));
  }
}

TEST(MovTables, ATableTooShortForItsCountIsRefused) {
  for (const char* type : {"stsz", "stz2", "stco", "co64", "stsc", "elst", "trun"}) {
    EXPECT_THAT(complaint(in_track(box(type, ""))), HasSubstr(type));
    EXPECT_THAT(complaint(in_track(box(type, big(0)) + box("free", big(0)))), HasSubstr(type));
  }
}

TEST(MovTables, ATableCutByTheEndOfTheFileIsRefused) {
  const std::string whole = in_track(three_chunks(3));
  check_bytes(whole);
  for (std::size_t cut = 1; cut <= 12; ++cut) {
    EXPECT_THAT(complaint(std::string_view(whole).substr(0, whole.size() - cut)),
                HasSubstr("stco: names 3 samples"));
  }
}

TEST(MovTables, SizesOf64BitsAreRead) {
  const auto nested = [](std::uint64_t count) {
    const std::string table = big(0) + big(count) + std::string(12, '\0');
    return wide_box("moov", wide_box("trak", wide_box("stco", table)));
  };
  check_bytes(nested(3));
  EXPECT_THAT(complaint(nested(4)), HasSubstr("stco: names 4 samples"));
  const std::string frames = wide_box("mdat", "frame");
  EXPECT_THAT(complaint(frames + in_track(three_chunks(4))), HasSubstr("stco"));
  // FFmpeg takes the 8 of an empty box for "to the end".
  const std::string open = big(1) + "moov" + big(8, 8);
  check_bytes(open + three_chunks(3));
  EXPECT_THAT(complaint(open + three_chunks(4)), HasSubstr("stco"));
  // A size beyond the file ends with the file.
  const std::string endless = big(1) + "moov" + big(std::uint64_t{1} << 62, 8);
  check_bytes(endless + three_chunks(3));
  EXPECT_THAT(complaint(endless + three_chunks(4)), HasSubstr("stco"));
}

TEST(MovTables, ABoxOfSizeZeroReachesToTheEndOfWhatHoldsIt) {
  const auto open_box = [](std::string_view type, const std::string& content) {
    return big(0) + std::string(type) + content;
  };
  check_bytes(open_box("moov", open_box("trak", three_chunks(3))));
  EXPECT_THAT(complaint(open_box("moov", open_box("trak", three_chunks(4)))), HasSubstr("stco"));
  const std::string table = open_box("stco", big(0) + big(4) + std::string(12, '\0'));
  EXPECT_THAT(complaint(in_track(table) + box("skip", std::string(100, '\0'))), HasSubstr("stco"));
}

TEST(MovTables, ASizeBelowThatOfItsHeaderEndsTheWalk) {
  for (const std::uint64_t size : {2u, 7u}) check_bytes(big(size) + "moov" + std::string(24, '\0'));
  for (const std::uint64_t size : {std::uint64_t{15}, std::uint64_t{1} << 63, ~std::uint64_t{0}})
    check_bytes(big(1) + "moov" + big(size, 8) + std::string(24, '\0'));
  for (std::size_t length = 0; length <= 8; ++length)
    check_bytes(std::string_view("\0\0\0\1moov", 8).substr(0, length));
}

TEST(MovTables, BoxesWithinBoxesAreFollowedAsDeepAsFFmpegDoesAndNoDeeper) {
  std::string nested = three_chunks(4);
  for (int depth = 0; depth < 10; ++depth) nested = box("minf", nested);
  EXPECT_THAT(complaint(nested), HasSubstr("stco"));
  std::string deep;  // enough to fill the stack, were each a call
  constexpr std::uint64_t kBoxes = 200'000;
  for (std::uint64_t i = 0; i < kBoxes; ++i) deep += big(8 * (kBoxes - i)) + "minf";
  check_bytes(deep);
}

TEST(MovTables, EveryBoxWhoseContentFFmpegReadsAsBoxesIsFollowed) {
  for (const char* type :
       {"dinf", "edts", "free", "hoov", "ilst", "mdia", "minf", "moof", "moov", "mvex", "schi",
        "sinf", "stbl", "traf", "trak", "tref", "udta", "wave"}) {
    EXPECT_THAT(complaint(box(type, three_chunks(4))), HasSubstr("stco")) << type;
  }
}

TEST(MovTables, MoreThanAMillionBoxesAreRefused) {
  const std::string empty = box("free", "");
  std::string bytes;
  for (int i = 0; i <= 1 << 20; ++i) bytes += empty;
  EXPECT_THAT(complaint(bytes), HasSubstr("more than 1048576 boxes"));
}

TEST(MovTables, MetadataIsReadFromItsHandlerOn) {
  const std::string boxes = handler("mdta") + three_chunks(4);
  EXPECT_THAT(complaint(box("meta", boxes)), HasSubstr("stco"));           // QuickTime
  EXPECT_THAT(complaint(box("meta", big(0) + boxes)), HasSubstr("stco"));  // ISO, with a version
  const std::string before(100'000, '\0');
  EXPECT_THAT(complaint(box("meta", before + boxes)), HasSubstr("stco"));
}

TEST(MovTables, AllTracksTogetherStayBelowTheLimit) {
  // 1000 edits of 5000 samples each: 5 of the 8.4 million that are taken.
  const std::string edits = box("elst", big(0) + big(1000) + std::string(12'000, '\0'));
  const std::string track = box("trak", edits + box("stsz", big(0) + big(1) + big(5000)));
  check_bytes(box("moov", track));
  EXPECT_THAT(complaint(box("moov", track + track)), HasSubstr("more than the 8388608 samples"));
}

TEST(MovTables, TheSamplesOfAllFragmentsAreAddedUp) {
  const auto fragment = [](std::uint64_t count) {  // of 32 bytes
    return box("moof", box("traf", box("trun", big(0) + big(count))));
  };
  check_bytes(fragment(40) + fragment(24));
  EXPECT_THAT(complaint(fragment(40) + fragment(25)),
              HasSubstr("trun: names 65 samples; the file has 64 bytes"));
}

TEST(MovTables, OnlySoundOfSingleNumbersMayHaveMoreSamplesThanBytes) {
  const auto durations = [](std::uint64_t runs, std::uint64_t ticks) {
    return box("stts", big(0) + big(runs) + big(100'000) + big(ticks) + big(1) + big(1));
  };
  const std::string samples = box("stsz", big(0) + big(1) + big(100'000));
  check_bytes(in_track(handler("soun") + durations(1, 1) + samples));
  for (const std::string& tables :
       {durations(1, 1), handler("vide") + durations(1, 1),
        handler("soun") + handler("vide") + durations(1, 1), handler("soun") + durations(1, 1024),
        handler("soun") + durations(2, 1)}) {
    EXPECT_THAT(complaint(in_track(tables + samples)), HasSubstr("stsz: names 100000 samples"));
  }
}

TEST(MovTables, TheLargestChunksOfSoundCount) {
  // 5 chunks of 2^31 - 1 numbers, of which 1024 make an entry: over ten million.
  const std::string sound =
      handler("soun") + box("stco", big(0) + big(5) + std::string(20, '\0')) +
      box("stsc", big(0) + big(2) + big(1) + big(1) + big(1) + big(2) + big(0x7fff'ffff) + big(1));
  EXPECT_THAT(complaint(in_track(sound)), HasSubstr("more than the 8388608 samples"));
}

TEST(MovTables, ASampleDescriptionIsShortAndHoldsNoTables) {
  check_bytes(in_track(box("stsd", std::string(1 << 20, '\0'))));
  EXPECT_THAT(complaint(in_track(box("stsd", std::string((1 << 20) + 1, '\0')))),
              HasSubstr("stsd: longer than a megabyte"));
  for (const char* type : {"stts", "co64", "elst", "trun"}) {
    EXPECT_THAT(complaint(in_track(box("stsd", std::string(99, '\0') + box(type, big(0))))),
                HasSubstr(concat("stsd: holds a box ", type)));
  }
}

}  // namespace
}  // namespace vdd::io
