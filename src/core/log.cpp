// SPDX-License-Identifier: Apache-2.0
#include "vdd/core/log.h"

#include <spdlog/sinks/basic_file_sink.h>
#include <spdlog/sinks/stdout_color_sinks.h>
#include <spdlog/spdlog.h>
#include <unistd.h>

#include <cstdio>
#include <memory>
#include <mutex>

#include "vdd/core/error.h"
#include "vdd/core/files.h"
#include "vdd/core/progress.h"
#include "vdd/core/text.h"

namespace vdd::log {
namespace {

spdlog::logger& root() {
  static const auto logger = [] {
    auto sink = std::make_shared<spdlog::sinks::stderr_color_sink_mt>();
    sink->set_pattern("%v");
    auto created = std::make_shared<spdlog::logger>("vdd", std::move(sink));
    created->flush_on(spdlog::level::warn);
    // A full disk under run.log: the lines are on stderr all the same.
    created->set_error_handler([](const std::string& reason) {
      static std::once_flag said;
      std::call_once(said, [&] {
        std::fprintf(stderr, "[log] warning: %s (said once)\n", escape(reason).c_str());
      });
    });
    return created;
  }();
  return *logger;
}

spdlog::level::level_enum to_spdlog(Level level) {
  switch (level) {
    case Level::kDebug:
      return spdlog::level::debug;
    case Level::kInfo:
      return spdlog::level::info;
    case Level::kWarning:
      return spdlog::level::warn;
    case Level::kError:
      return spdlog::level::err;
  }
  return spdlog::level::info;
}

}  // namespace

void set_level(Level level) {
  root().set_level(to_spdlog(level));
}

void add_file(const std::filesystem::path& path) {
  ::close(open_to_append(path));  // spdlog would wait for the reader of a FIFO
  try {
    auto sink = std::make_shared<spdlog::sinks::basic_file_sink_mt>(path.string());
    sink->set_pattern("%Y-%m-%d %H:%M:%S.%e %v");
    root().sinks().resize(1);  // a process that makes several runs ends each one's file
    root().sinks().push_back(std::move(sink));
  } catch (const spdlog::spdlog_ex& e) {
    throw ResourceError(concat(escape(path.string()), ": log file cannot be opened: ", e.what()));
  }
}

void flush() {
  root().flush();
}

void write(Level level, std::string_view logger, std::string_view message) {
  const std::string_view mark = level == Level::kError     ? "error: "
                                : level == Level::kWarning ? "warning: "
                                                           : "";
  // A progress line on the terminal would run into the message.
  Progress::hide();
  root().log(to_spdlog(level), "[{}] {}{}", logger, mark, message);
}

}  // namespace vdd::log
