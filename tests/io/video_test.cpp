// SPDX-License-Identifier: Apache-2.0
#include "vdd/io/video.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include "support/temp_dir.h"
#include "support/thrown.h"
#include "vdd/core/error.h"
#include "vdd/core/text.h"
#include "video_files.h"

namespace vdd::io {
namespace {

using namespace test_videos;

class VideoContainer : public testing::TestWithParam<const char*> {};

TEST_P(VideoContainer, GivesBackTheFramesAskedFor) {
  const test::TempDir dir;
  const auto file = dir / GetParam();
  write_video(file, 20);
  const VideoInfo info = probe_video(file);
  EXPECT_EQ(info.frames, 20);
  EXPECT_EQ(info.height, 64);
  EXPECT_EQ(info.width, 96);
  EXPECT_NEAR(info.frames_per_second, 10, 1e-6);
  EXPECT_EQ(levels(read_video(file, 0, 4)), (std::vector{0, 1, 2, 3}));
  EXPECT_EQ(levels(read_video(file, 7, 4, 3)), (std::vector{7, 10, 13, 16}));
  EXPECT_EQ(levels(read_video(file, 19, 1)), (std::vector{19}));
  EXPECT_THROW(read_video(file, 18, 4), DataError);
}

INSTANTIATE_TEST_SUITE_P(Video, VideoContainer, testing::Values("a.mp4", "a.avi"));

TEST(Video, FolderFramesComeInNaturalOrder) {
  const test::TempDir dir;
  for (const int i : {0, 1, 2, 9, 10, 11}) write_png(dir / concat("f", i, ".png"), frame(i));
  dir.write("notes.txt", "no picture");
  EXPECT_EQ(probe_video(dir.path()).frames, 6);
  EXPECT_EQ(levels(read_video(dir.path(), 1, 5)), (std::vector{1, 2, 9, 10, 11}));
  EXPECT_THROW(read_video(dir.path(), 2, 5), DataError);
}

TEST(Video, FramesOfAFolderAreOfOneSize) {
  const test::TempDir dir;
  write_png(dir / "0.png", frame(0));
  write_png(dir / "1.png", frame(1, 65, 96));
  EXPECT_THAT(test::thrown<DataError>([&] { read_video(dir.path(), 0, 2); }),
              testing::HasSubstr("another size"));
}

TEST(Video, APictureIsAVideoOfOneFrame) {
  const test::TempDir dir;
  write_png(dir / "a.png", frame(4));
  EXPECT_EQ(probe_video(dir / "a.png").frames, 1);
  VideoReader reader(dir / "a.png");
  EXPECT_EQ(reader.next().row(0)[0], 60);
  EXPECT_THAT(test::thrown<DataError>([&] { reader.next(); }), testing::HasSubstr("only 1 frame"));
}

TEST(Video, AReaderGivesEveryNthFrameThenNamesTheMissingOne) {
  const test::TempDir dir;
  write_video(dir / "a.mp4", 12);
  VideoReader reader(dir / "a.mp4", 1, 5);
  std::vector<Image8> frames;
  for (int i = 0; i < 3; ++i) frames.push_back(reader.next());
  EXPECT_EQ(levels(frames), (std::vector{1, 6, 11}));
  EXPECT_THAT(test::thrown<DataError>([&] { reader.next(); }), testing::HasSubstr("frame 16"));
}

TEST(Video, RefusesWhatIsNoVideo) {
  const test::TempDir dir;
  EXPECT_THROW(probe_video(dir.path()), DataError);
  EXPECT_THROW(probe_video(dir.write("text.mp4", "not a video")), DataError);
  EXPECT_THROW(probe_video(dir / "none.mp4"), DataError);
  ASSERT_EQ(::mkfifo((dir / "pipe.mp4").c_str(), 0600), 0);
  EXPECT_THROW(probe_video(dir / "pipe.mp4"), DataError);
}

}  // namespace
}  // namespace vdd::io
