// SPDX-License-Identifier: Apache-2.0
#include "vdd/predict/raw_scratch.h"

#include <fcntl.h>
#include <torch/torch.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <cstring>

#include "vdd/core/error.h"
#include "vdd/core/system.h"
#include "vdd/core/text.h"

namespace vdd::predict {
namespace {

[[noreturn]] void fail(const std::filesystem::path& folder, std::string_view what) {
  throw ResourceError(
      concat(escape(folder.native()), ": ", what, " of a temporary file: ", std::strerror(errno)));
}

}  // namespace

RawScratch::RawScratch(const std::filesystem::path& folder, std::int64_t frames,
                       std::int64_t height, std::int64_t width)
    : folder_(folder), height_(height), width_(width) {
  const std::int64_t wanted = frames * height * width * 4, free = free_disk_bytes(folder);
  if (wanted > free) {
    throw ResourceError(concat(escape(folder.native()), ": ", free >> 20,
                               " MiB are free; disparity before normalising needs ", wanted >> 20));
  }
  descriptor_ = ::open(folder.c_str(), O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
  if (descriptor_ >= 0) return;
  // A file system without nameless files, such as NFS: for an instant it has a name.
  std::string name = (folder / ".tmp-raw-XXXXXX").string();
  descriptor_ = ::mkostemp(name.data(), O_CLOEXEC);
  if (descriptor_ < 0) fail(folder, "making");
  ::unlink(name.c_str());
}

RawScratch::~RawScratch() {
  ::close(descriptor_);
}

void RawScratch::append(const torch::Tensor& raw_THW) {
  const torch::Tensor values_THW = raw_THW.contiguous();
  const ValueRange range{values_THW.min().item<float>(), values_THW.max().item<float>()};
  range_ = frames_ == 0
               ? range
               : ValueRange{std::min(range_.low, range.low), std::max(range_.high, range.high)};
  const auto* data = static_cast<const char*>(values_THW.const_data_ptr());
  for (std::size_t left = values_THW.nbytes(); left > 0;) {
    const ssize_t written = ::write(descriptor_, data, left);
    if (written < 0) fail(folder_, "writing");
    data += written;
    left -= static_cast<std::size_t>(written);
  }
  frames_ += values_THW.size(0);
}

torch::Tensor RawScratch::read(std::int64_t frame) const {
  torch::Tensor raw_1HW = torch::empty({1, height_, width_}, torch::kFloat32);
  auto* data = static_cast<char*>(raw_1HW.mutable_data_ptr());
  auto left = static_cast<std::int64_t>(raw_1HW.nbytes());
  for (std::int64_t at = frame * left; left > 0;) {
    const ssize_t taken = ::pread(descriptor_, data, static_cast<std::size_t>(left), at);
    if (taken <= 0) fail(folder_, "reading");
    data += taken;
    at += taken;
    left -= taken;
  }
  return raw_1HW;
}

}  // namespace vdd::predict
