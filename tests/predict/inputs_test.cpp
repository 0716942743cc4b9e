// SPDX-License-Identifier: Apache-2.0
#include "vdd/predict/inputs.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "support/clips.h"
#include "support/temp_dir.h"
#include "support/thrown.h"
#include "vdd/core/error.h"

namespace vdd::predict {
namespace {

namespace fs = std::filesystem;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

/// clips/clip0, clips/clip1 of 2 frames each, clips/v.mp4 of 3, one.png and a file of another kind.
class Inputs : public ::testing::Test {
 protected:
  void SetUp() override {
    test::write_clips(clips_, 2, 2, 16, 32);
    fs::copy(clips_ / "clip0/frame1000.png", folder_ / "one.png");
    io::VideoWriter writer(clips_ / "v.mp4", 16, 32, 24);
    for (int i = 0; i < 3; ++i) writer.write(io::read_rgb(folder_ / "one.png"));
    writer.close();
    folder_.write("clips/notes.md", "no video");
  }
  static std::vector<std::string> names(const std::vector<fs::path>& paths) {
    std::vector<std::string> out;
    for (const Input& input : find_inputs(paths)) out.push_back(input.name);
    return out;
  }

  test::TempDir folder_;
  fs::path clips_ = folder_ / "clips";
};

TEST_F(Inputs, AFileAFolderOfFramesAndAPictureAreOneVideoEach) {
  const auto inputs = find_inputs({clips_ / "v.mp4", clips_ / "clip1", folder_ / "one.png"});
  ASSERT_EQ(inputs.size(), 3u);
  EXPECT_EQ(inputs[0].name, "v");
  EXPECT_EQ(inputs[0].info.frames, 3);
  EXPECT_EQ(inputs[1].name, "clip1");
  EXPECT_EQ(inputs[1].info.frames, 2);
  EXPECT_EQ(inputs[2].name, "one");
  EXPECT_EQ(inputs[2].info.frames, 1);
}

TEST_F(Inputs, AFolderGivesWhatLiesInIt) {
  EXPECT_THAT(names({clips_}), ElementsAre("clip0", "clip1", "v"));
  EXPECT_THAT(names({clips_ / "clip1/"}), ElementsAre("clip1"));
}

TEST_F(Inputs, AListNamesPathsBesideItself) {
  const fs::path list =
      folder_.write("lists/a.txt", "# two of them\n\n../clips/v.mp4 \r\n../clips/clip0\n");
  EXPECT_THAT(names({list, folder_ / "one.png"}), ElementsAre("v", "clip0", "one"));
}

TEST_F(Inputs, RefusesWhatIsNoVideoByName) {
  const auto error = [](const fs::path& path) {
    return test::thrown<DataError>([&] { find_inputs({path}); });
  };
  EXPECT_EQ(error(folder_ / "gone.mp4"),
            (folder_ / "gone.mp4").string() + ": no such file or folder");
  EXPECT_THAT(error(clips_ / "notes.md"), HasSubstr("notes.md: neither video nor picture"));
  fs::create_directory(folder_ / "empty");
  EXPECT_THAT(error(folder_ / "empty"), HasSubstr("empty: holds no video"));
  EXPECT_THAT(error(folder_.write("none.txt", "# nothing\n")), HasSubstr("names no video"));
  EXPECT_THAT(error(folder_.write("deep.txt", "none.txt\n")), HasSubstr("a list in a list"));
  EXPECT_THAT(error(folder_.write("bad.mp4", "no video")), HasSubstr("bad.mp4: "));
  EXPECT_THAT(error(folder_.write("lost.txt", "clips/v.mp4\nclips/w.mp4\n")), HasSubstr("w.mp4: "));
}

TEST_F(Inputs, TwoVideosOfOneNameWouldShareTheirResults) {
  const std::string error = test::thrown<ConfigError>([&] {
    find_inputs({clips_ / "clip0", clips_});
  });
  EXPECT_THAT(error, HasSubstr("two inputs are named clip0"));
}

}  // namespace
}  // namespace vdd::predict
