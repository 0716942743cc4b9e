// SPDX-License-Identifier: Apache-2.0
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>

#include "support/temp_dir.h"
#include "support/thrown.h"
#include "vdd/core/error.h"
#include "vdd/io/video.h"
#include "video_files.h"

namespace vdd::io {
namespace {

using namespace test_videos;
using testing::HasSubstr;

class FullDisk : public testing::TestWithParam<const char*> {};

TEST_P(FullDisk, IsAnErrorThatSaysSo) {
  const test::TempDir dir;
  std::filesystem::create_symlink("/dev/full", dir / GetParam());
  EXPECT_THAT(test::thrown<ResourceError>([&] { write_video(dir / GetParam(), 3); }),
              HasSubstr("No space left"));
}

INSTANTIATE_TEST_SUITE_P(VideoWriter, FullDisk, testing::Values("a.mp4", "a.avi"));

TEST(VideoWriter, NamesAFolderThatIsNotThere) {
  const test::TempDir dir;
  EXPECT_THAT(test::thrown<ResourceError>([&] { VideoWriter(dir / "no/a.mp4", 64, 96, 10); }),
              HasSubstr("No such file"));
}

TEST(VideoWriter, RefusesRatesThatAreNone) {
  const test::TempDir dir;
  for (const double rate : {0., -1., std::nan("")})
    EXPECT_THROW(VideoWriter(dir / "a.mp4", 64, 96, rate), ResourceError);
}

TEST(VideoWriter, KeepsTheFrameRateExactly) {
  const test::TempDir dir;
  for (const double rate : {24000. / 1001, 30000. / 1001, 12.5, 240.}) {
    VideoWriter writer(dir / "a.mp4", 64, 96, rate);
    for (int i = 0; i < 3; ++i) writer.write(frame(i));
    writer.close();
    EXPECT_NEAR(probe_video(dir / "a.mp4").frames_per_second, rate, 1e-9);
  }
}

TEST(VideoWriter, CutsAnOddSize) {
  const test::TempDir dir;
  VideoWriter writer(dir / "a.mp4", 65, 97, 10);
  writer.write(frame(3, 65, 97));
  writer.close();
  const VideoInfo info = probe_video(dir / "a.mp4");
  EXPECT_EQ(info.height, 64);
  EXPECT_EQ(info.width, 96);
  EXPECT_EQ(levels(read_video(dir / "a.mp4", 0, 1)), std::vector{3});
}

TEST(VideoWriter, GivesTheSameBytesForTheSameFrames) {
  const test::TempDir dir;
  for (const char* name : {"a.mp4", "a.avi"})
    EXPECT_EQ(write_video(dir / name, 5), write_video(dir / name, 5));
}

}  // namespace
}  // namespace vdd::io
