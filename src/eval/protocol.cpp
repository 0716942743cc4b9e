// SPDX-License-Identifier: Apache-2.0
#include "vdd/eval/protocol.h"

#include <algorithm>

#include "vdd/config/reader.h"
#include "vdd/config/writer.h"
#include "vdd/core/error.h"
#include "vdd/core/hash.h"
#include "vdd/core/text.h"

namespace vdd::eval {
namespace {

using metrics::AlignmentConfig;

const std::vector<std::string> kKittiDrives = {
    "2011_09_26_drive_0002_sync", "2011_09_26_drive_0005_sync", "2011_09_26_drive_0013_sync",
    "2011_09_26_drive_0020_sync", "2011_09_26_drive_0023_sync", "2011_09_26_drive_0036_sync",
    "2011_09_26_drive_0079_sync", "2011_09_26_drive_0095_sync", "2011_09_26_drive_0113_sync",
    "2011_09_28_drive_0037_sync", "2011_09_29_drive_0026_sync", "2011_09_30_drive_0016_sync",
    "2011_10_03_drive_0047_sync"};

const std::vector<std::string> kSintel = {
    "alley_1",  "alley_2",    "ambush_2",   "ambush_4",  "ambush_5",   "ambush_6",
    "ambush_7", "bamboo_1",   "bamboo_2",   "bandage_1", "bandage_2",  "cave_2",
    "cave_4",   "market_2",   "market_5",   "market_6",  "mountain_1", "shaman_2",
    "shaman_3", "sleeping_1", "sleeping_2", "temple_2",  "temple_3"};

/// Lists scene0707_00 to scene0806_00, the test scenes, or the first of them.
std::vector<std::string> scannet_scenes(int count) {
  std::vector<std::string> names;
  for (int i = 0; i < count; ++i) names.push_back(concat("scene0", 707 + i, "_00"));
  return names;
}

std::vector<std::string> bonn_sequences(const char* tracking) {
  std::vector<std::string> names;
  for (const char* name : {"balloon2", "crowd2", "crowd3", tracking, "synchronous"})
    names.push_back(concat("rgbd_bonn_", name));
  return names;
}

/// A benchmark of DepthCrafter in its own files, whose truth is already cut.
Protocol benchmark(const char* name, const char* set, std::int64_t count, std::int64_t height,
                   std::int64_t width, double max_depth) {
  Protocol p{.name = concat("depthcrafter-files-", name, "@1"),
             .about = concat("DepthCrafter's own files of ", set,
                             " (csv, npz, mp4), as its evaluation script reads them"),
             .sequence_count = count,
             .height = height,
             .width = width,
             .alignment = {.max_depth = max_depth}};
  p.data.layout = DataLayout::kDepthCrafter;
  p.data.set = set;
  return p;
}

Protocol kitti() {
  Protocol p{.name = "depthcrafter-kitti-110@1",
             .about =
                 "KITTI, 13 validation drives, first 110 annotated frames, as DepthCrafter; "
                 "no Garg or Eigen crop",
             .sequences = kKittiDrives,
             .sequence_count = 13,
             .frames = 110,
             .min_frames = 60,
             .height = 384,
             .width = 1280,
             .crop = metrics::CropRule::kEven,
             .alignment = {.max_depth = 80}};
  p.data.layout = DataLayout::kKitti;
  return p;
}

Protocol nyuv2() {
  Protocol p{.name = "depthcrafter-nyu@1",
             .about =
                 "NYUv2, 654 test images, filled depth, Eigen's crop cut before inference, one "
                 "fit an image, as DepthCrafter",
             .sequence_count = 654,
             .height = 448,
             .width = 640,
             .crop = metrics::CropRule::kNyuEigen,
             .alignment = {.max_depth = 10}};
  p.data.layout = DataLayout::kNyuV2;
  return p;
}

Protocol bonn(const char* name, const char* about, const char* tracking, BonnPairing pairing) {
  Protocol p{.name = name,
             .about = about,
             .sequences = bonn_sequences(tracking),
             .sequence_count = 5,
             .first = 30,
             .frames = 110,
             .min_frames = 110,
             .height = 512,
             .width = 640,
             .alignment = {.max_depth = 10}};
  p.data.layout = DataLayout::kBonn;
  p.data.pairing = pairing;
  return p;
}

Protocol sintel() {
  Protocol p{.name = "depthcrafter-sintel-50@1",
             .about =
                 "MPI Sintel, 23 training sequences, clean pass, first 50 frames, as "
                 "DepthCrafter",
             .sequences = kSintel,
             .sequence_count = 23,
             .frames = 50,
             .min_frames = 20,
             .height = 448,
             .width = 1024,
             .alignment = {.max_depth = 70}};
  p.data.layout = DataLayout::kSintel;
  return p;
}

Protocol sintel_boundary() {
  Protocol p = sintel();
  p.name = "boundary-sintel@1";
  p.about =
      "boundary F1 and recall on MPI Sintel, final pass, all frames; depth aligned at the "
      "size of the truth, background clipped to the cap in both";
  p.frames = 0;
  p.data.pass = SintelPass::kFinal;
  p.boundary = true;
  return p;
}

Protocol scannet() {
  Protocol p{.name = "depthcrafter-scannet-90@1",
             .about =
                 "ScanNet, 100 test scenes, every third of the first 270 frames, border cut, "
                 "as DepthCrafter",
             .sequences = scannet_scenes(100),
             .sequence_count = 100,
             .step = 3,
             .frames = 90,
             .min_frames = 90,
             .height = 640,
             .width = 832,
             .crop = metrics::CropRule::kScannetBorder,
             .alignment = {.max_depth = 10}};
  p.data.layout = DataLayout::kScanNet;
  return p;
}

Protocol scannet_temporal() {
  Protocol p = scannet();
  p.name = "tae-scannet-180@1";
  p.about =
      "temporal alignment error on 20 ScanNet scenes of up to 180 frames, as Video Depth "
      "Anything, but with intrinsics moved by the crop";
  p.sequences = scannet_scenes(20);
  p.sequence_count = 20;
  p.step = 1;
  p.frames = 180;
  p.min_frames = 100;
  p.alignment.min_depth = 0.1;
  p.temporal = true;
  p.temporal_mask = TemporalMask::kAll;
  return p;
}

Protocol virtual_kitti() {
  Protocol p{
      .name = "vdd-vkitti2@1",
      .about =
          "Virtual KITTI 2, held-out Scene01, the six variants without fog, rain and "
          "30 degrees, left camera, first 110 frames",
      .sequences = {"vkitti2/Scene01/15-deg-left/Camera_0", "vkitti2/Scene01/15-deg-right/Camera_0",
                    "vkitti2/Scene01/clone/Camera_0", "vkitti2/Scene01/morning/Camera_0",
                    "vkitti2/Scene01/overcast/Camera_0", "vkitti2/Scene01/sunset/Camera_0"},
      .sequence_count = 6,
      .frames = 110,
      .min_frames = 110,
      .height = 384,
      .width = 1280,
      .alignment = {.max_depth = 80},
      .temporal = true,
      .boundary = true};
  p.data.layout = DataLayout::kVirtualKitti;
  return p;
}

Protocol hypersim() {
  Protocol p{.name = "vdd-hypersim@1",
             .about =
                 "Hypersim's val partition, every trajectory, planar depth by the scene's own "
                 "lens; its frames are a metre apart, so TAE is large for true depth too",
             .height = 576,
             .width = 768,
             .alignment = {.max_depth = 65},
             .temporal = true};
  p.data.layout = DataLayout::kHypersim;
  p.data.split = HypersimSplit::kVal;
  return p;
}

Protocol floor_of_temporal() {
  Protocol p{.name = "tae-floor@1",
             .about =
                 "what the temporal alignment error of true depth is: no fit, no cap, valid "
                 "depth only, nearest surface wins; any data set with poses",
             .alignment = {.min_depth = 0,
                           .max_depth = 1e6,
                           .floor = 1e-6,
                           .fit = metrics::FitKind::kNone},
             .temporal = true,
             .temporal_error = {.splat = metrics::Splat::kNear}};
  return p;
}

std::vector<Protocol> make_protocols() {
  std::vector<Protocol> all = {
      kitti(),
      nyuv2(),
      bonn("depthcrafter-bonn-110@1",
           "Bonn, 5 sequences, pairs 30 to 139 by index, as DepthCrafter's table of files has them",
           "person_tracking", BonnPairing::kIndex),
      bonn("bonn-stamp-110@1",
           "Bonn, 5 sequences, pairs 30 to 139 by time stamp, person_tracking2 as the authors and "
           "RollingDepth say",
           "person_tracking2", BonnPairing::kStamp),
      sintel(),
      sintel_boundary(),
      scannet(),
      scannet_temporal(),
      virtual_kitti(),
      hypersim(),
      floor_of_temporal(),
      benchmark("kitti", "kitti", 13, 384, 1280, 80),
      benchmark("nyu", "nyu", 654, 448, 640, 10),
      benchmark("bonn", "bonn", 5, 512, 640, 10),
      benchmark("sintel", "sintel", 23, 448, 1024, 70),
      benchmark("scannet", "scannet", 100, 640, 832, 10),
  };
  std::sort(all.begin(), all.end(), [](const auto& a, const auto& b) { return a.name < b.name; });
  return all;
}

}  // namespace

const std::vector<Protocol>& protocols() {
  static const std::vector<Protocol> all = make_protocols();
  return all;
}

Protocol find_protocol(const std::string& name, std::span<const std::string> overrides) {
  if (name.ends_with(".yaml")) return config::load<Protocol>(name, overrides);
  std::vector<std::string> names;
  for (const Protocol& protocol : protocols()) {
    if (protocol.name == name)
      return config::load_text<Protocol>(config::to_yaml(protocol), name, overrides);
    names.push_back(protocol.name);
  }
  throw ConfigError(concat("protocol: '", escape(name), "' is none of ", join(names, ", "),
                           did_you_mean(name, names)));
}

std::vector<std::size_t> frames_of(const Protocol& p, std::size_t available) {
  std::vector<std::size_t> frames;
  for (auto i = static_cast<std::size_t>(p.first); i < available;
       i += static_cast<std::size_t>(p.step)) {
    if (p.frames > 0 && std::ssize(frames) == p.frames) break;
    frames.push_back(i);
  }
  return frames;
}

std::string fingerprint(Protocol protocol) {
  protocol.name = protocol.about = "";
  return sha256_hex(config::to_yaml(protocol));
}

std::string list_protocols() {
  std::string text = "| protocol | content | what it is |\n|---|---|---|\n";
  for (const Protocol& p : protocols())
    text += concat("| `", p.name, "` | `", fingerprint(p).substr(0, 12), "` | ", p.about, " |\n");
  return text;
}

}  // namespace vdd::eval
