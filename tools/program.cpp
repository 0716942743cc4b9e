// SPDX-License-Identifier: Apache-2.0
#include "program.h"

#include <c10/util/Exception.h>
#include <torch/version.h>

#include <filesystem>
#include <iostream>
#include <new>
#include <system_error>

#include "vdd/core/error.h"
#include "vdd/core/log.h"
#include "vdd/core/system.h"
#include "vdd/core/text.h"

namespace vdd::tools {
namespace {

int report(std::string_view message, ExitCode code) {
  log::flush();
  for (const std::string& line : split(message, '\n')) {
    if (!line.empty()) std::cerr << "error: " << line << '\n';
  }
  return static_cast<int>(code);
}

int report_vdd(const Error& e) {
  const bool stopped = e.code() == ExitCode::kResumable || e.code() == ExitCode::kInterrupted;
  if (!stopped) return report(e.what(), e.code());
  log::flush();
  std::cerr << e.what() << '\n';
  return static_cast<int>(e.code());
}

/// Names the command or the option that a word was meant for which nothing took.
std::string hint(const CLI::App& app) {
  std::vector<std::string> names;
  for (const CLI::App* command = &app; command;) {
    for (const CLI::Option* option : command->get_options()) {
      for (const std::string& name : option->get_lnames()) names.push_back("--" + name);
    }
    const std::vector<CLI::App*> taken = command->get_subcommands();
    if (taken.empty()) {
      for (const CLI::App* child : command->get_subcommands({})) names.push_back(child->get_name());
    }
    command = taken.empty() ? nullptr : taken.front();
  }
  for (const std::string& word : app.remaining(true)) {
    const std::string meant = did_you_mean(word.substr(0, word.find('=')), names);
    if (!meant.empty()) return meant;
  }
  return "";
}

/// "vdd 0.1.0, commit 1a2b3c4, LibTorch 2.15.0, CUDA 13.2, GNU 12.2.0"
std::string build_description() {
  const std::string commit = VDD_COMMIT, cuda = VDD_CUDA_VERSION;
  return concat("vdd ", version(), commit.empty() ? "" : ", commit " + commit, ", LibTorch ",
                TORCH_VERSION, cuda.empty() ? ", without CUDA" : ", CUDA " + cuda, ", ",
                VDD_COMPILER);
}

std::string first_line(std::string_view text) {
  return std::string(text.substr(0, text.find('\n')));
}

}  // namespace

void add_common_options(CLI::App& app) {
  app.fallthrough();
  app.set_version_flag("--version", build_description());
  app.add_flag_callback(
         "-q,--quiet", [] { log::set_level(log::Level::kWarning); }, "warnings and errors only")
      ->trigger_on_parse();
  app.add_flag_callback(
         "-v,--verbose", [] { log::set_level(log::Level::kDebug); }, "more messages")
      ->trigger_on_parse();
}

int run_program(int argc, char** argv, const std::function<void(CLI::App&)>& build) {
  CLI::App app;
  try {
    add_common_options(app);
    build(app);
    app.parse(argc, argv);
    std::cout.flush();
    log::flush();
    if (!std::cout) return report("standard output: cannot be written", ExitCode::kResources);
    return static_cast<int>(ExitCode::kDone);
  } catch (const CLI::Success& e) {  // --help, --version
    app.exit(e);
    return static_cast<int>(ExitCode::kDone);
  } catch (const CLI::ParseError& e) {
    return report(concat("command line: ", join(split(e.what(), '\n'), " "), hint(app)),
                  ExitCode::kUsage);
  } catch (const Error& e) {
    return report_vdd(e);
  } catch (const c10::OutOfMemoryError& e) {
    return report(first_line(e.what_without_backtrace()), ExitCode::kResources);
  } catch (const c10::Error& e) {
    return report(first_line(e.what_without_backtrace()), ExitCode::kFailed);
  } catch (const std::filesystem::filesystem_error& e) {  // where nobody looked for one
    const bool full = e.code() == std::errc::no_space_on_device;
    return report(concat(shown(e.path1()), ": ", e.code().message()),
                  full ? ExitCode::kResources : ExitCode::kData);
  } catch (const std::bad_alloc&) {
    return report("not enough memory", ExitCode::kResources);
  } catch (const std::exception& e) {
    return report(first_line(e.what()), ExitCode::kFailed);
  }
}

std::string not_negative(const std::string& text) {
  return text.starts_with('-') ? concat("must be >= 0, got '", escape(text), "'") : "";
}

}  // namespace vdd::tools
