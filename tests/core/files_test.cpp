// SPDX-License-Identifier: Apache-2.0
#include "vdd/core/files.h"

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
    EXPECT_THAT(thrown<DataError>([&] { MappedFile mapped(path); }), HasSubstr(reason)) << path;
  }
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

}  // namespace
}  // namespace vdd
