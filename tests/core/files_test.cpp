// SPDX-License-Identifier: Apache-2.0
#include "vdd/core/files.h"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <csignal>
#include <cstring>

#include "support/temp_dir.h"
#include "support/thrown.h"
#include "vdd/core/error.h"

namespace vdd {
namespace {

namespace fs = std::filesystem;
using test::content;
using test::TempDir;
using test::thrown;
using testing::ElementsAre;
using testing::EndsWith;
using testing::HasSubstr;

/// As a full disk: no file of this process grows past `bytes`.
class FileSizeLimit {
 public:
  explicit FileSizeLimit(rlim_t bytes) : old_handler_(std::signal(SIGXFSZ, SIG_IGN)) {
    ::getrlimit(RLIMIT_FSIZE, &old_);
    const rlimit limit{bytes, old_.rlim_max};
    ::setrlimit(RLIMIT_FSIZE, &limit);
  }
  ~FileSizeLimit() {
    ::setrlimit(RLIMIT_FSIZE, &old_);
    std::signal(SIGXFSZ, old_handler_);
  }

 private:
  rlimit old_{};
  void (*old_handler_)(int);
};

TEST(Files, ReadsWhatWasWritten) {
  const TempDir dir;
  const std::string bytes("a\0b\n\xff", 5);
  write_file_atomic(dir / "file", bytes);
  EXPECT_EQ(content(dir / "file"), bytes);
  EXPECT_EQ(read_file(dir / "file", 5), bytes);
  EXPECT_THAT(dir.names(), ElementsAre("file"));
}

TEST(Files, ReadRefusesMoreThanTheLimit) {
  const TempDir dir;
  write_file_atomic(dir / "file", "123456");
  EXPECT_THAT(thrown<DataError>([&] { read_file(dir / "file", 5); }), HasSubstr("has 6 bytes"));
  EXPECT_THAT(read_file("/proc/self/status", 1 << 16), HasSubstr("VmRSS"));
  EXPECT_THAT(thrown<DataError>([&] { read_file("/proc/self/status", 5); }), HasSubstr("bytes"));
}

TEST(Files, WhatIsNoFileIsRefusedAtOnce) {
  const TempDir dir;
  ASSERT_EQ(::mkfifo((dir / "fifo").c_str(), 0600), 0);
  fs::create_symlink("loop", dir / "loop");
  for (const auto& [path, reason] :
       {std::pair(dir / "fifo", "is a FIFO, not a file"),
        std::pair(dir.path(), "is a folder, not a file"),
        std::pair(fs::path("/dev/zero"), "is a device, not a file"),
        std::pair(dir / "loop", "symbolic link"), std::pair(dir / "absent", "No such file")}) {
    EXPECT_THAT(thrown<DataError>([&] { read_file(path, 1 << 20); }), HasSubstr(reason)) << path;
    EXPECT_THAT(thrown<DataError>([&] { read_lines(path, {}); }), HasSubstr(reason)) << path;
  }
}

TEST(Files, WhatIsNoFileIsNotAppendedTo) {
  const TempDir dir;
  ASSERT_EQ(::mkfifo((dir / "fifo").c_str(), 0600), 0);
  const int reader = ::open((dir / "fifo").c_str(), O_RDONLY | O_NONBLOCK);
  EXPECT_THAT(thrown<ResourceError>([&] { open_to_append(dir / "fifo"); }),
              HasSubstr("is a FIFO, not a file"));
  ::close(reader);  // and now that nobody reads
  EXPECT_THAT(thrown<ResourceError>([&] { open_to_append(dir / "fifo"); }),
              HasSubstr("cannot be opened"));
  EXPECT_THAT(thrown<ResourceError>([&] { open_to_append("/dev/null", O_TRUNC); }),
              HasSubstr("is a device, not a file"));
}

TEST(Files, AppendingMakesAFileAndKeepsWhatIsThere) {
  const TempDir dir;
  for (const char* text : {"a", "b"}) {
    const int file = open_to_append(dir / "log");
    EXPECT_EQ(::write(file, text, 1), 1);
    ::close(file);
  }
  EXPECT_EQ(content(dir / "log"), "ab");
  EXPECT_THAT(thrown<ResourceError>([&] { open_to_append(dir / "log", O_EXCL); }),
              HasSubstr("File exists"));
}

TEST(RegularFile, ReadsFromAnyPlaceUpToTheEnd) {
  const TempDir dir;
  const RegularFile file(dir.write("file", "0123456789"));
  char bytes[4] = {};
  EXPECT_EQ(file.size(), 10u);
  EXPECT_EQ(file.read_at(2, bytes, 4), 4u);
  EXPECT_EQ(std::string_view(bytes, 4), "2345");
  EXPECT_EQ(file.read_at(8, bytes, 4), 2u);
  EXPECT_EQ(file.read_at(10, bytes, 4), 0u);
}

std::vector<std::string> lines_of(const fs::path& path) {
  std::vector<std::string> lines;
  read_lines(path, [&](std::int64_t number, std::string_view line) {
    lines.emplace_back(line);
    EXPECT_EQ(number, std::ssize(lines));
  });
  return lines;
}

TEST(Files, LinesAreWholeOnesAcrossTheBlocksOfReading) {
  const TempDir dir;
  EXPECT_THAT(lines_of(dir.write("log", "a\n\nb\ncut")), ElementsAre("a", "", "b"));
  EXPECT_THAT(lines_of(dir.write("log", "")), ElementsAre());
  std::string text;
  std::vector<std::string> expected;
  for (std::size_t i = 0; i < 5; ++i) {
    expected.emplace_back((1 << 20) - 2 + i, static_cast<char>('a' + i));
    text += expected.back() + '\n';
  }
  EXPECT_EQ(lines_of(dir.write("log", text)), expected);
}

TEST(Files, ALineWithoutEndIsRefusedBeforeItFillsTheMemory) {
  const TempDir dir;
  const fs::path log = dir.write("log", "short\n");
  fs::resize_file(log, std::uintmax_t{8} << 30);  // a hole: no disk is used
  EXPECT_THAT(thrown<DataError>([&] { lines_of(log); }),
              HasSubstr("log: line 2: longer than 16777216 bytes"));
  fs::resize_file(log, std::uintmax_t{17} << 30);
  EXPECT_THAT(thrown<DataError>([&] { lines_of(log); }), HasSubstr("such a file may have"));
}

TEST(Files, PermissionsFollowTheUmask) {
  const TempDir dir;
  const mode_t old = ::umask(027);
  write_file_atomic(dir / "file", "x");
  ::umask(old);
  EXPECT_EQ(fs::status(dir / "file").permissions(), fs::perms(0640));
}

TEST(Files, AFullDiskKeepsTheOldFile) {
  const TempDir dir;
  write_file_atomic(dir / "file", "old");
  const std::string large(100'000, 'x');
  {
    const FileSizeLimit limit(50'000);
    EXPECT_THAT(thrown<ResourceError>([&] { write_file_atomic(dir / "file", large); }),
                EndsWith("cannot be written: File too large"));
  }
  EXPECT_EQ(content(dir / "file"), "old");
  EXPECT_THAT(dir.names(), ElementsAre("file"));
}

TEST(Files, AWriterThatIsNotCommittedLeavesNothing) {
  const TempDir dir;
  {
    FileWriter writer(dir / "file");
    writer.write("half");
    EXPECT_FALSE(fs::exists(dir / "file"));
  }
  EXPECT_THAT(dir.names(), ElementsAre());
}

TEST(Files, AMissingFolderIsAResourceError) {
  const TempDir dir;
  EXPECT_THAT(thrown<ResourceError>([&] { write_file_atomic(dir / "absent" / "file", "x"); }),
              HasSubstr("No such file"));
}

TEST(Files, AFolderIsNotReplacedByAFile) {
  const TempDir dir;
  fs::create_directory(dir / "folder");
  EXPECT_THAT(thrown<ResourceError>([&] { write_file_atomic(dir / "folder", "x"); }),
              HasSubstr("directory"));
  EXPECT_THAT(dir.names(), ElementsAre("folder"));
}

}  // namespace
}  // namespace vdd
