// SPDX-License-Identifier: Apache-2.0
#include "program.h"

#include <c10/util/Exception.h>

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

std::string first_line(std::string_view text) {
  return std::string(text.substr(0, text.find('\n')));
}

}  // namespace

int run_program(int argc, char** argv, const std::string& description,
                const std::function<void(CLI::App&)>& build) {
  CLI::App app(description);
  app.fallthrough();
  app.set_version_flag("--version", "vdd " + version());
  app.add_flag_callback(
         "-q,--quiet", [] { log::set_level(log::Level::kWarning); }, "warnings and errors only")
      ->trigger_on_parse();
  app.add_flag_callback(
         "-v,--verbose", [] { log::set_level(log::Level::kDebug); }, "more messages")
      ->trigger_on_parse();
  try {
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
    return report(concat("command line: ", join(split(e.what(), '\n'), " ")), ExitCode::kUsage);
  } catch (const Error& e) {
    return report_vdd(e);
  } catch (const c10::OutOfMemoryError& e) {
    return report(first_line(e.what_without_backtrace()), ExitCode::kResources);
  } catch (const c10::Error& e) {
    return report(first_line(e.what_without_backtrace()), ExitCode::kFailed);
  } catch (const std::filesystem::filesystem_error& e) {  // where nobody looked for one
    const bool full = e.code() == std::errc::no_space_on_device;
    return report(concat(escape(e.path1().string(), 1000), ": ", e.code().message()),
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
