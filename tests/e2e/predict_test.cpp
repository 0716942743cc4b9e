// SPDX-License-Identifier: Apache-2.0
// `vdd predict` as a user starts, kills and goes on with it.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <map>
#include <memory>

#include "pipeline/tiny_model.h"
#include "support/clips.h"
#include "support/run_and_signal.h"
#include "support/run_program.h"
#include "support/temp_dir.h"
#include "vdd/pipeline/model_folder.h"

namespace vdd::test {
namespace {

namespace fs = std::filesystem;
using ::testing::HasSubstr;
using ::testing::StartsWith;

/// A teacher, the same model as one-step student, and one with a head; three clips of 5 frames.
class Predict : public ::testing::Test {
 protected:
  static void SetUpTestSuite() {
    shared_ = std::make_unique<TempDir>();
    write_clips(*shared_ / "clips", 3, 5, 64, 64);
    auto model = tiny_model();
    model.info.steps = 2;
    pipeline::save_depth_model(*shared_ / "teacher", model);
    model.info = {.input = pipeline::SamplerInput::kRgbLatent, .steps = 1};
    pipeline::save_depth_model(*shared_ / "student", model);
    model.info.decoder = pipeline::Decoder::kDpt;
    model.dpt_head = tiny_head(model);
    pipeline::save_depth_model(*shared_ / "head", model);
  }
  static void TearDownTestSuite() { shared_.reset(); }

  static std::vector<std::string> arguments(const std::string& model, const fs::path& out,
                                            const std::vector<std::string>& more) {
    std::vector<std::string> words = {"predict", "--threads", "1"};
    for (const auto& [option, path] : {std::pair("-m", *shared_ / model),
                                       std::pair("-i", *shared_ / "clips"), std::pair("-o", out)}) {
      words.emplace_back(option);
      words.push_back(path.string());
    }
    words.insert(words.end(), more.begin(), more.end());
    return words;
  }
  /// With two windows and every output.
  static std::vector<std::string> all(const std::string& model, const fs::path& out,
                                      const std::vector<std::string>& more = {}) {
    std::vector<std::string> words = arguments(model, out, more);
    for (const char* word :
         {"--window", "3", "--overlap", "1", "--save", "png16,exr,npz,npy,mp4", "--side-by-side"})
      words.emplace_back(word);
    return words;
  }

  /// The bytes of every file under a folder, by name.
  static std::map<std::string, std::string> files(const fs::path& folder) {
    std::map<std::string, std::string> out;
    for (const auto& entry : fs::recursive_directory_iterator(folder))
      if (entry.is_regular_file())
        out[entry.path().lexically_relative(folder)] = content(entry.path());
    return out;
  }
  static void expect_same_files(const fs::path& a, const fs::path& b) {
    const auto one = files(a), other = files(b);
    EXPECT_EQ(one.size(), other.size());
    for (const auto& [name, bytes] : one) {
      const auto it = other.find(name);
      ASSERT_NE(it, other.end()) << name;
      EXPECT_TRUE(bytes == it->second) << name << " differs";
    }
  }

  static std::unique_ptr<TempDir> shared_;
  TempDir folder_;
};
std::unique_ptr<TempDir> Predict::shared_;

TEST_F(Predict, EveryKindOfModelRunsAndTheSameCallGivesTheSameBytes) {
  for (const std::string model : {"teacher", "student", "head"}) {
    SCOPED_TRACE(model);
    const fs::path out = folder_ / model, again = folder_ / (model + "_again");
    const Finished run = run_program("vdd", all(model, out));
    ASSERT_EQ(run.code, 0) << run.err;
    EXPECT_THAT(run.out, HasSubstr("clip2 | 5 | 64x64 | 2 | "));
    // png16 and exr of 5 frames, npz, npy, two videos, prediction.json.
    EXPECT_EQ(files(out).size(), 3u * (10 + 5));
    if (model == "student") continue;
    ASSERT_EQ(run_program("vdd", all(model, again)).code, 0);
    expect_same_files(out, again);
  }
}

TEST_F(Predict, AKilledListGoesOnAndEndsWithTheSameBytes) {
  const fs::path whole = folder_ / "whole", killed = folder_ / "killed";
  ASSERT_EQ(run_program("vdd", all("teacher", whole)).code, 0);
  // While the folder of the second is being filled.
  const auto ready = [&] {
    std::error_code error;
    for (const auto& entry : fs::directory_iterator(killed, error)) {
      if (entry.path().filename().string().starts_with(".tmp-clip1") &&
          !fs::is_empty(entry.path(), error))
        return true;
    }
    return false;
  };
  const int code = run_and_signal("vdd", all("teacher", killed), SIGKILL, ready, folder_ / "log");
  ASSERT_EQ(code, 128 + SIGKILL) << content(folder_ / "log");
  EXPECT_FALSE(fs::exists(killed / "clip2"));
  const auto first = fs::last_write_time(killed / "clip0/depth.npz");

  const Finished again = run_program("vdd", all("teacher", killed, {"--skip-done"}));
  ASSERT_EQ(again.code, 0) << again.err;
  EXPECT_THAT(again.out, HasSubstr("clip0 | 5 | 64x64 | 2 | "));
  EXPECT_THAT(again.out, HasSubstr("done before"));
  EXPECT_EQ(fs::last_write_time(killed / "clip0/depth.npz"), first);
  expect_same_files(killed, whole);
}

TEST_F(Predict, SigtermIsResumable) {
  const fs::path out = folder_ / "out";
  const int code = run_and_signal(
      "vdd", all("teacher", out), SIGTERM, [&] { return fs::exists(out / "clip0"); },
      folder_ / "log");
  EXPECT_EQ(code, 75) << content(folder_ / "log");
  EXPECT_THAT(content(folder_ / "log"), HasSubstr("go on with --skip-done"));
  for (const auto& entry : fs::directory_iterator(out))
    EXPECT_THAT(entry.path().filename().string(), StartsWith("clip"));
}

TEST_F(Predict, RefusesInOneLineWithTheRightCode) {
  const auto refused = [&](const std::vector<std::string>& more) {
    const Finished run = run_program("vdd", arguments("teacher", folder_ / "out", more));
    EXPECT_EQ(std::count(run.err.begin(), run.err.end(), '\n'), 1) << run.err;
    EXPECT_EQ(run.out, "");
    EXPECT_FALSE(fs::exists(folder_ / "out"));
    return std::pair(run.code, run.err);
  };
  const auto expect = [&](int code, const std::string& part, const std::vector<std::string>& more) {
    const auto [got, message] = refused(more);
    EXPECT_EQ(got, code) << message;
    EXPECT_THAT(message, HasSubstr(part));
  };
  expect(2, "--size: wanted HEIGHTxWIDTH, multiples of 64", {"--size", "100x64"});
  expect(2, "overlap: must be smaller than window", {"--overlap", "110"});
  expect(2, "--cmap", {"--cmap", "rainbow"});
  expect(2, "save: npy is named twice", {"--save", "npy,npy"});
  expect(2, "excludes", {"--skip-done", "--overwrite"});
  expect(3, "gone.mp4: no such file", {"-i", (folder_ / "gone.mp4").string()});
  expect(3, "has 5 frames; none from 5 on", {"--from", "5"});
}

}  // namespace
}  // namespace vdd::test
