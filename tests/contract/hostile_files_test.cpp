// SPDX-License-Identifier: Apache-2.0
// What is no file, in the place of each file and folder that the programs are given: one line and
// an exit code, at once.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <filesystem>
#include <future>
#include <memory>

#include "support/run_program.h"
#include "support/temp_dir.h"
#include "vdd/core/text.h"

namespace vdd::test {
namespace {

namespace fs = std::filesystem;
using ::testing::HasSubstr;

constexpr const char* kConfig = VDD_SOURCE_DIR "/configs/tiny/stage1_deterministic.yaml";
constexpr const char* kModel = VDD_SOURCE_DIR "/models/tiny";

class HostileFiles : public ::testing::Test {
 protected:
  HostileFiles() {
    for (const char* name : {"loop", "loop.yaml", "loop.mp4"})
      fs::create_symlink(name, folder_ / name);
    for (const char* name : {"fifo", "fifo.yaml", "fifo.mp4", "fifo.json"})
      ::mkfifo((folder_ / name).c_str(), 0600);
    fs::create_symlink("/dev/zero", folder_ / "zero");
    for (const auto& [run, place] : {std::pair("run_fifo", "../fifo"), {"run_zero", "/dev/zero"}}) {
      folder_.write(concat(run, "/config.resolved.yaml"), content(kConfig));
      folder_.write(concat(run, "/manifest.json"), R"({"program": "distill_unet"})");
      fs::create_symlink(place, folder_ / run / "metrics.jsonl");
    }
    for (const char* frame : {"0", "1", "2", "3"})
      folder_.write(concat("clips/a/", frame, ".png"), content(VDD_FIXTURES "/io/rgb.png"));
    fs::create_directory(folder_ / "fifos");
    fs::copy(folder_ / "clips/a", folder_ / "fifos/a");
    fs::remove(folder_ / "fifos/a/2.png");
    ::mkfifo((folder_ / "fifos/a/2.png").c_str(), 0600);
  }

  std::string at(const std::string& name) const { return (folder_ / name).string(); }

  TempDir folder_;
};

TEST_F(HostileFiles, EndEveryProgramWithOneLineAndItsExitCode) {
  struct Case {
    std::string program;
    std::vector<std::string> arguments;
    int code;
    std::string line;  ///< part of it
  };
  const std::string out = at("out"), clips = "data.root=" + at("clips");
  const std::vector<std::string> dry = {
      "-c",           kConfig,           "--dry-run",         "-o", out, "data.frames=3",
      "data.clips=1", "data.holdout=[]", "validation.every=0"};
  const auto with = [](std::vector<std::string> words, const std::string& word) {
    words.push_back(word);
    return words;
  };
  const std::vector<Case> cases = {
      {"vdd", {"doctor", at("loop")}, 3, "loop: cannot be examined: "},
      {"vdd", {"doctor", at("fifo"), "--as", "weights"}, 3, "fifo: is a FIFO, not a file"},
      {"vdd", {"doctor", at("zero"), "--as", "image_rgb"}, 3, "zero: is a device, not a file"},
      {"vdd", {"doctor", at("loop"), "--as", "depth_hdf5"}, 3, "loop: "},
      {"vdd", {"doctor", at("run_fifo")}, 3, "metrics.jsonl: is a FIFO, not a file"},
      {"vdd", {"doctor", at("run_zero")}, 3, "metrics.jsonl: is a device, not a file"},
      {"vdd", {"report", at("run_fifo")}, 3, "metrics.jsonl: is a FIFO, not a file"},
      {"vdd", {"report", at("loop")}, 3, "loop: cannot be examined: "},
      {"vdd", {"ckpt", "ls", at("loop")}, 3, "loop: cannot be examined: "},
      {"vdd", {"cache", "stat", at("loop")}, 3, "loop: cannot be examined: "},
      {"vdd", {"export", at("loop"), "-o", out}, 3, "loop"},
      {"vdd", {"predict", "-m", kModel, "-i", at("loop.mp4"), "-o", out}, 3, "loop.mp4: "},
      {"vdd", {"predict", "-m", kModel, "-i", at("fifo.mp4"), "-o", out}, 3, "is a FIFO"},
      {"vdd", {"predict", "-m", at("loop"), "-i", at("clips"), "-o", out}, 3, "loop: "},
      {"vdd", {"eval", "--compare", at("fifo.json")}, 3, "is a FIFO, not a file"},
      {"vdd",
       {"eval", "--protocol", "tae-floor@1", "--data", at("loop"), "--ground-truth"},
       3,
       "loop: cannot be examined: "},
      {"vdd", {"config", "validate", at("loop.yaml")}, 2, "loop.yaml: cannot be opened: "},
      {"vdd", {"config", "validate", at("fifo.yaml")}, 2, "fifo.yaml: is a FIFO, not a file"},
      {"distill_unet", {"-c", kConfig, "-o", at("loop"), clips}, 2, "loop: cannot be made: "},
      {"distill_unet", with(dry, "data.root=" + at("loop")), 3, "loop: cannot be examined: "},
      {"distill_unet", with(dry, "data.root=" + at("fifos")), 3, "2.png: is a FIFO, not a file"},
  };
  // Two at a time: each spends most of its time loading libraries.
  const auto check_from = [&](std::size_t first) {
    for (std::size_t i = first; i < cases.size(); i += 2) {
      const auto& [program, arguments, code, line] = cases[i];
      const Finished end = run_program(program, arguments, 30);
      const std::string called = concat(program, ' ', join(arguments, " "), '\n', end.err);
      EXPECT_EQ(end.code, code) << called;
      const std::size_t error = end.err.find("error: ");
      ASSERT_NE(error, std::string::npos) << called;
      EXPECT_EQ(end.err.find('\n', error), end.err.size() - 1) << called;
      EXPECT_THAT(end.err.substr(error), HasSubstr(line)) << called;
    }
  };
  const auto odd = std::async(std::launch::async, check_from, 1);
  check_from(0);
  odd.wait();
  EXPECT_FALSE(fs::exists(out));
}

}  // namespace
}  // namespace vdd::test
