// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <sys/wait.h>

#include <cstdlib>
#include <string>
#include <string_view>
#include <vector>

#include "support/temp_dir.h"

namespace vdd::test {

struct Finished {
  int code = -1;  ///< exit code; 128 + signal if it was killed
  std::string out, err;
};

/// Runs a program of the build by name, without a shell reading its arguments, and waits for its
/// end. With `most_seconds` it is killed after that time, and its code is 137.
inline Finished run_program(const std::string& name, const std::vector<std::string>& arguments,
                            int most_seconds = 0) {
  const TempDir folder;
  std::string command;
  if (most_seconds > 0) command = "timeout -s KILL " + std::to_string(most_seconds) + ' ';
  const auto add = [&command](std::string_view before, const std::string& text) {
    command.append(before).append("'");
    for (const char c : text) command.append(c == '\'' ? "'\\''" : std::string(1, c));
    command.append("'");
  };
  add("", std::string(VDD_BIN_DIR).append("/").append(name));
  for (const std::string& argument : arguments) add(" ", argument);
  add(" >", (folder / "out").string());
  add(" 2>", (folder / "err").string());
  const int status = std::system(command.c_str());
  return {WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status), content(folder / "out"),
          content(folder / "err")};
}

}  // namespace vdd::test
