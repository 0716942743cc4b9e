// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <gtest/gtest.h>

#include <string>

namespace vdd::test {

/// The message of the exception of type E that `work` throws; fails the test if it throws none or
/// another.
template <typename E, typename Work>
std::string thrown(const Work& work) {
  try {
    work();
  } catch (const E& e) {
    return e.what();
  } catch (const std::exception& e) {
    ADD_FAILURE() << "another exception: " << e.what();
    return "";
  }
  ADD_FAILURE() << "no exception";
  return "";
}

}  // namespace vdd::test
