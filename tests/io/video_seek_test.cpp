// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include "support/temp_dir.h"
#include "vdd/io/video.h"
#include "video_files.h"

namespace vdd::io {
namespace {

using namespace test_videos;

/// Durations of 100 frames: ten short ones, ten long ones, and so on.
std::vector<int> unequal() {
  std::vector<int> ticks;
  for (int i = 0; i < 100; ++i) ticks.push_back(i / 10 % 2 ? 5 : 1);
  return ticks;
}

TEST(VideoSeek, StartsAtTheSameFrameAsReadingFromTheFirst) {
  const test::TempDir dir;
  write_video(dir / "a.mp4", 100);
  write_video(dir / "a.avi", 100);
  for (const char* name : {"a.mp4", "a.avi"}) {
    for (int start = 0; start < 100; start += 7)
      EXPECT_EQ(level(VideoReader(dir / name, start).next()), start % 20) << name << ' ' << start;
  }
}

TEST(VideoSeek, FrameNumbersCountWhereFramesLastUnequallyLong) {
  const test::TempDir dir;
  const auto file = dir.write("b.mp4", with_durations(write_video(dir / "a.mp4", 100), unequal()));
  const VideoInfo info = probe_video(file);
  EXPECT_EQ(info.frames, 100);
  EXPECT_FALSE(info.constant_rate);
  EXPECT_TRUE(probe_video(dir / "a.mp4").constant_rate);
  for (int start = 0; start < 100; start += 7)
    EXPECT_EQ(level(VideoReader(file, start).next()), start % 20) << start;
}

TEST(VideoSeek, TimesAreThoseOfTheFile) {
  const test::TempDir dir;
  const auto file = dir.write("b.mp4", with_durations(write_video(dir / "a.mp4", 100), unequal()));
  VideoReader even(dir / "a.mp4", 30), uneven(file, 0, 3);
  double expected = 0;
  for (int i = 0; i < 30; ++i) {
    even.next();
    EXPECT_NEAR(even.time(), 3 + 0.1 * i, 1e-9);
    uneven.next();
    EXPECT_NEAR(uneven.time(), expected, 1e-9) << i;
    for (int k = 3 * i; k < 3 * i + 3; ++k)
      expected += 0.1 * unequal()[static_cast<std::size_t>(k)];
  }
}

}  // namespace
}  // namespace vdd::io
