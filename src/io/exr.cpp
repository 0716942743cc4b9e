// SPDX-License-Identifier: Apache-2.0
#include "vdd/io/exr.h"

#include <ImathBox.h>
#include <ImfChannelList.h>
#include <ImfFrameBuffer.h>
#include <ImfHeader.h>
#include <ImfInputPart.h>
#include <ImfMultiPartInputFile.h>
#include <ImfOutputFile.h>
#include <ImfPartType.h>

#include <array>
#include <exception>
#include <mutex>

#include "codecs.h"
#include "vdd/core/error.h"
#include "vdd/core/files.h"
#include "vdd/core/text.h"

namespace vdd::io {
namespace {

namespace fs = std::filesystem;

/// Larger headers are refused by the library before it takes memory for their tables.
constexpr int kMaxSide = 65536;
/// Limits of what is compressed as one, with all channels: a tile, or as many rows as any method
/// takes.
constexpr std::int64_t kMaxBlockBytes = 512 << 20, kBlockRows = 256;

std::string depth_channel(const Imf::ChannelList& channels, const fs::path& path) {
  std::size_t count = 0;
  std::string only;
  for (auto it = channels.begin(); it != channels.end(); ++it, ++count) only = it.name();
  if (count == 1) return only;
  for (const char* name : std::array{"Y", "Z", "depth", "V"})
    if (channels.findChannel(name) != nullptr) return name;
  throw DataError(path, concat("EXR of ", count, " channels and none is Y, Z, depth or V"));
}

/// Throws DataError for what would make the library take much memory for a small file.
void check_header(const Imf::Header& header, const fs::path& path) {
  if (Imf::isDeepData(header.type()))
    throw DataError(path, "EXR of deep samples, which is no picture of depth");
  const Imath::Box2i& window = header.dataWindow();
  const auto width = std::int64_t{window.max.x} - window.min.x + 1;
  check_pixels(std::int64_t{window.max.y} - window.min.y + 1, width, path);
  std::int64_t block = width * kBlockRows;
  if (Imf::isTiled(header.type())) {
    const Imf::TileDescription& tiles = header.tileDescription();
    block = std::int64_t{tiles.xSize} * tiles.ySize;
  }
  std::int64_t bytes = 0;  // of a pixel
  for (auto it = header.channels().begin(); it != header.channels().end(); ++it)
    bytes += it.channel().type == Imf::HALF ? 2 : 4;
  if (bytes > kMaxBlockBytes / block)
    throw DataError(path, concat("EXR in blocks of more than ", kMaxBlockBytes >> 20, " MiB"));
}

Image<float> read(const fs::path& path) {
  Imf::MultiPartInputFile parts(path.c_str(), 0, false);
  const Imf::Header& header = parts.header(0);
  check_header(header, path);  // the library takes memory for a part once that is opened
  const std::string name = depth_channel(header.channels(), path);
  const Imf::Channel& channel = header.channels()[name];
  if (channel.type == Imf::UINT) throw DataError(path, name, "a channel of integers");
  if (channel.xSampling != 1 || channel.ySampling != 1)
    throw DataError(path, name, "a channel at a lower resolution");
  if (!parts.partComplete(0)) throw DataError(path, "bad EXR: the file is cut");

  const Imath::Box2i window = header.dataWindow();
  Image<float> image(window.max.y - window.min.y + 1, window.max.x - window.min.x + 1, 1);
  Imf::FrameBuffer buffer;
  buffer.insert(name, Imf::Slice::Make(Imf::FLOAT, image.pixels.get(), window));
  Imf::InputPart file(parts, 0);
  file.setFrameBuffer(buffer);
  file.readPixels(window.min.y, window.max.y);
  return image;
}

}  // namespace

Image<float> read_exr(const fs::path& path) {
  static std::once_flag once;
  std::call_once(once, [] {
    Imf::Header::setMaxImageSize(kMaxSide, kMaxSide);
    Imf::Header::setMaxTileSize(kMaxSide, kMaxSide);
  });
  const RegularFile regular(path);  // refuses a FIFO, a folder, a missing file
  try {
    return read(path);
  } catch (const Error&) {
    throw;
  } catch (const std::exception& e) {  // Iex, and what the library's own allocations throw
    throw DataError(path, concat("bad EXR: ", e.what()));
  }
}

void write_exr(const fs::path& path, const Image<float>& image) {
  if (image.channels != 1 || image.size() == 0) {
    throw ShapeError(concat("EXR: wanted one channel and at least one pixel, got ", image.height,
                            'x', image.width, 'x', image.channels));
  }
  try {
    Imf::Header header(image.width, image.height);
    header.compression() = Imf::ZIP_COMPRESSION;
    header.channels().insert("Y", Imf::Channel(Imf::FLOAT));
    Imf::OutputFile file(path.c_str(), header, 0);
    Imf::FrameBuffer buffer;
    buffer.insert("Y", Imf::Slice::Make(Imf::FLOAT, image.pixels.get(), header.dataWindow()));
    file.setFrameBuffer(buffer);
    file.writePixels(image.height);
  } catch (const std::exception& e) {
    throw ResourceError(concat(escape(path.native()), ": cannot be written: ", escape(e.what())));
  }
}

}  // namespace vdd::io
