// SPDX-License-Identifier: Apache-2.0
#include "vdd/data/doctor.h"

#include <ATen/core/Tensor.h>

#include <algorithm>
#include <cmath>
#include <future>
#include <utility>

#include "source.h"
#include "vdd/core/error.h"
#include "vdd/core/text.h"
#include "vdd/core/thread_pool.h"
#include "vdd/data/dataset.h"
#include "vdd/data/tables.h"
#include "vdd/io/hdf5.h"
#include "vdd/io/image.h"

namespace vdd::data {
namespace {

namespace fs = std::filesystem;

std::string describe_depth(const fs::path& file, std::int64_t height, std::int64_t width,
                           std::int64_t valid) {
  if (valid == 0) throw DataError(file, "no valid depth in the picture");
  return concat("depth, ", width, 'x', height, ", ", 100 * valid / (height * width), " % valid");
}

}  // namespace

std::string check_image_rgb(const fs::path& file) {
  const io::Image8 image = io::read_rgb(file);
  return concat("RGB picture, ", image.width, 'x', image.height);
}

std::string check_depth_png16(const fs::path& file) {
  const io::Image16 image = io::read_png16(file);
  const auto valid = std::count_if(image.pixels.get(), image.pixels.get() + image.size(),
                                   [](std::uint16_t v) { return v != 0 && v != 65535; });
  return describe_depth(file, image.height, image.width, valid);
}

std::string check_depth_hdf5(const fs::path& file) {
  const at::Tensor metres = io::read_hdf5(file, {.dtype = at::kFloat, .shape = {-1, -1}});
  const std::int64_t height = metres.size(0), width = metres.size(1);
  if (height > kMaxSide || width > kMaxSide) {
    throw DataError(file,
                    concat("picture of ", width, 'x', height, "; a side may have ", kMaxSide));
  }
  const auto* first = metres.const_data_ptr<float>();
  const auto valid = std::count_if(first, first + metres.numel(),
                                   [](float m) { return m > 0 && std::isfinite(m); });
  return describe_depth(file, height, width, valid);
}

std::string check_depth_dpt(const fs::path& file) {
  const io::Image<float> image = io::read_dpt(file);
  const auto valid = std::count_if(image.pixels.get(), image.pixels.get() + image.size(),
                                   [](float m) { return m > 0; });
  return describe_depth(file, image.height, image.width, valid);
}

std::string check_split_csv(const fs::path& file) {
  const auto rows = read_hypersim_split(file);
  std::size_t images = 0;
  for (const auto& [name, frames] : rows) images += frames.size();
  return concat("Hypersim split, ", rows.size(), " trajectories, ", images, " images");
}

std::string check_vkitti_intrinsic(const fs::path& file) {
  return concat("Virtual KITTI intrinsics, ", read_vkitti_intrinsics(file).size(), " rows");
}

std::string check_vkitti_extrinsic(const fs::path& file) {
  return concat("Virtual KITTI extrinsics, ", read_vkitti_extrinsics(file).size(), " rows");
}

bool holds_data_set(const fs::path& root) {
  try {
    return !find_sources(root).empty();
  } catch (const DataError&) {
    return false;
  }
}

std::vector<DataSetReport> read_data_sets(const fs::path& root, int workers) {
  std::vector<DataSetReport> reports;
  for (auto& source : find_sources(root)) {
    DataConfig config;
    config.frames = 1;
    config.height = config.width = 64;
    config.rgb_only = false;
    config.poses = source.kind == SourceKind::kVirtualKitti;  // text files, read where they are
    config.sources = {source};
    auto dataset = std::make_shared<const ClipDataset>(config, Split::kAll);
    if (dataset->empty()) {  // pictures without depth
      config.rgb_only = true;
      dataset = std::make_shared<const ClipDataset>(config, Split::kAll);
    }
    DataSetReport report{.summary = join(dataset->summary(), "; "), .frames = 0, .problems = {}};
    ThreadPool pool(workers);
    std::vector<std::future<void>> reads;
    for (auto& plan : dataset->all_frames()) {
      reads.push_back(pool.submit([dataset, plan = std::move(plan)] { dataset->load(plan); }));
    }
    for (auto& read : reads) {
      try {
        read.get();
      } catch (const DataError& error) {
        report.problems.emplace_back(error.what());
      }
      ++report.frames;
    }
    reports.push_back(std::move(report));
  }
  return reports;
}

std::string check_data_set(const fs::path& root) {
  std::vector<std::string> lines, problems;
  for (auto& report : read_data_sets(root, static_cast<int>(std::thread::hardware_concurrency()))) {
    lines.push_back(report.summary);
    problems.insert(problems.end(), report.problems.begin(), report.problems.end());
  }
  if (problems.empty()) return join(lines, "\n");
  const auto others = problems.size() - 1;
  throw Error(others == 0 ? problems[0]
                          : concat(problems[0], " (and ", others, " more: ", problems[1],
                                   others > 1 ? ", ...)" : ")"),
              ExitCode::kData);
}

}  // namespace vdd::data
