// SPDX-License-Identifier: Apache-2.0
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "eval/make_sets.h"
#include "layouts.h"
#include "support/temp_dir.h"
#include "support/thrown.h"
#include "vdd/core/error.h"

namespace vdd::eval {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

const char* const kFolder = "rgbd_bonn_dataset/rgbd_bonn_balloon2";

/// The second depth was dropped, as the sensor does now and then.
class BonnWithADrop : public testing::Test {
 protected:
  BonnWithADrop() {
    test::write_bonn(dir_.path());
    fs::remove(dir_.path() / kFolder / "depth" / (test::stamp(1, 3) + ".png"));
  }
  /// The true depth that a picture got, at its last pixel.
  static double last(const Sequence& sequence, std::size_t frame) {
    return sequence.depth(frame).depth_HW[test::kHeight - 1][test::kWidth - 1].item<double>();
  }
  static double truth(int frame) {
    return test::depth_HW(test::bonn_intrinsics(), test::bonn_pose(frame),
                          test::kBonnPlane)[test::kHeight - 1][test::kWidth - 1]
        .item<double>();
  }
  const test::TempDir dir_;
};

TEST_F(BonnWithADrop, PairsByStampLeaveThePictureOut) {
  const DataSet data = open_bonn(dir_.path(), {});
  const Sequence& sequence = *data.sequences.at(0);
  EXPECT_THAT(sequence.frames(), ElementsAre(test::stamp(0), test::stamp(2), test::stamp(3)));
  EXPECT_NEAR(last(sequence, 1), truth(2), 1e-3);
  EXPECT_THAT(data.left_out, ElementsAre("rgbd_bonn_balloon2: 1 pictures without depth"));
}

TEST_F(BonnWithADrop, PairsByIndexDriftAsInThePublishedFiles) {
  const DataSet data = open_bonn(dir_.path(), {.pairing = BonnPairing::kIndex});
  const Sequence& sequence = *data.sequences.at(0);
  EXPECT_THAT(sequence.frames(), ElementsAre(test::stamp(0), test::stamp(1), test::stamp(2)));
  EXPECT_NEAR(last(sequence, 1), truth(2), 1e-3);
}

TEST(Bonn, RefusesAFileThatIsNoStamp) {
  const test::TempDir dir;
  test::write_bonn(dir.path());
  test::write_picture(dir.path() / kFolder / "rgb/first.png", 0);
  EXPECT_THAT(test::thrown<DataError>([&] { open_bonn(dir.path(), {}); }), HasSubstr("first.png"));
}

TEST(Bonn, RefusesARowOfTheTrackThatIsCut) {
  const test::TempDir dir;
  test::write_bonn(dir.path());
  dir.write(std::string(kFolder) + "/groundtruth.txt", "1 0 0 0 0 0 0 1\n2 0 0\n");
  const DataSet data = open_bonn(dir.path(), {});
  EXPECT_THAT(test::thrown<DataError>([&] { data.sequences.at(0)->camera(0); }),
              HasSubstr("groundtruth.txt"));
}

}  // namespace
}  // namespace vdd::eval
