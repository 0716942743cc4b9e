// SPDX-License-Identifier: Apache-2.0
#include "vdd/train/trainer_state.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "support/field_count.h"
#include "support/temp_dir.h"
#include "support/thrown.h"
#include "vdd/core/error.h"
#include "vdd/core/log.h"

namespace vdd::train {
namespace {

using test::thrown;
using ::testing::AllOf;
using ::testing::HasSubstr;

const data::Fingerprint kBefore = {.names = "aa", .files = "bb", .times = "cc"};

TrainerState saved(const std::string& data) {
  TrainerState state;
  state.inputs = {{kDataSet, data}, {"teacher UNet", "dd"}};
  return state;
}

TEST(TrainerState, ListsEveryField) {
  EXPECT_EQ(test::listed_fields<TrainerState>(), test::count_members<TrainerState>());
}

TEST(TrainerState, AnotherInputIsRefused) {
  require_same_weights(saved(kBefore.text()), {{"unet", "teacher UNet", "dd"}}, "step-000001");
  EXPECT_THAT(thrown<ConfigError>([] {
                require_same_weights(saved(kBefore.text()), {{"unet", "teacher UNet", "ee"}},
                                     "step-000001");
              }),
              HasSubstr("another teacher UNet"));
}

TEST(TrainerState, AnotherDataSetIsRefusedUnlessAllowed) {
  require_same_data(saved(kBefore.text()), kBefore, false, "step-000001");
  data::Fingerprint now = kBefore;
  for (std::string* part : {&now.times, &now.files, &now.names}) {
    *part = "changed";
    EXPECT_THAT(thrown<ConfigError>(
                    [&] { require_same_data(saved(kBefore.text()), now, false, "step-000001"); }),
                AllOf(HasSubstr("step-000001: "), HasSubstr("another data set"),
                      HasSubstr(now.difference(kBefore.text())),
                      HasSubstr("train.allow_data_change=true")));
    require_same_data(saved(kBefore.text()), now, true, "step-000001");
  }
}

TEST(TrainerState, ACheckpointFromBeforeSizesAndTimesIsComparedByNamesWithAWarning) {
  const test::TempDir folder;
  log::add_file(folder / "log");
  require_same_data(saved("aa"), kBefore, false, "step-000001");
  log::flush();
  EXPECT_THAT(test::content(folder / "log"), HasSubstr("only the names"));
  EXPECT_THROW(require_same_data(saved("other"), kBefore, false, "step-000001"), ConfigError);
}

}  // namespace
}  // namespace vdd::train
