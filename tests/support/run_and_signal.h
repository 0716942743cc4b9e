// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <fcntl.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <filesystem>
#include <functional>
#include <string>
#include <thread>
#include <vector>

namespace vdd::test {

/// Starts a program of the build, with its output in `log`, and sends `signal` as soon as `ready`.
/// Returns its exit code, or 128 + signal if it was killed; the test fails if it ended before.
inline int run_and_signal(const std::string& name, const std::vector<std::string>& arguments,
                          int signal, const std::function<bool()>& ready,
                          const std::filesystem::path& log) {
  const std::string program = std::string(VDD_BIN_DIR).append("/").append(name);
  const pid_t child = ::fork();
  if (child == 0) {
    const int file = ::open(log.c_str(), O_WRONLY | O_CREAT | O_TRUNC, 0644);
    ::dup2(file, STDERR_FILENO);
    ::dup2(file, STDOUT_FILENO);
    std::vector<char*> argv = {const_cast<char*>(name.c_str())};
    for (const auto& word : arguments) argv.push_back(const_cast<char*>(word.c_str()));
    argv.push_back(nullptr);
    ::execv(program.c_str(), argv.data());
    ::_exit(127);
  }
  int status = 0;
  const auto limit = std::chrono::steady_clock::now() + std::chrono::seconds(120);
  bool sent = false;
  while (::waitpid(child, &status, WNOHANG) == 0) {
    if (!sent && ready()) {
      ::kill(child, signal);
      sent = true;
    }
    if (std::chrono::steady_clock::now() > limit) ::kill(child, SIGKILL);
    std::this_thread::sleep_for(std::chrono::milliseconds(2));
  }
  EXPECT_TRUE(sent);
  return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

}  // namespace vdd::test
