// SPDX-License-Identifier: Apache-2.0
#include "vdd/core/mapped_file.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <csignal>
#include <cstring>
#include <thread>
#include <vector>

#include "support/temp_dir.h"
#include "support/thrown.h"
#include "vdd/core/error.h"
#include "vdd/core/files.h"

namespace vdd {
namespace {

namespace fs = std::filesystem;
using test::content;
using test::TempDir;
using test::thrown;
using testing::ExitedWithCode;
using testing::HasSubstr;
using testing::KilledBySignal;

TEST(MappedFile, HoldsTheBytesAndStaysPrivate) {
  const TempDir dir;
  std::string bytes(3 * 4096 + 17, 'x');
  bytes[5000] = 'y';
  write_file_atomic(dir / "file", bytes);
  const MappedFile mapped(dir / "file");
  ASSERT_EQ(mapped.bytes().size(), bytes.size());
  mapped.prefetch(0, bytes.size());
  EXPECT_EQ(std::memcmp(mapped.bytes().data(), bytes.data(), bytes.size()), 0);
  const_cast<std::byte&>(mapped.bytes()[5000]) = std::byte{'z'};
  EXPECT_EQ(content(dir / "file"), bytes);
  mapped.release(0, bytes.size());  // what was written is lost with the pages
  EXPECT_EQ(std::memcmp(mapped.bytes().data(), bytes.data(), bytes.size()), 0);
}

TEST(MappedFile, AnEmptyFileIsAnEmptySpan) {
  const TempDir dir;
  write_file_atomic(dir / "file", "");
  EXPECT_TRUE(MappedFile(dir / "file").bytes().empty());
}

TEST(MappedFile, WhatIsNoFileIsRefusedAtOnce) {
  const TempDir dir;
  ASSERT_EQ(::mkfifo((dir / "fifo").c_str(), 0600), 0);
  EXPECT_THAT(thrown<DataError>([&] { MappedFile mapped(dir / "fifo"); }),
              HasSubstr("is a FIFO, not a file"));
  EXPECT_THAT(thrown<DataError>([&] { MappedFile mapped(dir.path()); }),
              HasSubstr("is a folder, not a file"));
}

/// The last byte of a mapping.
std::byte last(const MappedFile& file) {
  return *static_cast<const volatile std::byte*>(&file.bytes().back());
}

TEST(MappedFileDeathTest, AFileThatIsCutEndsTheProgramWithItsNameAndExitCodeThree) {
  const TempDir dir;
  const std::string bytes(3 * 4096, 'x');
  const fs::path cut = dir.write("a\nb", bytes), whole = dir.write("whole", bytes);
  const auto among_others = [&] {
    MappedFile(whole).bytes();
    const MappedFile first(whole), file(cut), other(whole);
    fs::resize_file(cut, 4096);
    last(first);
    last(other);
    last(file);
  };
  EXPECT_EXIT(among_others(), ExitedWithCode(3),
              "error: .*/a.nb: was cut while it was read, or cannot be read any more");
  const auto in_a_thread = [&] {
    const MappedFile file(whole);
    fs::resize_file(whole, 0);
    std::thread([&] { last(file); }).join();
  };
  EXPECT_EXIT(in_a_thread(), ExitedWithCode(3), "/whole: was cut");
}

TEST(MappedFileDeathTest, ABusErrorOfAnotherKindGoesToWhoeverHandledItBefore) {
  const TempDir dir;
  const fs::path path = dir.write("file", "x");
  const auto touch_another_mapping = [&] {
    const RegularFile file(path);
    void* beyond = ::mmap(nullptr, 8192, PROT_READ, MAP_PRIVATE, file.descriptor(), 0);
    return *(static_cast<volatile char*>(beyond) + 4096);
  };
  EXPECT_EXIT(
      {
        const MappedFile file(path);
        touch_another_mapping();
      },
      KilledBySignal(SIGBUS), "");
  EXPECT_EXIT(
      {
        const MappedFile file(path);
        ::raise(SIGBUS);
      },
      KilledBySignal(SIGBUS), "");
  EXPECT_EXIT(
      {
        std::signal(SIGBUS, [](int) { ::_exit(42); });
        const MappedFile file(path);
        touch_another_mapping();
      },
      ExitedWithCode(42), "");
}

TEST(MappedFile, ManyMayComeAndGoAtATime) {
  const TempDir dir;
  const fs::path path = dir.write("file", "x");
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t) {
    threads.emplace_back([&] {
      for (int i = 0; i < 200; ++i) {
        const MappedFile one(path), two(path);
        EXPECT_EQ(last(one), last(two));
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
}

}  // namespace
}  // namespace vdd
