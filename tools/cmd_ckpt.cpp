// SPDX-License-Identifier: Apache-2.0
#include <iomanip>
#include <iostream>
#include <memory>
#include <nlohmann/json.hpp>
#include <vector>

#include "program.h"
#include "vdd/core/error.h"
#include "vdd/core/text.h"
#include "vdd/run/checkpoint.h"

namespace vdd::tools {
namespace {

namespace fs = std::filesystem;
using nlohmann::ordered_json;
using run::Checkpoint;

struct CkptOptions {
  fs::path path;
  bool json = false;
};

ordered_json describe_files(const Checkpoint& checkpoint) {
  ordered_json out = {{"step", checkpoint.step},
                      {"path", checkpoint.path.string()},
                      {"links", run::checkpoint_links(checkpoint)}};
  std::int64_t total = 0;
  const auto files = run::checkpoint_files(checkpoint.path);
  for (const auto& [name, bytes] : files) total += bytes;
  out["bytes"] = total;
  out["files"] = files;
  return out;
}

void print_all(const std::vector<Checkpoint>& checkpoints, const CkptOptions& options,
               bool with_files) {
  ordered_json all = ordered_json::array();
  for (const Checkpoint& checkpoint : checkpoints) {
    const ordered_json facts = describe_files(checkpoint);
    all.push_back(facts);
    if (options.json) continue;
    std::cout << checkpoint.path.filename().string() << std::setw(14)
              << facts["bytes"].get<std::int64_t>() << "  "
              << join(facts["links"].get<std::vector<std::string>>(), " ") << '\n';
    if (!with_files) continue;
    for (const auto& [name, bytes] : facts["files"].items()) {
      std::cout << std::setw(25) << bytes.get<std::int64_t>() << "  " << escape(name) << '\n';
    }
  }
  if (options.json)
    std::cout << all.dump(2, ' ', false, ordered_json::error_handler_t::replace) << '\n';
}

void verify_all(const std::vector<Checkpoint>& checkpoints) {
  std::vector<std::string> faults;
  for (const Checkpoint& checkpoint : checkpoints) {
    try {
      run::verify_checkpoint(checkpoint.path);
      std::cout << escape(checkpoint.path.string()) << ": complete\n";
    } catch (const VerificationError& e) {
      faults.push_back(e.what());
    }
  }
  if (!faults.empty()) throw VerificationError(join(faults, "\n"));
}

}  // namespace

void add_ckpt(CLI::App& vdd) {
  auto options = std::make_shared<CkptOptions>();
  CLI::App* ckpt = vdd.add_subcommand("ckpt", "list, show and verify the checkpoints of a run");
  ckpt->require_subcommand(1);
  const auto command = [&](const char* name, const char* help, auto work) {
    CLI::App* sub = ckpt->add_subcommand(name, help);
    sub->add_option("path", options->path, "run folder, or one checkpoint")->required();
    sub->add_flag("--json", options->json, "print the result as JSON");
    sub->callback([options, work] { work(run::find_checkpoints(options->path), *options); });
  };
  command("ls", "list the checkpoints with their steps, bytes and links",
          [](const auto& found, const auto& o) { print_all(found, o, false); });
  command("show", "list the files of the checkpoints",
          [](const auto& found, const auto& o) { print_all(found, o, true); });
  command("verify", "compare every file with its checksum",
          [](const auto& found, const auto&) { verify_all(found); });
}

}  // namespace vdd::tools
