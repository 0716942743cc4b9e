// SPDX-License-Identifier: Apache-2.0
#include "vdd/run/checkpoint.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>

#include "support/checkpoint_victim.h"
#include "support/temp_dir.h"
#include "support/thrown.h"
#include "vdd/core/error.h"
#include "vdd/core/files.h"

namespace vdd::run {
namespace {

namespace fs = std::filesystem;
using test::content;
using test::TempDir;
using test::thrown;
using testing::ElementsAre;
using testing::HasSubstr;

std::vector<std::int64_t> steps(const fs::path& folder) {
  std::vector<std::int64_t> out;
  for (const Checkpoint& checkpoint : list_checkpoints(folder)) out.push_back(checkpoint.step);
  return out;
}

CheckpointStore::Writer filled(std::int64_t step) {
  return [step](const fs::path& staged) {
    for (const auto& [name, bytes] : test::victim_files(step)) {
      fs::create_directories((staged / name).parent_path());
      write_file_atomic(staged / name, bytes);
    }
  };
}

void write_raw(const fs::path& path, std::string_view bytes) {
  std::ofstream(path, std::ios::binary) << bytes;
}
void no_space(const fs::path&) {
  throw ResourceError("no space left on device");
}

class CheckpointTest : public testing::Test {
 protected:
  TempDir temp_;
  RunDir run_{temp_ / "run", RunMode::kNew};
  fs::path folder_ = run_.checkpoints();
};

TEST_F(CheckpointTest, SavedCheckpointsAreCompleteAndLinked) {
  CheckpointStore store(run_, 3);
  EXPECT_TRUE(store.empty());
  EXPECT_TRUE(store.save(500, filled(500), {.best = true}));
  EXPECT_TRUE(store.save(1'000'000, filled(1'000'000)));
  EXPECT_FALSE(store.empty());
  EXPECT_THAT(steps(folder_), ElementsAre(500, 1'000'000));
  EXPECT_EQ(fs::read_symlink(folder_ / "latest"), "step-1000000");
  EXPECT_EQ(fs::read_symlink(folder_ / "best"), "step-000500");

  const fs::path path = folder_ / "step-000500";
  verify_checkpoint(path);
  EXPECT_THAT(
      checkpoint_files(path),
      ElementsAre(testing::Pair("trainer/state.json", 9), testing::Pair("unet/config.json", 3),
                  testing::Pair("unet/diffusion_pytorch_model.safetensors", 20'009)));
  for (const auto& [name, bytes] : test::victim_files(500)) EXPECT_EQ(content(path / name), bytes);
  EXPECT_EQ(store.newest_valid().step, 1'000'000);
  EXPECT_EQ(store.at(500).path, path);
}

TEST_F(CheckpointTest, AreFoundByRunFolderOrLink) {
  CheckpointStore store(run_, 3);
  EXPECT_THAT(thrown<DataError>([&] { find_checkpoints(run_.root()); }),
              HasSubstr("holds no checkpoint"));
  for (const int step : {1, 2}) store.save(step, filled(step), {.best = step == 1});
  EXPECT_EQ(find_checkpoints(run_.root()).size(), 2);
  EXPECT_EQ(find_checkpoints(folder_).at(1).step, 2);
  ASSERT_EQ(find_checkpoints(folder_ / "best").size(), 1);
  EXPECT_EQ(find_checkpoints(folder_ / "best").at(0).step, 1);
  EXPECT_THAT(checkpoint_links({1, folder_ / "step-000001"}), ElementsAre("best"));
  EXPECT_THAT(checkpoint_links({2, folder_ / "step-000002"}), ElementsAre("latest"));
  EXPECT_THROW(find_checkpoints(folder_ / "step-000009"), DataError);
}

TEST_F(CheckpointTest, RotationKeepsTheNewestAndTheBest) {
  CheckpointStore store(run_, 2);
  for (const int step : {1, 2, 3, 4, 5}) store.save(step, filled(step), {.best = step == 2});
  EXPECT_THAT(steps(folder_), ElementsAre(2, 4, 5));
  store.mark_best(5);
  store.save(6, filled(6));
  EXPECT_THAT(steps(folder_), ElementsAre(5, 6));
  EXPECT_EQ(fs::read_symlink(folder_ / "best"), "step-000005");
  EXPECT_EQ(std::distance(fs::directory_iterator(folder_), {}), 4);  // two folders, two links
  EXPECT_THROW(CheckpointStore(run_, 0), ConfigError);
}

TEST_F(CheckpointTest, TheBestIsRememberedAcrossStarts) {
  CheckpointStore(run_, 1).save(1, filled(1), {.best = true});
  CheckpointStore store(run_, 1);
  store.save(2, filled(2));
  store.save(3, filled(3));
  EXPECT_THAT(steps(folder_), ElementsAre(1, 3));
}

TEST_F(CheckpointTest, WhatIsAlreadySavedStays) {
  CheckpointStore store(run_, 2);
  store.save(1, filled(1));
  EXPECT_TRUE(store.save(1, [](const fs::path&) { FAIL() << "written twice"; }));
  write_raw(folder_ / "step-000001/unet/config.json", "[]\n");
  EXPECT_TRUE(store.save(1, filled(1)));  // the damaged one gives way
  verify_checkpoint(folder_ / "step-000001");
  EXPECT_TRUE(fs::exists(folder_ / ".damaged-step-000001"));
}

TEST_F(CheckpointTest, EveryChangedByteIsFound) {
  CheckpointStore store(run_, 3);
  store.save(1, filled(1));
  const fs::path path = folder_ / "step-000001";
  for (const auto& [name, bytes] : test::victim_files(1)) {
    for (std::size_t i = 0; i < bytes.size(); i += bytes.size() / 7 + 1) {
      std::string changed = bytes;
      changed[i] ^= 1;
      write_raw(path / name, changed);
      EXPECT_THAT(thrown<VerificationError>([&] { verify_checkpoint(path); }), HasSubstr(name));
    }
    write_raw(path / name, bytes);
  }
  const std::string marker = content(path / "complete.json");
  for (std::size_t i = 0; i < marker.size(); ++i) {
    std::string changed = marker;
    changed[i] ^= 1;
    write_raw(path / "complete.json", changed);
    EXPECT_THROW(verify_checkpoint(path), VerificationError) << "byte " << i << " of " << marker;
  }
  write_raw(path / "complete.json", marker);
  verify_checkpoint(path);
}

TEST_F(CheckpointTest, MissingAndForeignFilesAreRefused) {
  CheckpointStore store(run_, 3);
  const fs::path path = folder_ / "step-000001";
  const auto refused = [&](auto damage) {
    fs::remove_all(path);
    store.save(1, filled(1));
    damage();
    return thrown<VerificationError>([&] { verify_checkpoint(path); });
  };
  EXPECT_THAT(refused([&] { fs::remove(path / "complete.json"); }), HasSubstr("not complete"));
  EXPECT_THAT(refused([&] { fs::remove(path / "unet/config.json"); }), HasSubstr("is missing"));
  EXPECT_THAT(refused([&] { fs::resize_file(path / "unet/config.json", 2); }),
              HasSubstr("2 bytes instead of 3"));
  EXPECT_THAT(refused([&] {
                fs::rename(path / "unet/config.json", temp_ / "config.json");
                fs::create_symlink(temp_ / "config.json", path / "unet/config.json");
              }),
              HasSubstr("is missing"));
  EXPECT_THAT(refused([&] {
                write_raw(path / "complete.json", R"({"format": 2, "step": 1, "files": {}})");
              }),
              HasSubstr("unknown format"));
  EXPECT_THAT(refused([&] {
                write_raw(path / "complete.json", R"({"format": 1, "step": 2, "files": {}})");
              }),
              HasSubstr("another step"));
  EXPECT_THAT(refused([&] {
                write_raw(
                    path / "complete.json",
                    R"({"format": 1, "step": 1, "files": {"../x": {"bytes": 1, "sha256": ""}}})");
              }),
              HasSubstr("outside"));
  EXPECT_THAT(refused([&] {
                write_raw(path / "complete.json",
                          std::string(200000, '[') + std::string(200000, ']'));
              }),
              HasSubstr("complete.json: is damaged"));
  EXPECT_THAT(refused([&] {
                fs::remove(path / "complete.json");
                fs::create_symlink("complete.json", path / "complete.json");
              }),
              HasSubstr("not complete"));
}

TEST_F(CheckpointTest, ACircleOfLinksInThePlaceOfARunIsADataError) {
  fs::create_symlink("loop", temp_ / "loop");
  EXPECT_THAT(thrown<DataError>([&] { find_checkpoints(temp_ / "loop"); }),
              HasSubstr("loop: cannot be examined: "));
}

TEST_F(CheckpointTest, ResumingSkipsDamagedOnesAndNeverStartsAnew) {
  CheckpointStore store(run_, 3);
  for (const int step : {1, 2, 3}) store.save(step, filled(step));
  fs::resize_file(folder_ / "step-000003/trainer/state.json", 1);
  fs::remove(folder_ / "step-000002/complete.json");
  EXPECT_EQ(store.newest_valid().step, 1);
  EXPECT_EQ(fs::read_symlink(folder_ / "latest"), "step-000001");
  EXPECT_THAT(steps(folder_), ElementsAre(1));
  EXPECT_TRUE(fs::exists(folder_ / ".damaged-step-000003/unet/config.json"));
  EXPECT_THAT(thrown<DataError>([&] { store.at(3); }), HasSubstr("no such checkpoint"));

  fs::remove(folder_ / "step-000001/trainer/state.json");
  EXPECT_THAT(thrown<DataError>([&] { store.at(1); }), HasSubstr("state.json"));
  EXPECT_THAT(thrown<DataError>([&] { store.newest_valid(); }),
              HasSubstr("no checkpoint that verifies"));
  EXPECT_FALSE(store.empty());
}

TEST_F(CheckpointTest, AStorageFailureIsAWarningTwiceThenAnError) {
  CheckpointStore store(run_, 3);
  store.save(1, filled(1));
  EXPECT_FALSE(store.save(2, no_space));
  EXPECT_FALSE(store.save(3, no_space));
  EXPECT_TRUE(store.save(4, filled(4)));  // the count starts anew
  EXPECT_FALSE(store.save(5, no_space));
  EXPECT_FALSE(store.save(6, no_space));
  EXPECT_THAT(
      thrown<ResourceError>([&] { store.save(7, no_space); }),
      testing::AllOf(HasSubstr("step 7"), HasSubstr("no space left"), HasSubstr("3 times")));
  EXPECT_THAT(steps(folder_), ElementsAre(1, 4));
  EXPECT_EQ(std::distance(fs::directory_iterator(folder_), {}), 3);  // and the link
}

TEST_F(CheckpointTest, TooLittleSpaceIsAStorageFailureBeforeAnythingIsWritten) {
  CheckpointStore store(run_, 3);
  const CheckpointStore::SaveOptions huge{.bytes = std::int64_t{1} << 60};
  const auto never = [](const fs::path&) { FAIL() << "was written"; };
  EXPECT_FALSE(store.save(1, never, huge));
  EXPECT_FALSE(store.save(2, never, huge));
  EXPECT_THAT(thrown<ResourceError>([&] { store.save(3, never, huge); }),
              testing::AllOf(HasSubstr("are free, it takes 1099511627776 MiB"),
                             HasSubstr("3 times in a row")));
  EXPECT_TRUE(store.save(4, filled(4), {.bytes = 1}));
}

TEST_F(CheckpointTest, TheFinalSaveMustSucceed) {
  CheckpointStore store(run_, 3);
  EXPECT_THROW(store.save(1, no_space, {.final = true}), ResourceError);
}

TEST_F(CheckpointTest, OtherErrorsPassThroughAndLeaveNothing) {
  CheckpointStore store(run_, 3);
  EXPECT_THROW(store.save(1, [](const fs::path&) { throw NonFiniteError("weights"); }),
               NonFiniteError);
  EXPECT_THROW(store.save(1, [](const fs::path& staged) { fs::create_symlink("x", staged / "y"); }),
               Error);
  EXPECT_TRUE(fs::is_empty(folder_));
}

TEST_F(CheckpointTest, LeftoversOfDeadRunsGoAndOtherPeoplesFilesStay) {
  for (const char* name :
       {".tmp-step-000001-ab12/x", ".trash-step-000001/x", ".damaged-step-000001/x", ".tmp-mine/x",
        "step-1/x", "step-0000001/x", "notes/x"}) {
    fs::create_directories((folder_ / name).parent_path());
    write_raw(folder_ / name, "x");
  }
  const CheckpointStore store(run_, 3);
  std::vector<std::string> left;
  for (const auto& entry : fs::directory_iterator(folder_)) left.push_back(entry.path().filename());
  EXPECT_THAT(left, testing::UnorderedElementsAre(".damaged-step-000001", ".tmp-mine", "step-1",
                                                  "step-0000001", "notes"));
  EXPECT_TRUE(list_checkpoints(folder_).empty());
}

}  // namespace
}  // namespace vdd::run
