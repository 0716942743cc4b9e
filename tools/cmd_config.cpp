// SPDX-License-Identifier: Apache-2.0
#include <iostream>
#include <map>
#include <memory>

#include "presets.h"
#include "program.h"
#include "vdd/config/markdown.h"
#include "vdd/core/error.h"
#include "vdd/core/files.h"
#include "vdd/core/text.h"

namespace vdd::tools {
namespace {

struct ConfigOptions {
  std::string file, other, check;
  std::vector<std::string> overrides;
};

void list() {
  for (const std::string& name : preset_names()) std::cout << name << '\n';
}

void diff(const ConfigOptions& options) {
  const auto read = [](const std::string& name) {
    const auto file = find_config(name);
    return kind_of(file).leaves(file, {});
  };
  const config::Leaves left = read(options.file), right = read(options.other);
  std::map<std::string, std::string> others(right.begin(), right.end());
  for (const auto& [key, value] : left) {
    const auto other = others.find(key);
    if (other == others.end()) {
      std::cout << key << ": " << value << " -> absent\n";
    } else {
      if (other->second != value)
        std::cout << key << ": " << value << " -> " << other->second << '\n';
      others.erase(other);
    }
  }
  for (const auto& [key, value] : right) {
    if (others.contains(key)) std::cout << key << ": absent -> " << value << '\n';
  }
}

void document(const ConfigOptions& options) {
  std::string page =
      "# Configuration\n\nWritten by `vdd config docs`; do not edit. Every key can be set in a "
      "YAML file (`-c FILE`) and on\n"
      "the command line (`key.sub=value`, which wins). Paths are relative to the working "
      "directory. A list replaces the\n"
      "default list as a whole; `N` stands for the number of an element, from 0.\n";
  for (const ConfigKind& kind : config_kinds())
    page += concat('\n', config::write_markdown(kind.schema(), kind.program));
  if (options.check.empty()) {
    std::cout << page;
  } else if (read_file(options.check, 1 << 24) != page) {
    throw VerificationError(
        concat(options.check, ": is stale; write it again with `vdd config docs`"));
  }
}

}  // namespace

void add_config(CLI::App& vdd) {
  auto options = std::make_shared<ConfigOptions>();
  CLI::App* config = vdd.add_subcommand("config", "list, show, check and document configs");
  config->require_subcommand(1);

  config->add_subcommand("ls", "list the names of the presets")->callback(list);

  CLI::App* show = config->add_subcommand("show", "print every value of a preset or file, as YAML");
  show->add_option("name", options->file, "preset or file")->required();
  show->add_option("overrides", options->overrides, "settings as key.sub=value, over the file's");
  show->callback([options] {
    const auto file = find_config(options->file);
    std::cout << kind_of(file).resolve(file, options->overrides);
  });

  CLI::App* validate = config->add_subcommand("validate", "report every error of a preset or file");
  validate->add_option("file", options->file, "preset or file")->required();
  validate->add_option("overrides", options->overrides,
                       "settings as key.sub=value, over the file's");
  validate->callback([options] {
    const auto file = find_config(options->file);
    kind_of(file).resolve(file, options->overrides);
    std::cout << escape(file.string()) << ": good for " << kind_of(file).program << '\n';
  });

  CLI::App* compare =
      config->add_subcommand("diff", "print the values that differ between two configs");
  compare->add_option("a", options->file, "preset or file")->required();
  compare->add_option("b", options->other, "preset or file")->required();
  compare->callback([options] { diff(*options); });

  CLI::App* docs = config->add_subcommand("docs", "print the page docs/configuration.md");
  docs->add_option("--check", options->check, "compare with this file instead of printing");
  docs->callback([options] { document(*options); });
}

}  // namespace vdd::tools
