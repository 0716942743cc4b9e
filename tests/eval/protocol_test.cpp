// SPDX-License-Identifier: Apache-2.0
#include "vdd/eval/protocol.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <set>

#include "support/field_count.h"
#include "support/temp_dir.h"
#include "support/thrown.h"
#include "vdd/config/writer.h"
#include "vdd/core/error.h"
#include "vdd/core/text.h"
#include "vdd/eval/result.h"

namespace vdd::eval {
namespace {

namespace fs = std::filesystem;
using testing::ElementsAre;
using testing::HasSubstr;

/// A row of DepthCrafter's benchmark.
struct Published {
  std::string name;
  std::int64_t sequences, first, step, frames, height, width;
  double max_depth;
  metrics::CropRule crop;
};

class DepthCrafter : public testing::TestWithParam<Published> {};

TEST_P(DepthCrafter, FixesWhatItsScriptsFix) {
  const Published& row = GetParam();
  const Protocol p = find_protocol(row.name);
  EXPECT_EQ(p.sequence_count, row.sequences);
  EXPECT_EQ(p.first, row.first);
  EXPECT_EQ(p.step, row.step);
  EXPECT_EQ(p.frames, row.frames);
  EXPECT_EQ(p.height, row.height);
  EXPECT_EQ(p.width, row.width);
  EXPECT_EQ(p.crop, row.crop);
  EXPECT_EQ(p.score_crop, metrics::CropRule::kNone);
  EXPECT_EQ(p.alignment.max_depth, row.max_depth);
  EXPECT_EQ(p.alignment.min_depth, 1e-3);
  EXPECT_EQ(p.alignment.floor, 1e-3);
  EXPECT_EQ(p.alignment.fit, metrics::FitKind::kScaleShift);
  EXPECT_EQ(p.alignment.scope, metrics::FitScope::kClip);
}

INSTANTIATE_TEST_SUITE_P(Protocol, DepthCrafter,
                         testing::Values(Published{"depthcrafter-sintel-50@1", 23, 0, 1, 50, 448,
                                                   1024, 70, metrics::CropRule::kNone},
                                         Published{"depthcrafter-scannet-90@1", 100, 0, 3, 90, 640,
                                                   832, 10, metrics::CropRule::kScannetBorder},
                                         Published{"depthcrafter-kitti-110@1", 13, 0, 1, 110, 384,
                                                   1280, 80, metrics::CropRule::kEven},
                                         Published{"depthcrafter-bonn-110@1", 5, 30, 1, 110, 512,
                                                   640, 10, metrics::CropRule::kNone},
                                         Published{"depthcrafter-nyu@1", 654, 0, 1, 0, 448, 640, 10,
                                                   metrics::CropRule::kNyuEigen},
                                         Published{"depthcrafter-files-sintel@1", 23, 0, 1, 0, 448,
                                                   1024, 70, metrics::CropRule::kNone},
                                         Published{"depthcrafter-files-scannet@1", 100, 0, 1, 0,
                                                   640, 832, 10, metrics::CropRule::kNone},
                                         Published{"depthcrafter-files-kitti@1", 13, 0, 1, 0, 384,
                                                   1280, 80, metrics::CropRule::kNone},
                                         Published{"depthcrafter-files-bonn@1", 5, 0, 1, 0, 512,
                                                   640, 10, metrics::CropRule::kNone},
                                         Published{"depthcrafter-files-nyu@1", 654, 0, 1, 0, 448,
                                                   640, 10, metrics::CropRule::kNone}));

TEST(Protocol, NamesAreUniqueVersionedAndSorted) {
  std::set<std::string> names;
  for (const Protocol& p : protocols()) {
    EXPECT_THAT(p.name, testing::MatchesRegex("[a-z0-9-]+@[0-9]+"));
    EXPECT_FALSE(p.about.empty());
    if (!names.empty()) {
      EXPECT_LT(*names.rbegin(), p.name);
    }
    names.insert(p.name);
  }
}

TEST(Protocol, ListsOfSequencesHaveTheirLength) {
  for (const Protocol& p : protocols()) {
    const std::set<std::string> distinct(p.sequences.begin(), p.sequences.end());
    EXPECT_EQ(distinct.size(), p.sequences.size()) << p.name;
    if (p.sequences != std::vector<std::string>{"*"}) {
      EXPECT_EQ(std::ssize(p.sequences), p.sequence_count) << p.name;
    }
  }
}

TEST(Protocol, ThePageStatesTheContentOfEachVersion) {
  const std::string page = test::content(fs::path(VDD_SOURCE_DIR) / "docs/evaluation.md");
  EXPECT_THAT(page, HasSubstr(list_protocols()))
      << "a protocol that changed gets a new version; then put this table into docs/evaluation.md";
}

TEST(Protocol, FramesAreCountedFromTheFirst) {
  EXPECT_THAT(frames_of({.first = 2, .step = 3, .frames = 3}, 20), ElementsAre(2, 5, 8));
  EXPECT_THAT(frames_of({.first = 2, .step = 3, .frames = 3}, 8), ElementsAre(2, 5));
  EXPECT_THAT(frames_of({}, 3), ElementsAre(0, 1, 2));
  EXPECT_TRUE(frames_of({.first = 4}, 4).empty());
}

TEST(Protocol, TheFingerprintLeavesOutOnlyWhatIsForPeople) {
  const Protocol p = find_protocol("depthcrafter-kitti-110@1");
  Protocol renamed = p;
  renamed.name = "mine@1", renamed.about = "";
  EXPECT_EQ(fingerprint(renamed), fingerprint(p));
  for (const char* change :
       {"data.pairing=index", "sequences=[a]", "sequence_count=3", "first=1", "step=2", "frames=3",
        "min_frames=2", "height=64", "width=64", "crop=none", "score_crop=kitti_garg",
        "alignment.max_depth=70", "temporal=true", "temporal_mask=all", "temporal_error.splat=near",
        "boundary=true", "boundary_score.thresholds=3"}) {
    const std::vector<std::string> overrides = {change};
    EXPECT_NE(fingerprint(find_protocol(p.name, overrides)), fingerprint(p)) << change;
  }
}

TEST(Protocol, AFileSaysTheSameAsTheBuiltInOne) {
  const test::TempDir dir;
  for (const Protocol& p : protocols()) {
    const auto file = dir.write("protocol.yaml", config::to_yaml(p));
    EXPECT_EQ(fingerprint(find_protocol(file.string())), fingerprint(p)) << p.name;
  }
}

TEST(Protocol, AMistypedNameGetsAHint) {
  EXPECT_THAT(test::thrown<ConfigError>([] { find_protocol("depthcrafter-kiti-110@1"); }),
              HasSubstr("did you mean"));
  const std::vector<std::string> overrides = {"alignment.fit=guess"};
  EXPECT_THAT(
      test::thrown<ConfigError>([&] { find_protocol("depthcrafter-kitti-110@1", overrides); }),
      HasSubstr("alignment.fit"));
}

TEST(Protocol, ListsEveryField) {
  EXPECT_EQ(test::listed_fields<Protocol>(), test::count_members<Protocol>());
  EXPECT_EQ(test::listed_fields<Scores>(), test::count_members<Scores>());
  EXPECT_EQ(test::listed_fields<SequenceResult>(), test::count_members<SequenceResult>());
  EXPECT_EQ(test::listed_fields<EvalResult>(), test::count_members<EvalResult>());
}

}  // namespace
}  // namespace vdd::eval
