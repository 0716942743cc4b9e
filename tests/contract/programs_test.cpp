// SPDX-License-Identifier: Apache-2.0
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "support/run_program.h"
#include "support/temp_dir.h"
#include "vdd/core/text.h"

namespace vdd::test {
namespace {

using ::testing::HasSubstr;
using ::testing::MatchesRegex;
using ::testing::Not;
using ::testing::StartsWith;

/// Exit code 2 and exactly these lines on stderr.
void expect_refused(const std::vector<std::string>& arguments, const std::string& err) {
  const Finished vdd = run_program("vdd", arguments);
  EXPECT_EQ(vdd.code, 2);
  EXPECT_EQ(vdd.out, "");
  EXPECT_EQ(vdd.err, err);
}

TEST(Programs, HelpAndVersionGoToStandardOutput) {
  const Finished help = run_program("vdd", {"--help"});
  EXPECT_EQ(help.code, 0);
  EXPECT_EQ(help.err, "");
  EXPECT_THAT(help.out, HasSubstr("config "));
  const Finished version = run_program("vdd", {"--version"});
  EXPECT_EQ(version.code, 0);
  EXPECT_THAT(version.out, MatchesRegex("vdd [0-9.]+(, commit [0-9a-f]+)?, LibTorch [0-9.]+, "
                                        "(CUDA [0-9.]+|without CUDA), .+\n"));
}

TEST(Programs, AWrongCommandLineIsOneLineAndExitCodeTwo) {
  expect_refused({}, "error: command line: no command; see vdd --help\n");
  expect_refused({"config"}, "error: command line: A subcommand is required\n");
  expect_refused({"confg"},
                 "error: command line: The following argument was not expected: confg; did you "
                 "mean 'config'?\n");
  expect_refused({"config", "ls", "--bad"},
                 "error: command line: The following argument was not expected: --bad\n");
  expect_refused({"predict", "-m", "m", "-i", "i", "-o", "o", "--windw", "4"},
                 "error: command line: The following arguments were not expected: 4 --windw; did "
                 "you mean '--window'?\n");
}

/// What bash offers after `line`, by the script of `vdd completion bash`.
std::string completed(const std::string& line) {
  const TempDir folder;
  const Finished script = run_program("vdd", {"completion", "bash"});
  EXPECT_EQ(script.code, 0) << script.err;
  const std::string file = folder.write("vdd.bash", script.out);
  const std::string out = (folder / "out").string();
  const std::string command =
      concat("compopt() { :; }; source ", file, "; COMP_WORDS=(", line,
             " ''); COMP_CWORD=$((${#COMP_WORDS[@]} - 1)); _vdd; echo \"${COMPREPLY[*]}\" > ", out);
  EXPECT_EQ(std::system(concat("bash -c '", join(split(command, '\''), "'\\''"), "'").c_str()), 0);
  return content(out);
}

TEST(CompletionCommand, OffersCommandsOptionsAndSettings) {
  EXPECT_THAT(completed("vdd"), HasSubstr("cache"));
  EXPECT_THAT(completed("vdd cache"), StartsWith("build verify"));
  EXPECT_THAT(completed("vdd predict -m m"), HasSubstr("--side-by-side"));
  EXPECT_THAT(completed("vdd predict -m m"), Not(HasSubstr("train.max_steps=")));
  EXPECT_THAT(completed("/usr/bin/distill_unet --resume"), HasSubstr("train.max_steps="));
  EXPECT_THAT(run_program("vdd", {"completion", "zsh"}).out, StartsWith("#compdef vdd "));
  EXPECT_THAT(
      run_program("vdd", {"completion", "fish"}).out,
      HasSubstr("complete -c vdd -n '__fish_seen_subcommand_from predict' -s m -l model -r"));
}

TEST(ManCommand, HasAPageForEachCommandWithItsOptionsAndSettings) {
  const Finished page = run_program("vdd", {"man", "distill_unet"});
  EXPECT_EQ(page.code, 0) << page.err;
  EXPECT_THAT(page.out, StartsWith(".TH distill_unet 1 "));
  EXPECT_THAT(page.out, HasSubstr(".TP\n\\fB\\-o\\fR, \\fB\\-\\-output\\-dir\\fR \\fIVALUE\\fR\n"));
  EXPECT_THAT(page.out, HasSubstr(".TP\n\\fBtrain.max_steps\\fR\n"));
  EXPECT_THAT(run_program("vdd", {"man", "vdd-cache-build"}).out, HasSubstr("\n.SH OPTIONS\n"));
  const Finished unknown = run_program("vdd", {"man", "distill_unt"});
  EXPECT_EQ(unknown.code, 2);
  EXPECT_THAT(unknown.err, HasSubstr("did you mean 'distill_unet'?"));
}

TEST(Programs, ANegativeCountIsNotTakenForAHugeOne) {
  expect_refused({"sample-data", "--out", "never", "--seed", "-1"},
                 "error: command line: --seed: must be >= 0, got '-1'\n");
}

TEST(BenchCommand, CountsWithoutRunningAndRefusesInOneLine) {
  const Finished table =
      run_program("vdd", {"bench", "--random", "tiny", "--flops-only", "--size", "64x64"});
  EXPECT_EQ(table.code, 0) << table.err;
  EXPECT_THAT(table.out, HasSubstr("\n| student + DPT | denoise, 1 step | "));
  expect_refused({"bench"}, "error: command line: either --model or --random is needed\n");
  expect_refused({"bench", "--random", "tiny", "--size", "64"},
                 "error: command line: --size: '64' is not HEIGHTxWIDTH\n");
}

TEST(ReportCommand, WritesThePageWhereItIsToldAndRefusesInOneLine) {
  const TempDir folder;
  for (const char* run : {"a", "b"}) {
    folder.write(concat(run, "/config.resolved.yaml"), concat("seed: ", run, "\n"));
  }
  const std::string a = (folder / "a").string(), b = (folder / "b").string();
  const Finished one = run_program("vdd", {"report", a});
  EXPECT_EQ(one.out, a + "/report.html\n") << one.err;
  const std::string page = (folder / "page.html").string();
  ASSERT_EQ(run_program("vdd", {"report", a, b, "-o", page}).code, 0);
  EXPECT_THAT(content(page), HasSubstr("<tr><th>seed</th><td>a</td><td>b</td></tr>"));
  expect_refused({"report", a, b}, "error: command line: --output is needed to compare runs\n");
  const Finished none = run_program("vdd", {"report", folder.path().string()});
  EXPECT_EQ(none.code, 3);
  EXPECT_THAT(none.err, HasSubstr("holds no run"));
}

TEST(EvalCommand, ScoresSavesAndComparesInEachForm) {
  const TempDir folder;
  const std::string saved = (folder / "truth.json").string();
  const Finished table =
      run_program("vdd", {"eval", "--protocol", "tae-floor@1", "--data", VDD_FIXTURES "/io/nyuv2",
                          "--ground-truth", "-o", saved});
  EXPECT_EQ(table.code, 0) << table.err;
  EXPECT_THAT(table.out, HasSubstr("| **mean** | 2 | 0.0000 | 1.0000 | 0.000 |"));
  EXPECT_THAT(table.out, HasSubstr("- used 0003: 1 frames, 0003 to 0003"));
  EXPECT_EQ(run_program("vdd", {"eval", "--compare", saved}).out, table.out);
  EXPECT_EQ(run_program("vdd", {"eval", "--compare", saved, "--format", "json"}).out,
            content(saved));
  EXPECT_THAT(run_program("vdd", {"eval", "--compare", saved, "--format", "latex"}).out,
              HasSubstr("\\begin{tabular}"));
}

TEST(EvalCommand, RefusesInOneLine) {
  expect_refused({"eval"},
                 "error: command line: --protocol and --data are needed; see --list-protocols\n");
  expect_refused(
      {"eval", "--protocol", "tae-floor@1", "--data", "x", "--ground-truth", "--predictions", "y"},
      "error: command line: one of --model, --predictions and --ground-truth is needed\n");
  const Finished missing = run_program("vdd", {"eval", "--protocol", "depthcrafter-nyu@1", "--data",
                                               VDD_FIXTURES "/io/nyuv2", "--ground-truth"});
  EXPECT_EQ(missing.code, 3);
  EXPECT_THAT(missing.err, HasSubstr("2 sequences of 654"));
}

TEST(SweepCommand, RefusesInOneLine) {
  const TempDir folder;
  const std::string table = folder.write("table.yaml", "title: t\nteacher: t\n"), out = "never";
  expect_refused({"sweep", "seeds=[0]", "-o", out}, "error: command line: no table given\n");
  expect_refused({"sweep", table, "-o", out},
                 "error: " + table + ":1:1: rows: none to show\n" + "error: " + table +
                     ":1:1: evaluate: empty, and no times: nothing to show\n");
}

TEST(DoctorCommand, SaysWhatIsNotThere) {
  const TempDir folder;
  const std::string path = (folder / "gone.safetensors").string();
  const Finished vdd = run_program("vdd", {"doctor", path});
  EXPECT_EQ(vdd.code, 3);
  EXPECT_EQ(vdd.err, "error: " + path + ": no such file or folder\n");
}

TEST(ConfigCommand, ReportsEveryErrorOfAFileWithItsPlace) {
  const TempDir folder;
  const std::string file = folder.write("stage1.yaml", "train:\n  max_step: 3\n  seed: -1\n");
  expect_refused({"config", "validate", file},
                 "error: " + file +
                     ":2:3: train.max_step: unknown key; did you mean 'max_steps'?\n" +
                     "error: " + file + ":3:9: train.seed: must be >= 0, got '-1'\n");
  expect_refused({"config", "validate", file + ".yaml"},
                 "error: " + file + ".yaml: " + "cannot be opened: No such file or directory\n");
}

TEST(ConfigCommand, ShowsAPresetThatReadsBackAsItself) {
  const Finished names = run_program("vdd", {"config", "ls"});
  ASSERT_EQ(names.code, 0);
  const std::string name = "svd/stage1_deterministic";
  EXPECT_THAT(names.out, HasSubstr('\n' + name + '\n'));
  const Finished shown = run_program("vdd", {"config", "show", name, "train.max_steps=7"});
  ASSERT_EQ(shown.code, 0) << shown.err;
  EXPECT_THAT(shown.out, HasSubstr("\n  max_steps: 7\n"));
  const TempDir folder;
  const std::string file = folder.write("stage1.yaml", shown.out);
  EXPECT_EQ(run_program("vdd", {"config", "show", file}).out, shown.out);
  const Finished difference = run_program("vdd", {"config", "diff", name, file});
  EXPECT_THAT(difference.out, ::testing::MatchesRegex("train.max_steps: [0-9]+ -> 7\n"));
}

TEST(ConfigCommand, SuggestsThePresetThatWasMeant) {
  const Finished names = run_program("vdd", {"config", "ls"});
  const std::string name = names.out.substr(0, names.out.find('\n'));
  expect_refused({"config", "show", name + "x"},
                 "error: " + name + "x: no such file or preset; did you mean '" + name + "'?\n");
}

}  // namespace
}  // namespace vdd::test
