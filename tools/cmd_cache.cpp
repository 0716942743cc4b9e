// SPDX-License-Identifier: Apache-2.0
// vdd cache build | verify | stat: the teacher's answers on disk. docs/training.md
#include <cstdint>
#include <filesystem>
#include <iostream>
#include <memory>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "presets.h"
#include "program.h"
#include "vdd/core/progress.h"
#include "vdd/core/stop.h"
#include "vdd/core/text.h"
#include "vdd/distill/build_cache.h"
#include "vdd/distill/teacher_cache.h"
#include "vdd/programs/training_programs.h"

namespace vdd::tools {
namespace {

struct Arguments {
  std::string config, dir, shard = "1/1";
  std::vector<std::string> overrides;
  std::int64_t samples = 0, recompute = 0;
  bool json = false;

  std::unique_ptr<distill::Distillation> load() const {
    auto distillation = programs::load_distillation(kind_of(config).program, config, overrides);
    if (!dir.empty()) distillation->config().cache.dir = dir;
    return distillation;
  }
};

/// Reads "2/8": the second of eight parts.
distill::Shard parse_shard(const std::string& text) {
  constexpr long long kMost = 1'000'000;
  const std::vector<std::string> words = split(text, '/');
  const auto index = parse_int(words.front()), count = parse_int(words.back());
  if (words.size() != 2 || !index || !count || *index < 1 || *index > *count || *count > kMost) {
    throw ConfigError(concat("command line: --shard: '", escape(text),
                             "' is not I/N with 1 <= I <= N <= ", kMost, ", such as 2/8"));
  }
  return {.index = *index - 1, .count = *count};
}

void build(const Arguments& args) {
  const distill::Shard shard = parse_shard(args.shard);
  install_signal_handlers();
  const distill::CacheBuild result =
      distill::build_teacher_cache(*args.load(), args.samples, shard);
  std::cout << result.computed << " computed, " << result.found << " found\n";
  if (result.exit != ExitCode::kDone) throw Error("stopped early; run it again", result.exit);
}

void verify(const Arguments& args) {
  distill::CacheReport report;
  {
    Progress progress("verify", {.total = distill::cache_stat(args.dir).entries});
    report = distill::cache_verify(args.dir,
                                   [&](std::int64_t done, std::int64_t) { progress.update(done); });
  }
  if (args.recompute > 0) {
    if (args.config.empty()) throw ConfigError("command line: --recompute needs --config");
    const auto result = distill::recompute_cached(*args.load(), args.recompute);
    for (const std::string& key : result.different) {
      report.problems.push_back(concat(key, ": computed anew, it differs"));
    }
    std::cout << result.compared << " computed anew\n";
  }
  for (const std::string& problem : report.problems) std::cout << problem << '\n';
  std::cout << report.entries << " entries, " << report.problems.size() << " damaged\n";
  if (!report.problems.empty()) throw VerificationError(report.problems.front());
}

void stat(const Arguments& args) {
  const distill::CacheReport report = distill::cache_stat(args.dir);
  if (args.json) {
    std::cout << nlohmann::json{{"entries", report.entries}, {"bytes", report.bytes}} << '\n';
  } else {
    std::cout << report.entries << " entries, " << (report.bytes >> 20) << " MiB\n";
  }
}

}  // namespace

void add_cache(CLI::App& vdd) {
  CLI::App* cache =
      vdd.add_subcommand("cache", "build and check the cache of the teacher's results on disk");
  cache->require_subcommand(1);
  auto args = std::make_shared<Arguments>();

  CLI::App* app = cache->add_subcommand(
      "build", "compute the teacher's results that a run of either stage will need");
  app->add_option("-c,--config", args->config, "the run's config")->required();
  app->add_option("overrides", args->overrides, "settings as key.sub=value, over the file's");
  app->add_option("--dir", args->dir, "cache folder; by default the config's cache.dir");
  app->add_option("--samples", args->samples,
                  "number of the run's first samples to compute; 0: all")
      ->check(not_negative);
  app->add_option(
      "--shard", args->shard,
      "I/N: only every N-th sample from the I-th on, so that N machines fill one cache");
  app->callback([args] { build(*args); });

  app = cache->add_subcommand("verify", "check name and checksum of every entry");
  app->add_option("dir", args->dir, "cache folder")->required();
  app->add_option("--recompute", args->recompute,
                  "also recompute up to this many entries, and compare")
      ->check(not_negative);
  app->add_option("-c,--config", args->config, "the run's config, for --recompute");
  app->add_option("--set", args->overrides, "settings as key.sub=value, over the file's");
  app->callback([args] { verify(*args); });

  app = cache->add_subcommand("stat", "print the number and size of the entries");
  app->add_option("dir", args->dir, "cache folder")->required();
  app->add_flag("--json", args->json, "print the result as JSON");
  app->callback([args] { stat(*args); });
}

}  // namespace vdd::tools
