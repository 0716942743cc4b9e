// SPDX-License-Identifier: Apache-2.0
#include "vdd/data/fingerprint.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chrono>

#include "make_scenes.h"
#include "support/clips.h"
#include "support/temp_dir.h"
#include "vdd/core/hash.h"
#include "vdd/data/dataset.h"

namespace vdd::data {
namespace {

namespace fs = std::filesystem;
using testing::HasSubstr;
using vdd::test::TempDir;

DataConfig config_of(const fs::path& root, bool rgb_only = true) {
  DataConfig config;
  config.root = root.string();
  config.holdout = {};
  config.frames = 2;
  config.height = config.width = 64;
  config.rgb_only = rgb_only;
  return config;
}

Fingerprint fingerprint(const fs::path& root, bool rgb_only = true) {
  return ClipDataset(config_of(root, rgb_only)).fingerprint();
}

void make_older(const fs::path& file) {
  fs::last_write_time(file, fs::last_write_time(file) - std::chrono::seconds(100));
}

class FingerprintTest : public testing::Test {
 protected:
  FingerprintTest() { vdd::test::write_clips(clips_, 2, 3, 64, 64); }

  TempDir folder_;
  fs::path clips_ = folder_ / "clips";
};

TEST_F(FingerprintTest, NamesAreTheHashOfSequencesAndFrames) {
  EXPECT_EQ(fingerprint(clips_).names, sha256_hex("videos/clip0 0 3\nvideos/clip1 0 3\n"));
}

TEST_F(FingerprintTest, FilesAreTheHashOfNamesAndSizes) {
  std::string lines;
  for (const char* name : {"clip0/frame1000.png", "clip0/frame1001.png", "clip0/frame1002.png",
                           "clip1/frame1000.png", "clip1/frame1001.png", "clip1/frame1002.png"}) {
    lines.append(name).append(" ").append(std::to_string(fs::file_size(clips_ / name))) += '\n';
  }
  EXPECT_EQ(fingerprint(clips_).files, sha256_hex(lines));
  EXPECT_EQ(fingerprint(clips_.string() + '/').text(), fingerprint(clips_).text());
}

TEST_F(FingerprintTest, AnotherPlaceWithTheSameTimesIsTheSameDataSet) {
  const std::string before = fingerprint(clips_).text();
  fs::rename(clips_, folder_ / "moved");
  EXPECT_EQ(fingerprint(folder_ / "moved").difference(before), "");
  EXPECT_EQ(fingerprint(folder_ / "moved").text(), before);
}

TEST_F(FingerprintTest, ReplacedPicturesAreSeen) {
  const Fingerprint before = fingerprint(clips_);
  make_older(clips_ / "clip1/frame1001.png");
  const Fingerprint touched = fingerprint(clips_);
  EXPECT_THAT(touched.difference(before.text()), HasSubstr("same names and sizes"));
  EXPECT_EQ(touched.content(), before.content());
  EXPECT_NE(touched.text(), before.text());

  vdd::test::write_clips(clips_, 2, 3, 64, 128);
  const Fingerprint replaced = fingerprint(clips_);
  EXPECT_EQ(replaced.names, before.names);
  EXPECT_THAT(replaced.difference(before.text()), HasSubstr("other names or sizes"));
  EXPECT_NE(replaced.content(), before.content());

  vdd::test::write_clips(clips_, 2, 4, 64, 64);
  EXPECT_THAT(fingerprint(clips_).difference(before.text()), HasSubstr("other sequences"));
}

TEST_F(FingerprintTest, ATextOfNamesAloneIsComparedByThem) {
  const std::string before = fingerprint(clips_).names;
  EXPECT_TRUE(holds_names_only(before));
  EXPECT_FALSE(holds_names_only(fingerprint(clips_).text()));
  make_older(clips_ / "clip1/frame1001.png");
  EXPECT_EQ(fingerprint(clips_).difference(before), "");
  fs::remove(clips_ / "clip1/frame1002.png");
  EXPECT_THAT(fingerprint(clips_).difference(before), HasSubstr("other sequences"));
}

TEST_F(FingerprintTest, LinksCountAsWhatTheyLeadTo) {
  const std::string before = fingerprint(clips_).text();
  fs::create_directories(folder_ / "links/clip1");
  fs::create_directory_symlink(clips_ / "clip0", folder_ / "links/clip0");
  for (const auto& entry : fs::directory_iterator(clips_ / "clip1")) {
    fs::create_symlink(entry.path(), folder_ / "links/clip1" / entry.path().filename());
  }
  EXPECT_EQ(fingerprint(folder_ / "links").text(), before);
  const ClipDataset direct(config_of(clips_)), linked(config_of(folder_ / "links"));
  for (int n = 0; n < 4; ++n) {
    EXPECT_EQ(linked.plan(0, n).content_key, direct.plan(0, n).content_key);
    EXPECT_TRUE(
        linked.load(linked.plan(0, n)).rgb_TCHW.equal(direct.load(direct.plan(0, n)).rgb_TCHW));
  }
}

TEST_F(FingerprintTest, DepthAndTablesCountWhereTheyAreRead) {
  test::write_hypersim(folder_ / "hypersim", {});
  const auto depth_file = [&] {
    for (const auto& entry : fs::recursive_directory_iterator(folder_ / "hypersim")) {
      if (entry.path().string().ends_with(".depth_meters.hdf5")) return entry.path();
    }
    return fs::path();
  }();
  const Fingerprint rgb = fingerprint(folder_ / "hypersim");
  Fingerprint deep = fingerprint(folder_ / "hypersim", false);
  make_older(depth_file);
  EXPECT_EQ(fingerprint(folder_ / "hypersim").difference(rgb.text()), "");
  EXPECT_NE(fingerprint(folder_ / "hypersim", false).difference(deep.text()), "");

  deep = fingerprint(folder_ / "hypersim", false);
  for (const auto& entry : fs::recursive_directory_iterator(folder_ / "hypersim")) {
    if (entry.path().filename() == "metadata_camera_parameters.csv") make_older(entry.path());
  }
  EXPECT_EQ(fingerprint(folder_ / "hypersim").difference(rgb.text()), "");
  EXPECT_NE(fingerprint(folder_ / "hypersim", false).difference(deep.text()), "");
}

}  // namespace
}  // namespace vdd::data
