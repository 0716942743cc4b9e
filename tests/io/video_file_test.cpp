// SPDX-License-Identifier: Apache-2.0
// Hostile and damaged videos: FFmpeg opens nothing by itself, takes little memory and no long time.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/resource.h>
#include <sys/stat.h>

#include <chrono>
#include <cmath>
#include <random>

#include "support/temp_dir.h"
#include "support/thrown.h"
#include "vdd/core/error.h"
#include "vdd/core/text.h"
#include "vdd/io/video.h"
#include "video_files.h"

namespace vdd::io {
namespace {

using namespace test_videos;
using testing::HasSubstr;

std::string refusal(const std::filesystem::path& file) {
  return test::thrown<DataError>([&] { probe_video(file); });
}

long peak_kib() {
  rusage usage{};
  ::getrusage(RUSAGE_SELF, &usage);
  return usage.ru_maxrss;
}

class Playlist : public testing::TestWithParam<const char*> {};

TEST_P(Playlist, IsNoVideoWhateverItsName) {
  const test::TempDir dir;
  write_video(dir / "real.mp4", 2);
  ASSERT_EQ(::mkfifo((dir / "pipe.ts").c_str(), 0600), 0);
  const std::string hls = "#EXTM3U\n#EXT-X-VERSION:3\n#EXT-X-TARGETDURATION:10\n#EXTINF:10,\n";
  const auto start = std::chrono::steady_clock::now();
  for (const char* other : {"real.mp4", "pipe.ts"}) {
    for (const std::string& text :
         {concat(hls, other, "\n#EXT-X-ENDLIST\n"), concat(hls, other, '\n'),
          concat("ffconcat version 1.0\nfile ", other, '\n'),
          concat("ffconcat version 1.0\nfile ", dir.path().string(), '/', other, '\n')}) {
      EXPECT_THAT(refusal(dir.write(GetParam(), text)), HasSubstr("no video"));
    }
  }
  EXPECT_LT(std::chrono::steady_clock::now() - start, std::chrono::seconds(5));
}

INSTANTIATE_TEST_SUITE_P(VideoFile, Playlist, testing::Values("a.mp4", "a.mkv", "a.avi", "a.mov"));

TEST(VideoFile, ReferenceToAnotherFileIsNotFollowed) {
  const test::TempDir dir;
  const std::string bytes = write_video(dir / "real.mov", 2);
  // QuickTime's alias: volume, folder level, then the relative path "real.mov" as record 18.
  const std::string alias = big(0) + std::string(6, '\0') + big(150, 2) + std::string(118, '\0') +
                            big(1, 2) + big(1, 2) + std::string(16, '\0') + big(18, 2) + big(8, 2) +
                            "real.mov" + big(0xffff, 2) + big(0, 2);
  const auto path = std::vector<std::string_view>{"moov", "trak", "mdia", "minf", "dinf", "dref"};
  const std::string linked = with_box(
      bytes, path, [&](const std::string&) { return big(0) + big(1) + box("alis", alias); });
  // The frames of the file itself are cleared, so that only the other one could give any.
  std::string cleared = linked;
  const std::size_t frames = cleared.find("mdat") + 4, end = cleared.find("moov") - 4;
  std::fill(cleared.begin() + static_cast<long>(frames), cleared.begin() + static_cast<long>(end),
            '\0');
  EXPECT_THAT(refusal(dir.write("a.mov", cleared)), HasSubstr("a.mov"));
}

TEST(VideoFile, TableOfMoreSamplesThanBytesTakesNoMemory) {
  const test::TempDir dir;
  const std::string bytes = write_video(dir / "a.mp4", 3);
  const long before = peak_kib();
  for (const std::uint64_t count : {44'000'000ull, 85'000'000ull, 0xfffffff0ull}) {
    for (const std::uint64_t size : {0, 1}) {
      const std::string bomb = with_box(bytes, sample_table("stsz"), [&](const std::string&) {
        return big(0) + big(size) + big(count);
      });
      EXPECT_THAT(refusal(dir.write("a.mp4", bomb)), HasSubstr(concat("names ", count)));
    }
  }
  const std::string run = box("trun", big(0) + big(85'000'000));
  EXPECT_THAT(refusal(dir.write("b.mp4", bytes + box("moof", box("traf", run)))),
              HasSubstr("trun: names 85000000"));
  EXPECT_THAT(refusal(dir.write("c.mp4", bytes + box("moov", box("cmov", "")))),
              HasSubstr("compressed"));
  const std::string hidden = with_box(bytes, sample_table("stsd"), [](const std::string& table) {
    return table + box("stsz", big(0) + big(0) + big(11'000'000));
  });
  EXPECT_THAT(refusal(dir.write("d.mp4", hidden)), HasSubstr("stsd: holds a box stsz"));

  // Each edit copies the samples that it shows; a chunk of sound has an entry for 1024 numbers.
  const std::string edits =
      box("edts", box("elst", big(0) + big(2000) + std::string(24'000, '\0')));
  const std::string sizes = box("stsz", big(0) + big(1) + big(5000));
  EXPECT_THAT(refusal(dir.write("e.mp4", bytes + box("moov", box("trak", edits + sizes)))),
              HasSubstr("name more than the 8388608 samples"));
  const std::string sound = box("hdlr", big(0) + big(0) + "soun") +
                            box("stts", big(0) + big(1) + big(0xffff'ffff) + big(1)) +
                            box("stco", big(0) + big(5) + std::string(20, '\0')) +
                            box("stsc", big(0) + big(1) + big(1) + big(0x7fff'fff0) + big(1));
  EXPECT_THAT(refusal(dir.write("f.mp4", bytes + box("moov", box("trak", sound)))),
              HasSubstr("name more than the 8388608 samples"));
  EXPECT_LT(peak_kib() - before, 50 * 1024);
}

TEST(VideoFile, SoundMayHaveMoreSamplesThanTheFileHasBytes) {
  const test::TempDir dir;
  const std::string bytes = write_video(dir / "a.mp4", 3);
  const auto count = static_cast<std::uint64_t>(10 * bytes.size());
  const std::string sound = box("hdlr", big(0) + big(0) + "soun") +
                            box("stts", big(0) + big(1) + big(count) + big(1)) +
                            box("stsz", big(0) + big(1) + big(count));
  EXPECT_EQ(probe_video(dir.write("b.mp4", bytes + box("free", box("trak", sound)))).frames, 3);
}

TEST(VideoFile, EmptyAndZeroFilesAreNoVideos) {
  const test::TempDir dir;
  for (const std::size_t size : {0, 1, 100, 1 << 20}) {
    for (const char* name : {"a.mp4", "a.mkv", "a.avi"})
      EXPECT_THAT(refusal(dir.write(name, std::string(size, '\0'))), HasSubstr("no video"));
  }
}

TEST(VideoFile, PictureOverTheLimitIsRefused) {
  const test::TempDir dir;
  // By the header, of a codec whose frames do not say.
  const std::string mp4 =
      with_box(write_video(dir / "a.mp4", 2), sample_table("stsd"), [](std::string table) {
        table.replace(12, 4, "FFV1").replace(40, 4, big(60000, 2) + big(60000, 2));
        return table.replace(table.find("esds"), 4, "free");
      });
  EXPECT_THAT(refusal(dir.write("a.mp4", mp4)), HasSubstr("60000x60000; the limit is 64"));
  // By the frames.
  std::string avi = write_video(dir / "a.avi", 2);
  const std::string frame_header("\xff\xc0\0\x11\x08", 5);
  for (std::size_t at = 0; (at = avi.find(frame_header, at)) != std::string::npos; ++at)
    avi.replace(at + 5, 4, big(60000, 2) + big(60000, 2));
  const long before = peak_kib();
  EXPECT_THAT(refusal(dir.write("a.avi", avi)), HasSubstr("a.avi"));
  EXPECT_LT(peak_kib() - before, 50 * 1024);
}

TEST(VideoFile, ZeroAndHugeTimeBasesAreHarmless) {
  const test::TempDir dir;
  const std::string bytes = without_edits(write_video(dir / "a.mp4", 3));
  for (const std::uint64_t scale : {0ull, 1ull, 1'000'000'000ull, 0xffffffffull}) {
    const auto file = dir.write(
        "b.mp4", with_box(bytes, {"moov", "trak", "mdia", "mdhd"},
                          [&](std::string header) { return header.replace(12, 4, big(scale)); }));
    const VideoInfo info = probe_video(file);
    EXPECT_EQ(info.frames, 3) << scale;
    EXPECT_TRUE(std::isfinite(info.frames_per_second)) << scale;
  }
}

TEST(VideoFile, CutFileHasTheFramesThatAreLeft) {
  const test::TempDir dir;
  const std::string bytes = write_video(dir / "a.avi", 20);
  const std::size_t frames_begin = bytes.find("movi");
  const auto cut =
      dir.write("b.avi", bytes.substr(0, frames_begin + (bytes.size() - frames_begin) / 2));
  const VideoInfo info = probe_video(cut);
  EXPECT_GT(info.frames, 5);
  EXPECT_LT(info.frames, 15);
  const auto frames = read_video(cut, 0, info.frames);
  for (int i = 0; i < info.frames; ++i) EXPECT_EQ(level(frames[static_cast<std::size_t>(i)]), i);
  EXPECT_THAT(test::thrown<DataError>([&] { read_video(cut, 0, info.frames + 1); }),
              HasSubstr(concat("frame ", info.frames)));
}

TEST(VideoFile, DamagedFrameIsNamed) {
  const test::TempDir dir;
  std::mt19937 noise(1);
  for (const char* name : {"a.mp4", "a.avi"}) {
    VideoWriter writer(dir / name, 64, 96, 10);
    for (int i = 0; i < 12; ++i) {
      Image8 image(64, 96, 3);
      for (std::size_t k = 0; k < image.size(); ++k) image.pixels[k] = noise() & 255;
      writer.write(image);
    }
    writer.close();
    std::string bytes = test::content(dir / name);
    std::fill_n(bytes.begin() + static_cast<long>(bytes.size() / 2), 400, '\xff');
    const auto file = dir.write(name, bytes);
    EXPECT_THAT(test::thrown<DataError>([&] { read_video(file, 0, 12); }), HasSubstr(": frame "));
  }
}

TEST(VideoFile, ChangedBytesGiveFramesOrAnError) {
  const test::TempDir dir;
  std::mt19937 random(7);
  for (const char* name : {"a.mp4", "a.avi"}) {
    const std::string bytes = write_video(dir / name, 6);
    for (int round = 0; round < 60; ++round) {
      std::string changed = bytes;
      for (int i = 0; i < 4; ++i) changed[random() % bytes.size()] = static_cast<char>(random());
      const auto file = dir.write(name, changed);
      try {
        read_video(file, 0, probe_video(file).frames);
      } catch (const DataError&) {
      }
    }
  }
}

/// Display matrices of 16.16 numbers: a quarter turn clockwise, a half, three quarters.
class Turned : public testing::TestWithParam<int> {};

TEST_P(Turned, FramesStandAsThePlayerShowsThem) {
  const test::TempDir dir;
  // Bright in the upper left of what is stored.
  VideoWriter writer(dir / "a.mp4", 64, 96, 10);
  Image8 image = frame(0);
  for (int y = 0; y < 32; ++y) std::fill_n(image.row(y), 3 * 48, std::uint8_t{240});
  writer.write(image);
  writer.close();
  const int turns = GetParam();
  const std::uint64_t one = 0x10000, minus = 0xffff0000;
  const std::uint64_t a = turns == 2 ? minus : 0, b = turns == 1 ? one : turns == 3 ? minus : 0;
  const std::uint64_t c = turns == 1 ? minus : turns == 3 ? one : 0;
  const auto file = dir.write(
      "b.mp4",
      with_box(test::content(dir / "a.mp4"), {"moov", "trak", "tkhd"}, [&](std::string header) {
        return header.replace(40, 20, big(a) + big(b) + big(0) + big(c) + big(a));
      }));
  const VideoInfo info = probe_video(file);
  EXPECT_EQ(info.height, turns == 2 ? 64 : 96);
  EXPECT_EQ(info.width, turns == 2 ? 96 : 64);
  const Image8 shown = VideoReader(file).next();
  ASSERT_EQ(shown.height, info.height);
  const auto at = [&](bool bottom, bool right) {
    return shown.row(bottom ? info.height - 9 : 8)[3 * (right ? info.width - 9 : 8)];
  };
  EXPECT_EQ(at(turns >= 2, turns == 1 || turns == 2) > 200, true);
  EXPECT_LT(at(turns < 2, turns == 1 || turns == 2), 60);
  EXPECT_LT(at(turns >= 2, turns == 3), 60);
}

INSTANTIATE_TEST_SUITE_P(VideoFile, Turned, testing::Values(1, 2, 3));

}  // namespace
}  // namespace vdd::io
