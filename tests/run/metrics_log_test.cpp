// SPDX-License-Identifier: Apache-2.0
#include "vdd/run/metrics_log.h"

#include <gtest/gtest.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmath>
#include <limits>

#include "support/temp_dir.h"
#include "vdd/core/error.h"

namespace vdd::run {
namespace {

namespace fs = std::filesystem;
using test::content;
using test::TempDir;

Record losses(double loss) {
  Record record;
  record.add("loss", loss).add("samples", std::vector<std::int64_t>{7, 8});
  return record;
}

TEST(MetricsLog, RecordsAreJsonInTheOrderOfAdding) {
  constexpr double kInf = std::numeric_limits<double>::infinity();
  Record record;
  record.add("b", 0.1)
      .add("a", 1e-5)
      .add("n", std::int64_t{1} << 62)
      .add("ok", true)
      .add("text", "a \"b\"\n");
  record.add("values", std::vector<double>{-std::nan(""), kInf, -kInf, 1.0 / 3});
  record.add("names", std::vector<std::string>{"x", "y"}).add("none", std::vector<std::int64_t>{});
  EXPECT_EQ(
      record.json(),
      R"({"b": 0.1, "a": 1e-05, "n": 4611686018427387904, "ok": true, "text": "a \"b\"\n", )"
      R"("values": ["nan", "inf", "-inf", 0.3333333333333333], "names": ["x", "y"], "none": []})");
}

TEST(MetricsLog, WritesThreeFiles) {
  const TempDir run;
  MetricsLog log(run.path(), -1);
  log.write(1, losses(0.5));
  log.write_timing(1, Record().add("step_s", 0.25));
  log.write(2, losses(0.25));
  EXPECT_EQ(content(run / "metrics.jsonl"),
            "{\"step\": 1, \"loss\": 0.5, \"samples\": [7, 8]}\n{\"step\": 2, \"loss\": 0.25, "
            "\"samples\": [7, 8]}\n");
  EXPECT_EQ(content(run / "timing.jsonl"), "{\"step\": 1, \"step_s\": 0.25}\n");
  EXPECT_EQ(content(run / "metrics.csv"), "step,loss\n1,0.5\n2,0.25\n");
}

TEST(MetricsLog, ALaterKeyBecomesAColumnOfTheWholeCsv) {
  const TempDir run;
  MetricsLog log(run.path(), -1);
  log.write(1, losses(0.5));
  log.write(1, Record().add("valid.absrel", 0.125).add("note", "first, \"best\""));
  log.write(2, losses(std::nan("")));
  EXPECT_EQ(content(run / "metrics.csv"),
            "step,loss,valid.absrel,note\n1,0.5,,\n1,,0.125,\"first, \"\"best\"\"\"\n2,nan,,\n");
}

void train(MetricsLog& log, int first, int last) {
  for (int step = first; step <= last; ++step) {
    log.write(step, losses(1.0 / step));
    log.write_timing(step, Record().add("step_s", 0.25));
    if (step % 4 == 0) log.write(step, Record().add("valid.absrel", 1.0 / (step + 1)));
  }
}

TEST(MetricsLog, AResumedRunEndsWithTheSameBytesWhereverItWasKilled) {
  const TempDir whole;
  {
    MetricsLog log(whole.path(), -1);
    train(log, 1, 12);
  }
  for (const int checkpoint : {1, 3, 4, 8}) {
    for (const int killed : {checkpoint, checkpoint + 1, 11}) {
      for (const char* cut_line : {"", "{", "{\"step\": 9, \"lo", "{\"step\": 9}"}) {
        const TempDir run;
        {
          MetricsLog log(run.path(), -1);
          train(log, 1, killed);
        }
        std::ofstream(run / "metrics.jsonl", std::ios::app) << cut_line;
        std::ofstream(run / "metrics.csv", std::ios::app) << "9,0.1";
        {
          MetricsLog log(run.path(), checkpoint);
          train(log, checkpoint + 1, 12);
        }
        for (const char* name : {"metrics.jsonl", "metrics.csv", "timing.jsonl"}) {
          EXPECT_EQ(content(run / name), content(whole / name))
              << name << " " << checkpoint << " " << killed;
        }
      }
    }
  }
}

// Stopped after update 4, before its validation; resumed, validated, killed; resumed again.
TEST(MetricsLog, RecordsOfTheCheckpointsStepThatCameAfterItGoToo) {
  const TempDir run;
  std::int64_t lines = 0;
  {
    MetricsLog log(run.path(), -1);
    log.write(4, losses(0.5));
    lines = log.lines();
    log.write(4, Record().add("valid", 0.5));
    log.write(5, losses(0.5));
    EXPECT_EQ(log.lines(), 3);
  }
  MetricsLog log(run.path(), 4, lines);
  EXPECT_EQ(log.lines(), 1);
  EXPECT_EQ(content(run / "metrics.jsonl"), "{\"step\": 4, \"loss\": 0.5, \"samples\": [7, 8]}\n");
  EXPECT_EQ(content(run / "metrics.csv"), "step,loss\n4,0.5\n");
}

TEST(MetricsLog, ADamagedLineIsLeftOut) {
  const TempDir run;
  run.write("metrics.jsonl", std::string("{\"step\": 1}\n\0\0\0\0\n[]\n{\"step\": 2}\n", 32));
  MetricsLog log(run.path(), 5);
  EXPECT_EQ(content(run / "metrics.jsonl"), "{\"step\": 1}\n{\"step\": 2}\n");
}

TEST(MetricsLog, ALineThatNestsWithoutEndIsADamagedOne) {
  const TempDir run;
  const std::string good = "{\"step\": 1, \"loss\": 0.5}\n";
  const std::string deep(200000, '['), closed(200000, ']');
  run.write("metrics.jsonl", good + "{\"step\": 1, \"samples\": " + deep + closed + "}\n");
  MetricsLog log(run.path(), 5);
  EXPECT_EQ(log.lines(), 1);
  EXPECT_EQ(content(run / "metrics.jsonl"), good);
}

TEST(MetricsLog, OnlyRegularFilesAreReadAndWritten) {
  for (const char* name : {"metrics.jsonl", "timing.jsonl"}) {
    const TempDir run;
    ASSERT_EQ(::mkfifo((run / name).c_str(), 0600), 0);
    EXPECT_THROW(MetricsLog(run.path(), 5), DataError) << name;
    EXPECT_THROW(MetricsLog(run.path(), -1), ResourceError) << name;
    fs::remove(run / name);
    fs::create_symlink("/dev/zero", run / name);
    EXPECT_THROW(MetricsLog(run.path(), 5), DataError) << name;
    EXPECT_THROW(MetricsLog(run.path(), -1), ResourceError) << name;
  }
}

TEST(MetricsLog, ANewStartIsEmpty) {
  const TempDir run;
  run.write("metrics.jsonl", "{\"step\": 1}\n");
  run.write("metrics.csv", "step\n1\n");
  MetricsLog log(run.path(), -1);
  EXPECT_EQ(content(run / "metrics.jsonl"), "");
  EXPECT_EQ(content(run / "metrics.csv"), "step\n");
}

/// Nothing longer than so many bytes can be written from here on.
void limit_files(std::uint64_t bytes) {
  ::signal(SIGXFSZ, SIG_IGN);
  rlimit limit{};
  ::getrlimit(RLIMIT_FSIZE, &limit);
  limit.rlim_cur = bytes;
  ::setrlimit(RLIMIT_FSIZE, &limit);
}

TEST(MetricsLog, ALineThatCannotBeWrittenWaitsAndNoneIsLost) {
  const TempDir whole;
  const auto write = [](MetricsLog& log, auto between) {
    // Room for the messages in the test's own file.
    log.write(1, Record().add("loss", 1).add("text", std::string(2000, 'x')));
    between(1);
    log.write(2, losses(0.5));
    log.write(3, losses(0.25));
    between(3);
    log.write(4, losses(0.125));
    log.sync();
  };
  {
    MetricsLog log(whole.path(), -1);
    write(log, [](int) {});
  }
  const auto body = [&] {
    const TempDir run;
    MetricsLog log(run.path(), -1);
    bool as_said = true;
    write(log, [&](int step) {
      if (step == 1) return limit_files(fs::file_size(run / "metrics.jsonl") + 10);
      as_said = log.lines() == 3 && content(run / "metrics.jsonl").ends_with("x\"}\n");
      try {
        log.sync();
        as_said = false;
      } catch (const ResourceError& e) {
        as_said = as_said && std::string(e.what()).ends_with("2 lines cannot be written");
      }
      limit_files(RLIM_INFINITY);
    });
    for (const char* name : {"metrics.jsonl", "metrics.csv"}) {
      as_said = as_said && content(run / name) == content(whole / name);
    }
    ::_exit(as_said ? 42 : 1);
  };
  EXPECT_EXIT(body(), testing::ExitedWithCode(42), "metrics.jsonl: cannot be written now");
}

TEST(MetricsLog, ATimeThatCannotBeWrittenIsDropped) {
  const auto body = [] {
    const TempDir run;
    MetricsLog log(run.path(), -1);
    log.write_timing(1, Record().add("text", std::string(2000, 'x')));
    const auto size = fs::file_size(run / "timing.jsonl");
    limit_files(size + 10);  // the next line fits in part
    log.write_timing(2, Record().add("step_s", 0.25));
    log.sync();
    ::_exit(fs::file_size(run / "timing.jsonl") == size ? 42 : 1);
  };
  EXPECT_EXIT(body(), testing::ExitedWithCode(42), "timing.jsonl: cannot be written now");
}

}  // namespace
}  // namespace vdd::run
